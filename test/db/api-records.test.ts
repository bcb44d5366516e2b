import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { type ApiWorld, openApiWorld, developmentToken as owner } from './api-world.ts';

let api: ApiWorld;
/** Access token of a new user. */
let token: string;
beforeAll(async () => {
  api = await openApiWorld();
  // Leaves definitions among the routes that are none.
  await api.send('GET', '/openapi.json');
});
beforeEach(async () => {
  const user = await api.world.newUser();
  ({ token } = await api.world.accounts.accessTokens.sign(user));
});
afterAll(() => api.close());

const get = (path: string, headers?: Record<string, string>) => api.send('GET', `/api/v1${path}`, { token, headers });
const write = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  api.send(method, `/api/v1${path}`, { token, body, headers });

describe('whatever two writers may change at once', () => {
  it.each<[string, string, string, unknown]>([
    ['/profiles/me', 'PATCH', '/profiles/me', { preferredName: 'Ann' }],
    ['/preferences', 'PATCH', '/preferences', { theme: 'dark' }],
    ['/preferences', 'PUT', '/preferences', { theme: 'dark' }],
    ['/onboarding', 'PUT', '/onboarding/steps/goal', { answer: 'to practise' }],
    ['/onboarding', 'POST', '/onboarding/steps/goal/skip', undefined],
  ])('has an ETag: %s by %s %s', async (read, method, path, body) => {
    const before = await get(read);
    const tag = before.headers.get('etag') ?? '';
    expect(tag).toMatch(/^"[\w-]+\.1"$/);
    expect(await get(read, { 'if-none-match': tag })).toMatchObject({ status: 304, body: {} });
    expect((await get(read, { 'if-none-match': `"x", W/${tag}` })).status).toBe(304);

    const changed = await write(method, path, body, { 'if-match': tag });
    expect(changed.status).toBe(200);
    const newer = changed.headers.get('etag') ?? '';
    expect(newer).not.toBe(tag);
    expect(await get(read, { 'if-none-match': tag })).toMatchObject({ status: 200, body: changed.body });
    expect((await get(read)).headers.get('etag')).toBe(newer);

    const late = await write(method, path, body, { 'if-match': tag });
    expect(late).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    expect((await get(read)).headers.get('etag')).toBe(newer);
    expect((await write(method, path, body, { 'if-match': `${tag}, ${newer}` })).status).toBe(200);
    expect((await write(method, path, body, { 'if-match': '*' })).status).toBe(200);
  });

  it('is an onboarding that is begun again, with the same ETag where it had not been begun', async () => {
    const begun = await write('PUT', '/onboarding/steps/goal', { answer: 'to practise' });
    const ifMatch = { 'if-match': begun.headers.get('etag') ?? '' };
    const again = await write('POST', '/onboarding/restart', undefined, ifMatch);
    expect(again).toMatchObject({ status: 200, body: { answers: {} } });
    expect(await write('POST', '/onboarding/restart', undefined, ifMatch)).toMatchObject({
      status: 412,
      body: { code: 'precondition_failed' },
    });
    const repeated = await write('POST', '/onboarding/restart');
    expect(repeated).toMatchObject({ status: 200, body: again.body });
    expect(repeated.headers.get('etag')).toBe(again.headers.get('etag'));
    expect((await get('/onboarding')).headers.get('etag')).toBe(again.headers.get('etag'));
  });

  it('refuses tags of another row, weak ones, and what is no tag', async () => {
    const own = (await get('/profiles/me')).headers.get('etag') ?? '';
    const other = (await api.send('GET', '/api/v1/profiles/me', { token: owner })).headers.get('etag') ?? '';
    expect(other).not.toBe(own);
    expect((await get('/profiles/me', { 'if-none-match': other })).status).toBe(200);
    for (const tag of [other, `W/${own}`, '"x"', '""']) {
      expect((await write('PATCH', '/profiles/me', {}, { 'if-match': tag })).status, tag).toBe(412);
    }
    for (const [header, answer] of [
      ['If-Match', await write('PATCH', '/profiles/me', {}, { 'if-match': '1' })],
      ['If-None-Match', await get('/profiles/me', { 'if-none-match': '"a" "b"' })],
    ] as const) {
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: header }] } });
    }
    expect((await get('/profiles/me', { 'if-none-match': '*' })).status).toBe(304);
  });

  it('is a session too', async () => {
    const created = await write('POST', '/sessions', { title: 'Monday' });
    const path = `/sessions/${created.body.id}`;
    const tag = created.headers.get('etag') ?? '';
    expect(created).toMatchObject({ status: 201, body: { title: 'Monday', endedAt: null } });
    expect((await get(path, { 'if-none-match': tag })).status).toBe(304);
    const renamed = await write('PATCH', path, { title: null }, { 'if-match': tag });
    expect(renamed).toMatchObject({ status: 200, body: { title: null } });
    expect((await write('PATCH', path, { title: 'x' }, { 'if-match': tag })).status).toBe(412);
    const ended = await write('POST', `${path}/end`);
    expect(ended).toMatchObject({ status: 200, body: { endedAt: expect.any(String) } });
    expect(await get(path)).toMatchObject({ status: 200, body: ended.body });
    expect((await get(path)).headers.get('etag')).toBe(ended.headers.get('etag'));
  });
});

describe('preferences', () => {
  it('take a merge patch as JSON of either content type', async () => {
    await write('PUT', '/preferences', { a: { b: 1, c: 2 }, d: [1] });
    const headers = { 'content-type': 'application/merge-patch+json' };
    expect((await write('PATCH', '/preferences', { a: { b: null }, d: null }, headers)).body).toEqual({ a: { c: 2 } });
    expect((await write('PATCH', '/preferences', { e: true })).body).toEqual({ a: { c: 2 }, e: true });
    expect((await get('/preferences')).body).toEqual({ a: { c: 2 }, e: true });
    const refused = await write('PATCH', '/preferences', {}, { 'content-type': 'text/plain' });
    expect(refused).toMatchObject({ status: 415, body: { code: 'unsupported_type' } });
    expect((await write('PATCH', '/preferences', [])).status).toBe(400);
  });
});

describe('onboarding', () => {
  it('goes back, skips what may be skipped, and begins again', async () => {
    expect((await write('POST', '/onboarding/back')).status).toBe(409);
    expect((await write('POST', '/onboarding/steps/preferred_name/skip')).status).toBe(409);
    await write('PUT', '/onboarding/steps/preferred_name', { answer: 'Ann' });
    expect((await write('POST', '/onboarding/back')).body).toMatchObject({ currentStep: 'preferred_name' });
    expect((await write('POST', '/onboarding/steps/goal/skip')).body).toMatchObject({
      skipped: ['goal'],
      currentStep: 'language',
    });
    expect((await write('POST', '/onboarding/steps/language/skip')).body).toMatchObject({
      currentStep: null,
      completedAt: expect.any(String),
    });
    expect((await write('POST', '/onboarding/restart')).body).toMatchObject({
      answers: {},
      skipped: [],
      currentStep: 'preferred_name',
      completedAt: null,
    });
    expect((await get('/profiles/me')).body).toMatchObject({ preferredName: 'Ann' });
  });
});

describe('a profile', () => {
  it('changes by field, and null clears one', async () => {
    const changed = await write('PATCH', '/profiles/me', {
      preferredName: ' Ann ',
      goal: 'to practise',
      language: 'nl',
    });
    expect(changed.body).toMatchObject({ preferredName: 'Ann', goal: 'to practise', language: 'nl', version: 2 });
    const cleared = await write('PATCH', '/profiles/me', { goal: null });
    expect(cleared.body).toMatchObject({ preferredName: 'Ann', goal: null, language: 'nl', version: 3 });
  });
});

describe('who I am', () => {
  it('says how I am known, and no addresses', async () => {
    const { body } = await get('/me');
    expect(body).toMatchObject({ tenant: { slug: 'default' }, roles: ['student'], identities: [] });
    expect((await api.send('GET', '/api/v1/me', { token: owner })).body).toMatchObject({ roles: ['student', 'admin'] });
  });
});

describe('lists', () => {
  it('come by cursor', async () => {
    for (const title of ['a', 'b', 'c']) {
      await write('POST', '/sessions', { title });
      await write('POST', '/devices', { name: title, platform: 'web' });
      await write('POST', '/consents', { purpose: 'recording', granted: true, policyVersion: title });
      api.world.clock.advance(1);
    }
    for (const [path, list, field] of [
      ['/sessions?open=true&', 'sessions', 'title'],
      ['/devices?', 'devices', 'name'],
      ['/consents?history=true&', 'consents', 'policyVersion'],
    ] as const) {
      const first = await get(`${path}limit=2`);
      expect(first.body[list]).toMatchObject([{ [field]: 'c' }, { [field]: 'b' }]);
      const rest = await get(`${path}limit=2&cursor=${first.body.nextCursor}`);
      expect(rest.body).toMatchObject({ [list]: [{ [field]: 'a' }], nextCursor: null });
      expect((await get(`${path}limit=${sizes.itemsPerPage}`)).body).toMatchObject({ nextCursor: null });
    }
    expect((await get('/sessions?open=false')).body).toEqual({ sessions: [], nextCursor: null });
    expect((await get('/consents')).body.consents).toHaveLength(1);
  });

  it('of API keys come by cursor too, and a secret comes once', async () => {
    const send = (method: string, path: string, body?: unknown) =>
      api.send(method, `/api/v1/api-keys${path}`, { token: owner, body });
    const made = await send('POST', '', { name: 'server', scopes: ['rooms:join'] });
    expect(made).toMatchObject({ status: 201, body: { secret: expect.stringMatching(/^pk_/) } });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const listed = await send('GET', '?limit=1');
    expect(listed.body).toMatchObject({ apiKeys: [{ name: 'server', revokedAt: null }], nextCursor: null });
    expect(JSON.stringify(listed.body)).not.toContain(made.body.secret);
    const { id } = made.body.key as { id: string };
    expect((await send('DELETE', `/${id}`)).status).toBe(204);
    expect((await send('GET', '')).body).toMatchObject({ apiKeys: [{ revokedAt: expect.any(String) }] });
    expect((await send('POST', '', { name: 'x', scopes: [] })).body).toMatchObject({ errors: [{ field: 'scopes' }] });
  });

  it.each(['nothing', Buffer.from('["2026-11-20T10:00:00Z"]').toString('base64url'), Buffer.from('{').toString('hex')])(
    'refuse the cursor %s, which no page gave',
    async (cursor) => {
      const answer = await get(`/devices?cursor=${cursor}`);
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'cursor' }] } });
    },
  );
});

describe('devices', () => {
  it('are kept by their user', async () => {
    const { body, status } = await write('POST', '/devices', { name: 'phone', platform: 'ios', pushToken: 'a' });
    expect([status, body.hasPushToken]).toEqual([201, true]);
    expect((await get(`/devices/${body.id}`)).body).toEqual(body);
    const changed = await write('PATCH', `/devices/${body.id}`, { pushToken: null });
    expect(changed.body).toMatchObject({ name: 'phone', hasPushToken: false });
    expect((await write('DELETE', `/devices/${body.id}`)).status).toBe(204);
    expect((await get(`/devices/${body.id}`)).status).toBe(404);
  });
});

describe('what a route does not know', () => {
  it.each([
    ['GET', '/profiles/me', 'fields'],
    ['HEAD', '/profiles/me', 'fields'],
    ['GET', '/sessions', 'page'],
    ['GET', `/sessions/${newId()}/turns`, 'offset'],
    ['POST', '/onboarding/back', 'step'],
  ])('is refused by name in the query of %s %s', async (method, path, name) => {
    const response = await api.app.request(`/api/v1${path}?limit=1&${name}=1`, {
      method,
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(400);
    if (method === 'HEAD') return;
    const { errors } = (await response.json()) as { errors: { field: string }[] };
    expect(errors.map(({ field }) => field)).toContain(name);
  });

  it('is refused by name in a body', async () => {
    for (const [method, path, body] of [
      ['PATCH', '/profiles/me', { role: 'admin' }],
      ['POST', '/sessions', { role: 'admin' }],
      ['POST', '/devices', { name: 'a', platform: 'web', role: 'admin' }],
      ['POST', '/consents', { purpose: 'recording', granted: true, policyVersion: '1', role: 'admin' }],
      ['PUT', '/onboarding/steps/goal', { answer: 'a', role: 'admin' }],
    ] as const) {
      const answer = await write(method, path, body);
      expect(answer, path).toMatchObject({ status: 400, body: { errors: [{ field: 'role' }] } });
    }
  });

  it('does not keep a path that is not there from being not found', async () => {
    expect((await get('/nothing?a=1')).status).toBe(404);
  });
});

describe('what no database can hold', () => {
  it('is refused by the field', async () => {
    const { agent, sessionToken } = await api.newCall();
    const path = `/api/v1/sessions/${agent.sessionId}/turns`;
    const turn = { id: newId(), speaker: 'user', text: 'hello' };
    for (const saidAt of ['0000-01-01T00:00:00Z', '1000-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00']) {
      const said = await api.send('POST', path, { token: sessionToken, body: { ...turn, saidAt } });
      expect(said, saidAt).toMatchObject({ status: 400, body: { errors: [{ field: 'saidAt' }] } });
    }
    for (const saidAt of ['1000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '2026-11-20T10:00:00+01:00']) {
      const said = await api.send('POST', path, { token: sessionToken, body: { ...turn, id: newId(), saidAt } });
      expect(said, saidAt).toMatchObject({ status: 201, body: { saidAt: new Date(saidAt).toISOString() } });
    }
    const listed = await api.send('GET', `${path}?after=${2 ** 31}`, { token: sessionToken });
    expect(listed).toMatchObject({ status: 400, body: { errors: [{ field: 'after' }] } });
    const cursor = Buffer.from(JSON.stringify(['0000-01-01T00:00:00Z', newId()])).toString('base64url');
    expect((await get(`/devices?cursor=${cursor}`)).status).toBe(400);
    expect((await write('PATCH', '/preferences', { a: '\u0000' })).status).toBe(400);
    expect(
      (await write('POST', '/consents', { purpose: 'recording', granted: true, policyVersion: '\u0000' })).status,
    ).toBe(400);
  });
});
