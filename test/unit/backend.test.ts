import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Backend } from '../../agents/backend.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';
import { createLog } from '../../core/log.ts';
import type { NewTurn } from '../../domain/conversation.ts';

interface Request {
  route: string;
  token: string | undefined;
  body: string;
}

/** How the API answers: a status with a body, or by hanging up. */
type Answer = { status: number; body?: unknown } | 'hang-up';

const sessionId = newId();
const turnsRoute = `POST /api/v1/sessions/${sessionId}/turns`;
const heartbeatRoute = `POST /api/v1/sessions/${sessionId}/heartbeat`;
const noteRoute = `GET /api/v1/sessions/${sessionId}/note`;
const changesRoute = `POST /api/v1/sessions/${sessionId}/note/operations`;
const connectionRoute = `GET /api/v1/sessions/${sessionId}/lease/connection`;
const checkpointRoute = `PUT /api/v1/sessions/${sessionId}/checkpoint`;
const lexiconRoute = 'GET /api/v1/lexicons/nl-dental/effective';
const leaseRoute = `DELETE /api/v1/sessions/${sessionId}/lease?ending=person-left`;
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
  'POST /api/v1/sessions/claim': { status: 200, body: claim },
  [heartbeatRoute]: {
    status: 200,
    body: { sessionToken: 'session-token-2', expiresAt: claim.expiresAt, lexiconVersion: '7.2' },
  },
  [turnsRoute]: { status: 201, body: {} },
  [leaseRoute]: { status: 204 },
  [checkpointRoute]: { status: 204 },
  [noteRoute]: { status: 200, body: { version: 3 } },
  [changesRoute]: { status: 200, body: { version: 4 } },
  [lexiconRoute]: { status: 200, body: { version: '7.2', user: [], tenant: [] } },
  'GET /api/v1/profiles/me': { status: 200, body: { preferredName: null } },
  'GET /api/v1/context': { status: 200, body: { profile: { preferredName: null }, turns: [] } },
};

describe('the backend of a job', () => {
  /** Every request in the order of arrival. */
  let requests: Request[];
  /** Answers to connections that are open, or were: the token each came with. */
  let connections: { response: ServerResponse; token: string | undefined }[];
  /** Answers to give before the usual ones, by route. */
  let next: Record<string, Answer[]>;
  let close: () => Promise<void>;
  let backend: Backend;

  const seen = (route: string) => requests.filter((request) => request.route === route);
  const recorded = () => seen(turnsRoute).map(({ body }) => (JSON.parse(body) as NewTurn).id);

  beforeEach(async () => {
    requests = [];
    connections = [];
    next = {};
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
    if (route === connectionRoute) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: connected\ndata: {}\n\n');
      connections.push({ response, token });
      return;
    }
    requests.push({ route, token, body: Buffer.concat(chunks).toString('utf8') });
    const given = next[route]?.shift() ?? well[route] ?? { status: 404 };
    if (given === 'hang-up') {
      request.socket.destroy();
      return;
    }
    response.writeHead(given.status, { 'content-type': 'application/json' });
    response.end(given.body === undefined ? undefined : JSON.stringify(given.body));
  }

  const lease = (events: Partial<Parameters<Backend['claim']>[1]> = {}) => ({
    onLost: () => {},
    onLexicon: () => {},
    ...events,
  });
  const turn = (text: string): NewTurn => ({ id: newId(), speaker: 'user', text, saidAt: new Date(0).toISOString() });

  test('claims with the join token and uses the session token from then on, the newest one', async () => {
    expect(await backend.claim('join-token', lease())).toMatchObject({ participantIdentity: 'user-a' });
    await backend.profile();
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => seen(heartbeatRoute)).toHaveLength(1);
    await expect
      .poll(async () => {
        await backend.profile();
        return requests.at(-1)?.token;
      })
      .toBe('session-token-2');
    expect(requests[0]).toMatchObject({ token: 'join-token' });
    expect(requests[1]).toMatchObject({ token: 'session-token-1' });
  });

  test('is connected until it has given its lease back, again when the connection breaks', async () => {
    await backend.claim('join-token', lease());
    await expect.poll(() => connections).toHaveLength(1);
    connections[0]?.response.end();
    await expect.poll(() => connections).toHaveLength(2);
    connections[1]?.response.destroy();
    await expect.poll(() => connections.map(({ token }) => token)).toEqual(Array(3).fill('session-token-1'));
    let wasOpen: boolean | undefined;
    connections[2]?.response.once('close', () => {
      wasOpen = seen(leaseRoute).length === 0;
    });
    await backend.close('person-left');
    await expect.poll(() => wasOpen).toBe(false);
  });

  test('keeps where a call is after the turns before it', async () => {
    await backend.claim('join-token', lease());
    next[turnsRoute] = [{ status: 503 }];
    backend.appendTurn(turn('hello'));
    next[checkpointRoute] = [{ status: 409 }];
    backend.checkpoint({ agent: 'concierge' });
    backend.checkpoint({ agent: 'onboarding' });
    await expect
      .poll(() => seen(checkpointRoute).map(({ body }) => body))
      .toEqual(['{"agent":"concierge"}', '{"agent":"onboarding"}']);
    expect(requests.findIndex(({ route }) => route === checkpointRoute)).toBeGreaterThan(
      requests.findLastIndex(({ route }) => route === turnsRoute),
    );
  });

  test('asks for everything a call begins with in one request', async () => {
    await backend.claim('join-token', lease());
    expect(await backend.context()).toEqual({ profile: { preferredName: null }, turns: [] });
    expect(requests.slice(1)).toMatchObject([{ route: 'GET /api/v1/context', token: 'session-token-1' }]);
  });

  test('asks again when the API is away, busy or hangs up', async () => {
    await backend.claim('join-token', lease());
    next['GET /api/v1/profiles/me'] = ['hang-up', { status: 503 }, { status: 429 }];
    expect(await backend.profile()).toEqual({ preferredName: null });
    expect(seen('GET /api/v1/profiles/me')).toHaveLength(4);
  });

  test('asks once when the answer is final, and throws what the API found wrong', async () => {
    next['POST /api/v1/sessions/claim'] = [
      { status: 409, body: { code: 'conflict', detail: 'Another job serves this session' } },
    ];
    await expect(backend.claim('join-token', lease())).rejects.toMatchObject({
      code: 'conflict',
      message: 'Another job serves this session',
    });
    expect(requests).toHaveLength(1);
    next['POST /api/v1/sessions/claim'] = [{ status: 500, body: 'not a problem document' }];
    await expect(backend.claim('join-token', lease())).rejects.toMatchObject({ code: 'internal' });
    expect(requests).toHaveLength(2);
  });

  test('gives up on what a caller waits for after three seconds', async () => {
    await backend.claim('join-token', lease());
    next['GET /api/v1/profiles/me'] = Array(100).fill({ status: 503 });
    const startedAt = performance.now();
    await expect(backend.profile()).rejects.toMatchObject({ code: 'internal' });
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    expect(seen('GET /api/v1/profiles/me').length).toBeGreaterThan(2);
  }, 15_000);

  test('records turns in order, one after another, each repeat under its own id', async () => {
    await backend.claim('join-token', lease());
    const turns = ['one', 'two', 'three'].map(turn);
    const [one, two, three] = turns.map(({ id }) => id);
    next[turnsRoute] = ['hang-up', { status: 503 }, { status: 201, body: {} }, 'hang-up'];
    for (const said of turns) backend.appendTurn(said);
    await expect.poll(recorded, { timeout: 5_000 }).toEqual([one, one, one, two, two, three]);
    expect(seen(turnsRoute).map(({ token }) => token)).toEqual(Array(6).fill('session-token-1'));
    expect(JSON.parse(seen(turnsRoute)[0]?.body ?? '')).toEqual(turns[0]);
  });

  test('goes on with the next turn when one is refused', async () => {
    await backend.claim('join-token', lease());
    next[turnsRoute] = [{ status: 400, body: { code: 'invalid_input', detail: 'text: is longer than it may be' } }];
    const turns = ['one', 'two'].map(turn);
    for (const said of turns) backend.appendTurn(said);
    await expect.poll(recorded).toEqual(turns.map(({ id }) => id));
  });

  test('tells once that the session is lost, and sends no heartbeat any more', async () => {
    const onLost = vi.fn();
    await backend.claim('join-token', lease({ onLost }));
    next[heartbeatRoute] = [{ status: 409, body: { code: 'conflict', detail: 'The session belongs to another job' } }];
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => onLost.mock.calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs * 3);
    await backend.profile();
    expect(seen(heartbeatRoute)).toHaveLength(1);
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  test('keeps the session through a heartbeat that fails for another reason', async () => {
    const onLost = vi.fn();
    await backend.claim('join-token', lease({ onLost }));
    next[heartbeatRoute] = [{ status: 401, body: { code: 'unauthenticated' } }, 'hang-up'];
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => seen(heartbeatRoute)).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => seen(heartbeatRoute)).toHaveLength(3);
    expect(onLost).not.toHaveBeenCalled();
  });

  test('sends what is queued before it gives the lease back, and nothing afterwards', async () => {
    await backend.claim('join-token', lease());
    next[turnsRoute] = [{ status: 503 }, { status: 503 }];
    const turns = ['one', 'two'].map(turn);
    for (const said of turns) backend.appendTurn(said);
    await backend.close('person-left');
    expect(recorded().slice(-2)).toEqual(turns.map(({ id }) => id));
    expect(requests.at(-1)?.route).toBe(leaseRoute);
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs * 2);
    await backend.close('person-left');
    expect(requests.at(-1)?.route).toBe(leaseRoute);
    expect(seen(leaseRoute)).toHaveLength(1);
  });

  test('closes in time however many turns are queued for an API that does not answer', async () => {
    await backend.claim('join-token', lease());
    next[turnsRoute] = Array(1_000).fill({ status: 503 });
    for (const said of ['one', 'two', 'three', 'four'].map(turn)) backend.appendTurn(said);
    const startedAt = performance.now();
    await backend.close('person-left');
    // A job that takes 30 s to end is killed.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(requests.at(-1)?.route).toBe(leaseRoute);
  }, 60_000);

  test('reads the note and the terms of a pack', async () => {
    await backend.claim('join-token', lease());
    expect(await backend.note()).toEqual({ version: 3 });
    expect(await backend.lexicon('nl-dental')).toEqual({ version: '7.2', user: [], tenant: [] });
  });

  test('reads the last hundred turns, those that waited to be kept among them', async () => {
    await backend.claim('join-token', lease());
    const listRoute = (query: string) => `GET /api/v1/sessions/${sessionId}/turns?${query}`;
    const page = (from: number, length: number): Answer => ({
      status: 200,
      body: { turns: Array.from({ length }, (_, index) => ({ position: from + index })) },
    });
    next[listRoute('limit=100')] = [page(0, 100)];
    next[listRoute('limit=100&after=99')] = [page(100, 3)];
    backend.appendTurn(turn('one'));
    expect((await backend.turns()).map(({ position }) => position)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 3),
    );
    const routes = requests.map(({ route }) => route);
    expect(routes.indexOf(turnsRoute)).toBeLessThan(routes.indexOf(listRoute('limit=100')));
  });

  test('reads and changes preferences', async () => {
    await backend.claim('join-token', lease());
    next['GET /api/v1/preferences'] = [{ status: 200, body: { tea: true } }];
    expect(await backend.preferences()).toEqual({ tea: true });
    next['PATCH /api/v1/preferences'] = [{ status: 200, body: {} }];
    expect(await backend.changePreferences({ tea: null })).toEqual({});
    expect(seen('PATCH /api/v1/preferences').map(({ body }) => body)).toEqual(['{"tea":null}']);
  });

  test('changes the note in order, one after another, each repeat under its own id, while turns go their own way', async () => {
    await backend.claim('join-token', lease());
    next[changesRoute] = ['hang-up', { status: 503 }, 'hang-up'];
    const changes = (['new-line', 'undo', 'next-patient'] as const).map((type) => ({
      id: newId(),
      operation: { type },
    }));
    const saved = changes.map((change) => backend.changeNote(change));
    backend.appendTurn(turn('one'));
    await expect.poll(recorded).toHaveLength(1);
    expect(await Promise.all(saved)).toEqual([{ version: 4 }, { version: 4 }, { version: 4 }]);
    const sent = seen(changesRoute).map(({ body }) => JSON.parse(body) as unknown);
    expect(sent).toEqual([changes[0], changes[0], changes[0], ...changes]);
  });

  test('tells whose change of the note is refused, and goes on with the next', async () => {
    await backend.claim('join-token', lease());
    next[changesRoute] = [{ status: 409, body: { code: 'conflict', detail: 'The note is full' } }];
    const changes = [1, 2].map(() => backend.changeNote({ id: newId(), operation: { type: 'new-line' } }));
    await expect(changes[0]).rejects.toMatchObject({ code: 'conflict' });
    expect(await changes[1]).toEqual({ version: 4 });
  });

  test('sends the changes of the note that wait before it gives the lease back', async () => {
    await backend.claim('join-token', lease());
    next[changesRoute] = [{ status: 503 }, { status: 503 }];
    const saved = backend.changeNote({ id: newId(), operation: { type: 'new-line' } });
    await backend.close('person-left');
    expect(await saved).toEqual({ version: 4 });
    expect(requests.slice(-2).map(({ route }) => route)).toEqual([changesRoute, leaseRoute]);
  });

  test('tells which version of the lexicon applies, after each renewal', async () => {
    const onLexicon = vi.fn();
    await backend.claim('join-token', lease({ onLexicon }));
    await vi.advanceTimersByTimeAsync(lifetimes.heartbeatMs);
    await expect.poll(() => onLexicon.mock.calls).toEqual([['7.2']]);
  });

  test('says what is wrong when it is used without a session', () => {
    expect(() => backend.appendTurn(turn('one'))).toThrow(/before a session was claimed/);
  });
});
