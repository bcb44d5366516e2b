import { Writable } from 'node:stream';
import { TokenVerifier } from 'livekit-server-sdk';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { profiles } from '../../db/schema/profiles.ts';
import { tokenResponseSchema } from '../../domain/token.ts';
import { type ApiWorld, openApiWorld, developmentToken as token } from './api-world.ts';
import { settings } from './world.ts';

const logged: string[] = [];
let api: ApiWorld;
beforeAll(async () => {
  const sink = new Writable({
    write(line, _encoding, done) {
      logged.push(String(line));
      done();
    },
  });
  api = await openApiWorld(pino(sink));
});
afterAll(() => api.close());

describe('POST /api/v1/token', () => {
  it("answers in LiveKit's format, not to be cached", async () => {
    const answer = await api.send('POST', '/api/v1/token', { token, body: { participant_name: 'Ann' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const issued = tokenResponseSchema.strict().parse(answer.body);
    const verifier = new TokenVerifier(settings.livekit.apiKey, settings.livekit.apiSecret);
    const claims = await verifier.verify(issued.participant_token);
    expect(claims).toMatchObject({ name: 'Ann', video: { roomJoin: true, room: issued.room_name } });
  });

  it.each([
    ['no body', {}],
    ['no body that says it is JSON', { headers: { 'content-type': 'application/json' } }],
    ['an empty body with its length', { headers: { 'content-type': 'application/json', 'content-length': '0' } }],
    ['an empty object', { body: {} }],
  ])('takes %s', async (_name, options) => {
    expect((await api.send('POST', '/api/v1/token', { token, ...options })).status).toBe(201);
  });

  it.each([
    [{ participant_identity: 'somebody' }, 'participant_identity'],
    [{ room_name: 'a room' }, 'room_name'],
    [{ room: 'x' }, 'room'],
    [{ room_config: { egress: {} } }, 'room_config.egress'],
    [{ room_config: { agents: [{ agent_name: 'parley', deployment: 'x' }] } }, 'room_config.agents.0.deployment'],
    [{ room_config: { agents: [{ agent_name: 'stranger' }] } }, 'room_config.agents.0.agent_name'],
    [{ participant_attributes: { a: 1 } }, 'participant_attributes.a'],
    [[], 'body'],
  ])('refuses %j by the field', async (body, field) => {
    const answer = await api.send('POST', '/api/v1/token', { token, body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_input', errors: [{ field }] } });
  });

  it("refuses somebody else's room as one that can't be joined", async () => {
    const { roomName } = await api.world.newSession(await api.world.newUser());
    const answer = await api.send('POST', '/api/v1/token', { token, body: { room_name: roomName } });
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found', errors: [{ field: 'room_name' }] } });
  });
});

describe('turns', () => {
  it('are made once, listed in order, and asked for by page', async () => {
    const { agent, sessionToken } = await api.newCall();
    const path = `/api/v1/sessions/${agent.sessionId}/turns`;
    const turn = { id: newId(), speaker: 'user', text: 'hello', saidAt: '2026-11-20T10:00:00.000Z' };
    const first = await api.send('POST', path, { token: sessionToken, body: turn });
    expect(first).toMatchObject({ status: 201, body: { ...turn, position: 1 } });
    const again = await api.send('POST', path, { token: sessionToken, body: turn });
    expect(again).toMatchObject({ status: 200, body: first.body });
    await api.send('POST', path, { token: sessionToken, body: { ...turn, id: newId() } });

    const all = await api.send('GET', path, { token });
    expect(all.body.turns).toHaveLength(2);
    const page = await api.send('GET', `${path}?after=1&limit=1`, { token: sessionToken });
    expect(page.body).toMatchObject({ turns: [{ position: 2 }] });
  });

  it.each([
    ['after=-1', 'after'],
    ['limit=0', 'limit'],
    [`limit=${sizes.turnsPerPage + 1}`, 'limit'],
    ['limit=many', 'limit'],
  ])('refuse ?%s by the parameter', async (query, field) => {
    const { agent } = await api.newCall();
    const answer = await api.send('GET', `/api/v1/sessions/${agent.sessionId}/turns?${query}`, { token });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });

  it('need a body', async () => {
    const { agent, sessionToken } = await api.newCall();
    const answer = await api.send('POST', `/api/v1/sessions/${agent.sessionId}/turns`, { token: sessionToken });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_input' } });
    expect(answer.body.errors).toContainEqual(expect.objectContaining({ field: 'id' }));
  });
});

describe('onboarding', () => {
  it('takes an answer, and shows it in the profile', async () => {
    const saved = await api.send('PUT', '/api/v1/onboarding/steps/goal', { token, body: { answer: 'to practise' } });
    expect(saved).toMatchObject({ status: 200, body: { answers: { goal: 'to practise' }, completedAt: null } });
    expect((await api.send('GET', '/api/v1/onboarding', { token })).body).toEqual(saved.body);
    expect((await api.send('GET', '/api/v1/profiles/me', { token })).body).toMatchObject({ goal: 'to practise' });
  });

  it('refuses a wrong answer and an unknown step by their fields', async () => {
    const wrong = await api.send('PUT', '/api/v1/onboarding/steps/language', { token, body: { answer: 'Klingon' } });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ field: 'answer' }] } });
    const unknown = await api.send('PUT', '/api/v1/onboarding/steps/shoe_size', { token, body: { answer: '42' } });
    expect(unknown).toMatchObject({ status: 400, body: { errors: [{ field: 'step' }] } });
  });
});

describe('a request that is wrong in itself', () => {
  it('says that its JSON is malformed', async () => {
    const answer = await api.send('POST', '/api/v1/token', { token, body: '{"room_name": ' });
    expect(answer).toMatchObject({
      status: 400,
      body: { type: 'about:blank', title: 'Bad Request', status: 400, detail: 'The body is not valid JSON' },
    });
  });

  it('says which content type is taken', async () => {
    const headers = { 'content-type': 'text/plain' };
    const answer = await api.send('POST', '/api/v1/token', { token, body: '{}', headers });
    expect(answer).toMatchObject({ status: 415, body: { title: 'Unsupported Media Type', code: 'unsupported_type' } });
  });

  it.each(['with its length', 'streamed'])('is refused when its body is too large, %s', async (how) => {
    const text = JSON.stringify({ participant_metadata: 'x'.repeat(sizes.requestBodyBytes) });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const request =
      how === 'streamed'
        ? { body: new Blob([text]).stream(), duplex: 'half' as const, headers }
        : { body: text, headers: { ...headers, 'content-length': String(text.length) } };
    const answer = await api.app.request('/api/v1/token', { method: 'POST', ...request });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'too_large', detail: expect.stringContaining('65536 bytes') });
  });

  it('is answered with its id, in the header too', async () => {
    const answer = await api.send('GET', '/api/v1/nothing', { token });
    expect(answer).toMatchObject({ status: 404, body: { code: 'not_found', requestId: expect.any(String) } });
    expect(answer.headers.get('x-request-id')).toBe(answer.body.requestId);
    expect((await api.send('GET', '/nothing')).status).toBe(404);
  });
});

describe('a failure inside', () => {
  it('shows and logs no SQL, no parameters and nothing that was said', async () => {
    const db = api.world.admin;
    await db.execute('alter table turns rename to turns_away');
    logged.length = 0;
    const { agent, sessionToken } = await api.newCall();
    const turn = { id: newId(), speaker: 'user', text: 'my secret', saidAt: new Date().toISOString() };
    const answer = await api.send('POST', `/api/v1/sessions/${agent.sessionId}/turns`, {
      token: sessionToken,
      body: turn,
    });
    await db.execute('alter table turns_away rename to turns');

    expect(answer).toMatchObject({ status: 500, body: { code: 'internal', title: 'Internal Server Error' } });
    expect(logged).toHaveLength(1);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      requestId: answer.body.requestId,
      method: 'POST',
      route: '/api/v1/sessions/:id/turns',
      detail: 'A query failed (42P01)',
    });
    for (const text of [JSON.stringify(answer.body), ...logged]) {
      expect(text).not.toMatch(/my secret|select|insert|position/i);
    }
  });
});

describe('browsers of any origin', () => {
  it('may ask first', async () => {
    const response = await api.app.request('/api/v1/token', {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.test',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-methods')).toContain('POST');
    expect(response.headers.get('access-control-allow-headers')).toContain('authorization, content-type');
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
  });

  it('may read answers and refusals', async () => {
    const [granted, refused] = [
      await api.send('POST', '/api/v1/token', { token }),
      await api.send('POST', '/api/v1/token'),
    ];
    expect([granted.status, refused.status]).toEqual([201, 401]);
    for (const answer of [granted, refused]) expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('health', () => {
  it('needs no token', async () => {
    expect(await api.send('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await api.send('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
  });

  it('is not ready while the process drains or the database is away, but alive', async () => {
    api.state.isDraining = true;
    expect(await api.send('GET', '/readyz')).toMatchObject({ status: 503 });
    api.state.isDraining = false;
    const { ping } = api.state;
    api.state.ping = () => Promise.reject(new Error('away'));
    expect(await api.send('GET', '/readyz')).toMatchObject({ status: 503 });
    expect(await api.send('GET', '/healthz')).toMatchObject({ status: 200 });
    api.state.ping = ping;
    expect(await api.send('GET', '/readyz')).toMatchObject({ status: 200 });
  });
});

it('has a profile for its development user from the start', async () => {
  expect(await api.world.admin.select().from(profiles)).not.toHaveLength(0);
  expect(await api.send('GET', '/api/v1/profiles/me', { token })).toMatchObject({ status: 200 });
});
