import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actorKey } from '../../api/middleware/rate-limits.ts';
import { createRateLimiter } from '../../api/rate-limiter.ts';
import { rateLimits, routeLimits } from '../../api/rate-limits.ts';
import type { Actor } from '../../domain/actor.ts';
import { connectedRedis, type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts';
import { type ApiWorld, developmentToken, joinToken, openApiWorld } from './api-world.ts';

/** A request as it arrives from an address. */
const from = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } as IncomingMessage });
/** An address nobody else has. */
const newcomer = () => `2001:db8:${Math.floor(Math.random() * 65_536).toString(16)}:${Date.now() % 65_536}::1`;

describe('the table of rate limits', () => {
  let api: ApiWorld;
  beforeAll(async () => {
    api = await openApiWorld();
  });
  afterAll(() => api.close());

  it('has every route there is, and no other', () => {
    const routes = api.app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(routeLimits).sort()).toEqual([...new Set(routes)].sort());
  });

  it('limits every route but those of health and the one for the LiveKit server', () => {
    const free = Object.entries(routeLimits).filter(([, names]) => !names.length);
    expect(free.map(([route]) => route)).toEqual(['GET /healthz', 'GET /readyz', 'POST /webhooks/livekit']);
  });

  it('counts by address wherever nobody is signed in yet', async () => {
    for (const [route, names] of Object.entries(routeLimits)) {
      const [method = '', path = ''] = route.split(' ');
      const { status } = await api.app.request(path.replace(/:\w+/g, 'x'), { method });
      const needsToken = status === 401;
      const byActor = names.filter((name) => rateLimits[name].by === 'actor');
      expect({ route, byActor }).toEqual({ route, byActor: needsToken ? names : [] });
    }
  });

  it('answers without headers where nothing is limited', async () => {
    const { headers } = await api.send('GET', '/api/v1/profiles/me', { token: developmentToken });
    expect(headers.has('ratelimit-limit')).toBe(false);
  });
});

describe('the count of an actor', () => {
  const user = { kind: 'user', tenantId: 't1', userId: 'u1', roles: [] } as const;

  it('is its own', () => {
    const actors: Actor[] = [
      user,
      { ...user, userId: 'u2' },
      { ...user, tenantId: 't2' },
      { kind: 'server', tenantId: 't1', apiKeyId: 'k1', scopes: [] },
      { kind: 'agent', tenantId: 't1', userId: 'u1', sessionId: 's1', jobIdentity: 'j1' },
      { kind: 'job', roomName: 'r1', jobIdentity: 'j1' },
      { kind: 'system', name: 'api' },
    ];
    expect(new Set(actors.map(actorKey)).size).toBe(actors.length);
  });

  it('is one, however the user signed in', () => {
    expect(actorKey({ ...user, roles: ['admin'], scopes: ['rooms:join'] })).toBe(actorKey(user));
  });
});

describe('an API with rate limits', () => {
  /** Small enough to be used up by a test: one token, two passwords. */
  const scale = 0.01;
  const trustedProxies = new BlockList();
  trustedProxies.addSubnet('10.0.0.0', 8, 'ipv4');
  trustedProxies.addSubnet('fd00::', 8, 'ipv6');
  let api: ApiWorld;
  beforeAll(async () => {
    api = await openApiWorld(undefined, { limiter: createRateLimiter({ scale }), trustedProxies });
  });
  afterAll(() => api.close());

  const send = async (
    method: string,
    path: string,
    {
      address = newcomer(),
      token,
      body,
      headers = {},
    }: Partial<Record<'address' | 'token' | 'body', string>> & {
      headers?: Record<string, string>;
    } = {},
  ) => {
    const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    return api.app.request(
      path,
      { method, body, headers: { 'content-type': 'application/json', ...authorization, ...headers } },
      from(address),
    );
  };

  it('says what is left, and when it is used up, when there will be more', async () => {
    const limit = Math.ceil(rateLimits.read.points * scale);
    for (let remaining = limit - 1; remaining >= 0; remaining -= 1) {
      const { status, headers } = await send('GET', '/api/v1/profiles/me', { token: developmentToken });
      expect(status).toBe(200);
      expect(headers.get('ratelimit-limit')).toBe(String(limit));
      expect(headers.get('ratelimit-remaining')).toBe(String(remaining));
      expect(Number(headers.get('ratelimit-reset'))).toBeGreaterThan(0);
      expect(headers.has('retry-after')).toBe(false);
    }
    const refused = await send('GET', '/api/v1/profiles/me', { token: developmentToken });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(refused.headers.get('retry-after')).toBe(refused.headers.get('ratelimit-reset'));
    expect(await refused.json()).toMatchObject({ status: 429, code: 'rate_limited' });
    // Other routes of the same actor have a count of their own.
    expect((await send('POST', '/api/v1/token', { token: developmentToken, body: '{}' })).status).toBe(201);
  });

  it('counts each agent and each job for itself', async () => {
    const limit = Math.ceil(rateLimits.call.points * scale);
    const beat = async ({ agent, sessionToken }: Awaited<ReturnType<ApiWorld['newCall']>>) =>
      (await send('POST', `/api/v1/sessions/${agent.sessionId}/heartbeat`, { token: sessionToken })).status;
    const [one, other] = [await api.newCall(), await api.newCall()];
    for (let count = 0; count < limit; count += 1) expect(await beat(one)).toBe(200);
    expect(await beat(one)).toBe(429);
    expect(await beat(other)).toBe(200);

    const claim = async (room: string) =>
      (await send('POST', '/api/v1/sessions/claim', { token: await joinToken(room) })).status;
    for (let count = 0; count < limit; count += 1) expect(await claim('room-nobody-has')).toBe(404);
    expect(await claim('room-nobody-has')).toBe(429);
    expect(await claim('room-nobody-else-has')).toBe(404);
  });

  it('does not count what no route answers', async () => {
    const { status, headers } = await send('GET', '/nowhere');
    expect([status, headers.has('ratelimit-limit')]).toEqual([404, false]);
  });

  it('leaves health alone', async () => {
    for (let count = 0; count < 20; count += 1) {
      const { status, headers } = await send('GET', '/healthz', { address: '198.51.100.1' });
      expect([status, headers.has('ratelimit-limit')]).toEqual([200, false]);
    }
  });

  it('counts HEAD as what it is answered by', async () => {
    const { headers } = await send('HEAD', '/openapi.json', { address: '198.51.100.7' });
    expect(headers.get('ratelimit-limit')).toBe(String(Math.ceil(rateLimits.page.points * scale)));
  });

  it('lets nobody try tokens out', async () => {
    const tryOne = (address: string) => send('GET', '/api/v1/profiles/me', { address, token: 'guessed' });
    expect((await tryOne('198.51.100.2')).status).toBe(401);
    const refused = await tryOne('198.51.100.2');
    expect(refused.status).toBe(429);
    expect(refused.headers.has('retry-after')).toBe(true);
    expect((await tryOne('198.51.100.3')).status).toBe(401);
  });

  it('counts passwords by address and e-mail, and mail by e-mail alone', async () => {
    const password = async (address: string, email: unknown) =>
      (await send('POST', '/api/v1/auth/password', { address, body: JSON.stringify({ email, password: 'wrong-one' }) }))
        .headers;
    const limit = String(Math.ceil(rateLimits.password.points * scale));
    expect((await password('198.51.100.4', 'ann@example.test')).get('ratelimit-limit')).toBe(limit);
    expect((await password('198.51.100.4', ' ANN@example.test')).has('retry-after')).toBe(true);
    expect((await password('198.51.100.5', 'ann@example.test')).has('retry-after')).toBe(false);

    const link = (address: string, body: string) => send('POST', '/api/v1/auth/magic-links', { address, body });
    expect((await link('198.51.100.10', '{"email":"bob@example.test"}')).status).toBe(202);
    expect((await link('198.51.100.11', '{"email":"bob@example.test"}')).status).toBe(429);
    expect((await link('198.51.100.12', '{"email":"carol@example.test"}')).status).toBe(202);
  });

  it.each(['', 'null', '{', '[]', '{"email":1}'])(
    'takes the body %j for one without an e-mail address',
    async (body) => {
      const { status } = await send('POST', '/api/v1/auth/password', { body });
      expect(status).toBe(400);
    },
  );

  describe('takes the address', () => {
    /** Whether a second guess of a token counts as the same client's. */
    const areOne = async (first: [string, string?], second: [string, string?]) => {
      const guess = ([address, forwarded]: [string, string?]) =>
        send('GET', '/api/v1/profiles/me', {
          address,
          token: 'guessed',
          headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
        });
      expect((await guess(first)).status).toBe(401);
      return (await guess(second)).status === 429;
    };

    it('of the connection, whatever a client says it is', async () => {
      expect(await areOne(['203.0.113.1', '203.0.113.2'], ['203.0.113.1', '203.0.113.3'])).toBe(true);
    });

    it('that our own proxies name', async () => {
      expect(await areOne(['10.0.0.1', '203.0.113.10'], ['10.0.0.2', '203.0.113.11'])).toBe(false);
      expect(await areOne(['10.0.0.1', '203.0.113.12'], ['fd00::1', '1.2.3.4, 203.0.113.12, 10.9.9.9'])).toBe(true);
      expect(await areOne(['::ffff:10.0.0.1', '203.0.113.13'], ['10.0.0.1', '203.0.113.13'])).toBe(true);
    });

    it('of nobody where there is none', async () => {
      const guess = () =>
        api.app.request(
          '/api/v1/profiles/me',
          { headers: { authorization: 'Bearer guessed', 'x-forwarded-for': '203.0.113.30' } },
          {},
        );
      expect((await guess()).status).toBe(401);
      expect((await guess()).status).toBe(429);
    });

    it('up to what is none', async () => {
      expect(await areOne(['10.0.0.3', 'unknown'], ['10.0.0.3', '203.0.113.14, _hidden'])).toBe(true);
    });

    it('of IPv6 by its first 64 bits', async () => {
      expect(await areOne(['2001:db8:0:1::1'], ['2001:DB8::1:ffff:0:0:2'])).toBe(true);
      expect(await areOne(['2001:db8:0:2::1'], ['2001:db8:0:3::1'])).toBe(false);
      expect(await areOne(['::ffff:203.0.113.20'], ['203.0.113.20'])).toBe(true);
      expect(await areOne(['::1'], ['0:0:0:0:1:0:0:9'])).toBe(true);
      expect(await areOne(['2001:db8:5::'], ['2001:db8:5:0:ffff::%eth0'])).toBe(true);
    });
  });
});

describe.skipIf(!redisIsInstalled)('rate limits on Redis', () => {
  const rooms = Math.ceil(rateLimits.token.points * 0.01);
  let server: RedisServer;
  let connections: Redis[];
  beforeAll(async () => {
    server = await startRedis();
    connections = [await connectedRedis(server.url), await connectedRedis(server.url)];
  });
  afterAll(async () => {
    for (const redis of connections) redis.disconnect();
    await server.stop();
  });

  it('are those of all processes together', async () => {
    const [one, other] = connections.map((redis) => createRateLimiter({ redis, scale: 0.01 }));
    for (let count = 0; count < rooms; count += 1) await one?.consume('token', 'ann');
    expect(await other?.consume('token', 'ann')).toMatchObject({ limit: rooms, remaining: 0, isExceeded: true });
    expect(await other?.consume('token', 'bob')).toMatchObject({ isExceeded: false });
  });

  it('are counted in the process while Redis is away, and in Redis when it is back', async () => {
    const [redis] = connections as [Redis];
    const limiter = createRateLimiter({ redis, scale: 0.01 });
    await server.kill();
    for (let count = 0; count < rooms; count += 1) {
      expect(await limiter.consume('token', 'carol')).toMatchObject({ isExceeded: false });
    }
    expect(await limiter.consume('token', 'carol')).toMatchObject({ isExceeded: true });
    await server.restart();
    await expect.poll(() => redis.status).toBe('ready');
    expect(await limiter.consume('token', 'carol')).toMatchObject({ isExceeded: false });
    expect(await redis.keys('parley:limit:token:carol')).toHaveLength(1);
  });
});
