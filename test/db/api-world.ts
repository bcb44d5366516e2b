import { SignJWT } from 'jose';
import { AccessToken } from 'livekit-server-sdk';
import { createApp, type HttpDependencies } from '../../api/app.ts';
import { createAuthenticator } from '../../api/middleware/authenticator.ts';
import type { Log } from '../../core/log.ts';
import type { AgentActor } from '../../domain/actor.ts';
import { developmentUser, ensureUser } from '../../services/users.ts';
import { http, openWorld, settings, system, type World } from './world.ts';

/** Bearer token of the development user in tests. */
export const developmentToken = 'a-development-token-of-32-characters';

/** Answer of a request, its body read. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** What the text says as JSON; nothing when it is none. */
  body: Record<string, unknown>;
}

/** The whole API on an embedded database, asked in process. */
export interface ApiWorld {
  world: World;
  app: ReturnType<typeof createApp>;
  state: { isDraining: boolean; ping: () => Promise<void> };
  /** Sends a request; `body` as JSON unless it is text already. */
  send(
    method: string,
    path: string,
    options?: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** A new session of the development user, claimed by a job: its agent, and the agent's session token. */
  newCall(): Promise<{ agent: AgentActor; roomName: string; sessionToken: string }>;
  close(): Promise<void>;
}

/** Finds out who is asking, as the API of a world does. */
export function authenticatorOf({ services, accounts }: World) {
  return createAuthenticator({ ...services, accounts, developmentToken, livekit: services.settings.livekit });
}

/** Opens the API; `log` sees what it logs, `access` says who may call and how often (default: anybody, always). */
export async function openApiWorld(log?: Log, access: Partial<HttpDependencies> = {}): Promise<ApiWorld> {
  const world = await openWorld();
  await ensureUser(world.context(system), developmentUser);
  const state = { isDraining: false, ping: () => world.database.ping() };
  const app = createApp({
    ...world.services,
    log: log ?? world.services.log,
    accounts: world.accounts,
    authenticator: authenticatorOf(world),
    http: { ...http, ...access },
    ping: () => state.ping(),
    isDraining: () => state.isDraining,
  });

  const send: ApiWorld['send'] = async (method, path, { token, body, headers = {} } = {}) => {
    const response = await app.request(path, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await textOf(response);
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} };
  };

  return {
    world,
    app,
    state,
    send,
    async newCall() {
      const user = { kind: 'user', ...developmentUser, roles: ['student'] } as const;
      const session = await world.newSession(user);
      const agent = await world.claim(user, session);
      const { token: sessionToken } = await world.sessionTokens.sign(agent);
      return { agent, roomName: session.roomName, sessionToken };
    },
    close: () => world.close(),
  };
}

/** The whole body, or the beginning of one that has no end. */
async function textOf(response: Response): Promise<string> {
  if (response.headers.get('content-type') !== 'text/event-stream' || !response.body) return response.text();
  const reader = response.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

/** What a LiveKit server signs for the job of a room; each part can be made wrong. */
export async function joinToken(
  room: string,
  wrong: { kind?: string; secret?: string; apiKey?: string; ttl?: number; roomJoin?: boolean } = {},
): Promise<string> {
  const { apiKey, apiSecret } = settings.livekit;
  const token = new AccessToken(wrong.apiKey ?? apiKey, wrong.secret ?? apiSecret, {
    identity: `agent-${room}`,
    ttl: wrong.ttl ?? 3_600,
  });
  token.kind = wrong.kind ?? 'agent';
  token.addGrant({ room, roomJoin: wrong.roomJoin ?? true, agent: true });
  return token.toJwt();
}

/** A session token that someone else signed, or for another audience, or without an end. */
export async function forgedSessionToken(
  claims: AgentActor,
  wrong: { secret: string; issuer?: string; audience?: string; expires?: boolean },
): Promise<string> {
  const { kind: _kind, ...payload } = claims;
  const jwt = new SignJWT(payload)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(wrong.issuer ?? 'parley')
    .setAudience(wrong.audience ?? 'parley-session');
  if (wrong.expires ?? true) jwt.setExpirationTime('10m');
  return jwt.sign(new TextEncoder().encode(wrong.secret));
}
