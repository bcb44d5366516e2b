import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId, newRoomName } from '../../core/ids.ts';
import { type ApiWorld, developmentToken, forgedSessionToken, joinToken, openApiWorld } from './api-world.ts';
import { jwtSecret, settings } from './world.ts';

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

/** Every route there is, once, with something valid for each parameter. */
const routes = () => {
  const names = api.app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
  return [...new Set(names)].map((name) => {
    const [method = '', path = ''] = name.split(' ');
    return { method, path: path.replace(':id', newId()).replace(':step', 'goal') };
  });
};
const open = [
  '/healthz',
  '/readyz',
  '/api/v1/auth/magic-links',
  '/api/v1/auth/magic-links/redeem',
  '/api/v1/auth/password',
  '/api/v1/auth/refresh',
  '/openapi.json',
  '/docs',
  '/docs/start.js',
  '/docs/:file',
];

describe('every route but the open ones', () => {
  it('is known to this test', () => {
    const closed = routes().filter((route) => !open.includes(route.path));
    expect(closed.length).toBeGreaterThanOrEqual(9);
    expect(routes()).toHaveLength(closed.length + open.length);
  });

  it.each([
    ['no token', undefined],
    ['a wrong token', 'wrong'],
    ['the development token with one more character', `${developmentToken}x`],
  ])('refuses %s', async (_name, token) => {
    for (const { method, path } of routes().filter((route) => !open.includes(route.path))) {
      const answer = await api.send(method, path, { token });
      expect(answer, `${method} ${path}`).toMatchObject({
        status: 401,
        body: { code: 'unauthenticated', status: 401 },
      });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('refuses a token that is not sent as a bearer token', async () => {
    const answer = await api.send('GET', '/api/v1/profiles/me', { headers: { authorization: developmentToken } });
    expect(answer.status).toBe(401);
  });
});

describe('claiming a session', () => {
  const claim = (token: string) => api.send('POST', '/api/v1/sessions/claim', { token });
  const newRoom = async () => {
    const { body } = await api.send('POST', '/api/v1/token', { token: developmentToken });
    return { roomName: String(body.room_name), sessionId: String(body.session_id) };
  };

  it("gives a job, for LiveKit's join token, a session token that works", async () => {
    const { roomName, sessionId } = await newRoom();
    const answer = await claim(await joinToken(roomName));
    expect(answer).toMatchObject({ status: 200, body: { session: { id: sessionId, roomName } } });
    expect(answer.headers.get('cache-control')).toBe('no-store');

    const token = String(answer.body.sessionToken);
    expect(await api.send('GET', '/api/v1/profiles/me', { token })).toMatchObject({ status: 200 });
    const heartbeat = await api.send('POST', `/api/v1/sessions/${sessionId}/heartbeat`, { token });
    expect(heartbeat).toMatchObject({ status: 200, body: { sessionToken: expect.any(String) } });
    expect(await api.send('DELETE', `/api/v1/sessions/${sessionId}/lease`, { token })).toMatchObject({ status: 204 });
  });

  it.each<[string, Parameters<typeof joinToken>[1]]>([
    ['signed with another secret', { secret: 'another-livekit-secret-of-32-chars' }],
    ['signed for another key', { apiKey: 'other-key' }],
    ['that has expired', { ttl: -60 }],
    ['of a participant that is no agent', { kind: 'standard' }],
    ['that joins no room', { roomJoin: false }],
  ])('refuses a join token %s', async (_name, wrong) => {
    const { roomName } = await newRoom();
    expect(await claim(await joinToken(roomName, wrong))).toMatchObject({ status: 401 });
  });

  it('refuses the token we gave to the user of the very room', async () => {
    const { body } = await api.send('POST', '/api/v1/token', { token: developmentToken });
    expect(await claim(String(body.participant_token))).toMatchObject({ status: 401 });
  });

  it('refuses users and agents, who hold no join token', async () => {
    const { sessionToken } = await api.newCall();
    for (const token of [developmentToken, sessionToken]) {
      expect(await claim(token)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
  });

  it('conflicts while another job has the session, and finds no session in a strange room', async () => {
    const { roomName } = await api.newCall();
    expect(await claim(await joinToken(roomName))).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await claim(await joinToken(newRoomName()))).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

describe('a session token', () => {
  it('reaches no other session', async () => {
    const [mine, other] = [await api.newCall(), await api.newCall()];
    const path = `/api/v1/sessions/${other.agent.sessionId}`;
    for (const [method, of] of [
      ['POST', '/turns'],
      ['GET', '/turns'],
      ['POST', '/heartbeat'],
      ['DELETE', '/lease'],
    ] as const) {
      const body = validBody(method, of);
      const answer = await api.send(method, path + of, { token: mine.sessionToken, body });
      expect(answer, of).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  it('gives no token to join rooms', async () => {
    const { sessionToken } = await api.newCall();
    expect(await api.send('POST', '/api/v1/token', { token: sessionToken })).toMatchObject({ status: 403 });
  });

  it.each<[string, Parameters<typeof forgedSessionToken>[1]]>([
    ['signed with another secret', { secret: 'another-session-secret-of-32-chars' }],
    ['signed with the secret of LiveKit', { secret: settings.livekit.apiSecret }],
    ['of another issuer', { secret: jwtSecret, issuer: 'somebody' }],
    ['for another audience', { secret: jwtSecret, audience: 'somebody' }],
    ['without an end', { secret: jwtSecret, expires: false }],
  ])('%s is refused', async (_name, wrong) => {
    const { agent } = await api.newCall();
    const forged = await forgedSessionToken(agent, wrong);
    expect(await api.send('GET', '/api/v1/profiles/me', { token: forged })).toMatchObject({ status: 401 });
    const right = await forgedSessionToken(agent, { secret: jwtSecret });
    expect(await api.send('GET', '/api/v1/profiles/me', { token: right })).toMatchObject({ status: 200 });
  });

  it('that is not signed at all is refused', async () => {
    const { agent } = await api.newCall();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = { ...agent, iss: 'parley', aud: 'parley-session', exp: Math.floor(Date.now() / 1_000) + 600 };
    const token = `${part({ alg: 'none' })}.${part(payload)}.`;
    expect(await api.send('GET', '/api/v1/profiles/me', { token })).toMatchObject({ status: 401 });
  });
});

function validBody(method: string, path: string): unknown {
  if (method === 'POST' && path.endsWith('/turns')) {
    return { id: newId(), speaker: 'user', text: 'hello', saidAt: new Date().toISOString() };
  }
  return undefined;
}
