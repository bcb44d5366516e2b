import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, vi } from 'vitest';
import { Backend } from '../../agents/backend.ts';
import { newId } from '../../core/ids.ts';
import { createLog } from '../../core/log.ts';
import type { NewTurn } from '../../domain/conversation.ts';

interface Request {
  route: string;
  token: string | undefined;
  body: string;
}

/** How the API answers: a status with a body, or by hanging up. */
export type Answer = { status: number; body?: unknown } | 'hang-up';

/** The session that the job claims. */
export const sessionId = newId();

/** What the backend asks the API of that session and its person. */
export const routes = {
  claim: 'POST /api/v1/sessions/claim',
  heartbeat: `POST /api/v1/sessions/${sessionId}/heartbeat`,
  connection: `GET /api/v1/sessions/${sessionId}/lease/connection`,
  lease: `DELETE /api/v1/sessions/${sessionId}/lease?ending=person-left`,
  turns: `POST /api/v1/sessions/${sessionId}/turns`,
  checkpoint: `PUT /api/v1/sessions/${sessionId}/checkpoint`,
  note: `GET /api/v1/sessions/${sessionId}/note`,
  changes: `POST /api/v1/sessions/${sessionId}/note/operations`,
  lexicon: 'GET /api/v1/lexicons/nl-dental/effective',
  profile: 'GET /api/v1/profiles/me',
  context: 'GET /api/v1/context',
};

const claim = {
  session: {
    id: sessionId,
    roomName: 'room-a',
    agentName: 'parley',
    modality: 'voice',
    createdAt: new Date(0).toISOString(),
    endedAt: null,
  },
  participantIdentity: 'user-a',
  sessionToken: 'session-token-1',
  expiresAt: new Date(0).toISOString(),
};
const well: Record<string, Answer> = {
  [routes.claim]: { status: 200, body: claim },
  [routes.heartbeat]: {
    status: 200,
    body: { sessionToken: 'session-token-2', expiresAt: claim.expiresAt, lexiconVersion: '7.2' },
  },
  [routes.turns]: { status: 201, body: {} },
  [routes.lease]: { status: 204 },
  [routes.checkpoint]: { status: 204 },
  [routes.note]: { status: 200, body: { version: 3 } },
  [routes.changes]: { status: 200, body: { version: 4 } },
  [routes.lexicon]: { status: 200, body: { version: '7.2', user: [], tenant: [] } },
  [routes.profile]: { status: 200, body: { preferredName: null } },
  [routes.context]: { status: 200, body: { profile: { preferredName: null }, turns: [] } },
};

/** Starts and stops an API, and a backend that asks it, around each test of the suite that calls it. */
export function backendFixture() {
  let backend: Backend;
  let close: () => Promise<void>;
  /** Every request in the order of arrival. */
  const requests: Request[] = [];
  /** Answers to connections that are open, or were: the token each came with. */
  const connections: { response: ServerResponse; token: string | undefined }[] = [];
  /** Answers to give before the usual ones, by route. */
  const next = new Map<string, Answer[]>();

  beforeEach(async () => {
    requests.length = 0;
    connections.length = 0;
    next.clear();
    const server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    close = () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    };
    // Heartbeats come when a test says so; retries take their real, short time.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    backend = new Backend(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, createLog('test', 'silent'));
  });

  afterEach(async () => {
    await backend.close('person-left');
    vi.useRealTimers();
    await close();
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const route = `${request.method} ${request.url}`;
    const token = request.headers.authorization?.replace('Bearer ', '');
    if (route === routes.connection) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: connected\ndata: {}\n\n');
      connections.push({ response, token });
      return;
    }
    requests.push({ route, token, body: Buffer.concat(chunks).toString('utf8') });
    const given = next.get(route)?.shift() ?? well[route] ?? { status: 404 };
    if (given === 'hang-up') {
      request.socket.destroy();
      return;
    }
    response.writeHead(given.status, { 'content-type': 'application/json' });
    response.end(given.body === undefined ? undefined : JSON.stringify(given.body));
  }

  const answerNext = (route: string, answers: Answer[]) => void next.set(route, answers);
  const seen = (route: string) => requests.filter((request) => request.route === route);
  const recorded = () => seen(routes.turns).map(({ body }) => (JSON.parse(body) as NewTurn).id);
  const lease = (events: Partial<Parameters<Backend['claim']>[1]> = {}) => ({
    onLost: () => {},
    onLexicon: () => {},
    ...events,
  });
  const turn = (text: string): NewTurn => ({ id: newId(), speaker: 'user', text, saidAt: new Date(0).toISOString() });

  return { backend: () => backend, requests, connections, answerNext, seen, recorded, lease, turn };
}
