import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { sizes } from '../core/limits.ts';
import type { UserActor } from '../domain/actor.ts';
import { bearerProtocolPrefix, pairingProtocol } from '../domain/pairing-messages.ts';
import type { Services } from '../services/context.ts';
import { watchPairings } from '../services/pairing-presence.ts';
import type { HttpDependencies } from './app.ts';
import type { Authenticator } from './middleware/authenticator.ts';
import { addressBehind, networkOf } from './middleware/client-address.ts';
import { PairingConnection } from './pairing-connection.ts';

/** Connections of one user, and of one address, to this process. */
const connectionsPerUser = 20;
const connectionsPerAddress = 200;
/** What clients have to close their connections when the process stops. */
const closingMs = 2_000;

const socketPath = /^\/api\/v1\/pairings\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/ws$/i;

/** How long things take; each has a default. */
export interface SocketTiming {
  /** What a client has for its first message. */
  helloTimeoutMs?: number;
  /** What a client has for taking one message. */
  sendTimeoutMs?: number;
  pingIntervalMs?: number;
  /** How soon events are found whose announcement got lost. */
  pollIntervalMs?: number;
}

/** What the WebSockets of pairings work with. */
export interface PairingSocketOptions extends SocketTiming {
  services: Services;
  authenticator: Authenticator;
  http: HttpDependencies;
}

/** The WebSockets of pairings that a process serves. */
export interface PairingSockets {
  /** Closes all of them with 1012, so that clients connect elsewhere; resolves once the other ends are told. */
  close(): Promise<void>;
}

/** Why an upgrade is refused. */
interface Refusal {
  status: number;
  detail: string;
}

/**
 * Serves `/api/v1/pairings/<id>/ws` (RFC 6455) beside the routes of a server. A token never comes in the URL, which logs and
 * histories keep: it is in the first message or a sub-protocol. Pages may connect from the origins that may call the API,
 * which WebSockets need to be told of (RFC 6455, section 10.2); a client without an origin is no page.
 */
export function servePairingSockets(server: Server, options: PairingSocketOptions): PairingSockets {
  const { services, http, pingIntervalMs = 20_000, pollIntervalMs = 5_000 } = options;
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: sizes.requestBodyBytes,
    handleProtocols: (offered) => (offered.has(pairingProtocol) ? pairingProtocol : false),
  });
  const connections = new Map<PairingConnection, { pairingId: string; address: string }>();
  const isClosing = new AbortController();

  const countOf = (isCounted: (connection: PairingConnection) => boolean) =>
    [...connections.keys()].filter(isCounted).length;

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    const address = networkOf(
      addressBehind(http.trustedProxies, request.socket.remoteAddress, header(request, 'x-forwarded-for')),
    );
    const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
    const pairingId = socketPath.exec(pathname)?.[1];
    if (pairingId === undefined) return refuse(socket, { status: 404, detail: 'There is no WebSocket here' });
    const refusal = refusalOf(request, search) ?? (await tooManyFrom(address));
    if (refusal) return refuse(socket, refusal);
    upgrades.handleUpgrade(request, socket, head, (opened) => serve(opened, pairingId, address, tokenOf(request)));
  }

  function refusalOf(request: IncomingMessage, search: string): Refusal | undefined {
    if (isClosing.signal.aborted) return { status: 503, detail: 'The server stops: connect again' };
    if (search) return { status: 400, detail: 'The URL takes no query: send the token in the first message' };
    const origin = request.headers.origin;
    const isAllowed = origin === undefined || http.corsOrigins.includes('*') || http.corsOrigins.includes(origin);
    return isAllowed ? undefined : { status: 403, detail: 'Pages of this origin may not connect' };
  }

  async function tooManyFrom(address: string): Promise<Refusal | undefined> {
    const key = services.cipher.index('rate limit by address', address);
    const allowance = await http.limiter?.consume('socket', key);
    const open = [...connections.values()].filter((connection) => connection.address === address).length;
    const isExceeded = allowance?.isExceeded || open >= connectionsPerAddress;
    return isExceeded ? { status: 429, detail: 'Too many connections: try again later' } : undefined;
  }

  function serve(opened: WebSocket, pairingId: string, address: string, token: string | undefined): void {
    const connection = new PairingConnection(opened, {
      services,
      authenticator: countingRefusals(address),
      pairingId,
      token,
      helloTimeoutMs: options.helloTimeoutMs ?? 5_000,
      sendTimeoutMs: options.sendTimeoutMs ?? 15_000,
      admit: (actor: UserActor) => countOf((other) => other.actor?.userId === actor.userId) < connectionsPerUser,
    });
    connections.set(connection, { pairingId, address });
    void connection.gone.then(() => connections.delete(connection));
    if (isClosing.signal.aborted) connection.close('restarting');
  }

  /** Tokens that are refused count as those of requests do, so that nobody can try them out here. */
  function countingRefusals(address: string): Authenticator {
    const key = services.cipher.index('rate limit by address', address);
    return async (token, appUser) => {
      const actor = await options.authenticator(token, appUser);
      if (actor) return actor;
      await http.limiter?.consume('refused', key);
      return null;
    };
  }

  async function poll(): Promise<void> {
    const ids = [...new Set([...connections.values()].map(({ pairingId }) => pairingId))];
    if (!ids.length) return;
    const newest = await watchPairings({ ...services, actor: { kind: 'system', name: 'api' } }, { ids });
    for (const [connection, { pairingId }] of connections) connection.wake(newest.get(pairingId) ?? 0);
  }

  server.on('upgrade', (request, socket, head) => {
    upgrade(request, socket, head).catch(() => socket.destroy());
  });
  services.pairingBus.listen((announced) => {
    for (const [connection, { pairingId }] of connections) if (pairingId === announced) connection.wake();
  });
  const pinging = setInterval(() => {
    for (const connection of connections.keys()) connection.ping();
  }, pingIntervalMs).unref();
  // While the database is away there is nothing to be found either.
  const polling = setInterval(() => void poll().catch(() => undefined), pollIntervalMs).unref();

  return {
    async close() {
      isClosing.abort();
      clearInterval(pinging);
      clearInterval(polling);
      const open = [...connections.keys()];
      for (const connection of open) connection.close('restarting');
      const gone = Promise.all(open.map((connection) => connection.gone));
      const timer = new AbortController();
      await Promise.race([gone, sleep(closingMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
      timer.abort();
      for (const connection of connections.keys()) connection.terminate();
      await gone;
    },
  };
}

/** Names that a client offers as sub-protocols (RFC 6455, section 11.3.4). */
function tokenOf(request: IncomingMessage): string | undefined {
  const offered = header(request, 'sec-websocket-protocol').split(',');
  const bearer = offered.map((name) => name.trim()).find((name) => name.startsWith(bearerProtocolPrefix));
  return bearer?.slice(bearerProtocolPrefix.length);
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '');
}

function refuse(socket: Duplex, { status, detail }: Refusal): void {
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'connection: close',
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
