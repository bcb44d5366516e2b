import { Hono } from 'hono';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiEnvironment } from '../../api/environment.ts';
import { checks } from '../../api/middleware/checks.ts';
import { onError } from '../../api/middleware/errors.ts';
import { preface } from '../../api/middleware/preface.ts';
import { AppError } from '../../core/errors.ts';
import { sizes } from '../../core/limits.ts';
import { type ApiWorld, developmentToken, openApiWorld } from './api-world.ts';

describe('every answer', () => {
  let api: ApiWorld;
  beforeAll(async () => {
    api = await openApiWorld();
  });
  afterAll(() => api.close());

  it.each(['/healthz', '/api/v1/profiles/me', '/nowhere'])(
    'of %s is taken by browsers for no more than it is',
    async (path) => {
      const { headers } = await api.send('GET', path);
      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'private, no-cache',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'access-control-allow-origin': '*',
      });
    },
  );

  it('may be kept by nobody when it holds a token', async () => {
    const { headers } = await api.send('POST', '/api/v1/token', { token: developmentToken, body: {} });
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('lets pages read what they need of its headers', async () => {
    const { headers } = await api.send('GET', '/healthz', { headers: { origin: 'https://app.example.test' } });
    expect(headers.get('access-control-expose-headers')?.split(', ')).toEqual(
      expect.arrayContaining(['etag', 'retry-after', 'ratelimit-remaining', 'x-request-id']),
    );
  });

  it('to a preflight says what may be sent', async () => {
    const { status, headers } = await api.send('OPTIONS', '/api/v1/preferences', {
      headers: { origin: 'https://app.example.test', 'access-control-request-method': 'PATCH' },
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, PATCH, DELETE');
    expect(headers.get('access-control-allow-headers')?.split(', ')).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'if-match', 'parley-user', 'x-request-id']),
    );
  });

  it.each(['a1b2c3d4', '00-4bf92f3577b34da6a3ce929d0e0e4736:1', 'A.b_c-d:e'])('keeps the name %s', async (id) => {
    const { headers } = await api.send('GET', '/healthz', { headers: { 'x-request-id': id } });
    expect(headers.get('x-request-id')).toBe(id);
  });

  it.each(['short', 'with space', '{"msg":"forged"}', 'x'.repeat(129), 'ümlaut-1'])(
    'does not take %j for a name',
    async (id) => {
      const { headers, body } = await api.send('GET', '/nowhere', { headers: { 'x-request-id': id } });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(body.requestId).toBe(headers.get('x-request-id'));
    },
  );
});

describe('an error nobody else should know', () => {
  it('is logged by its message when it is ours, by its name when it is not, and answered without', async () => {
    const lines: string[] = [];
    const app = new Hono<ApiEnvironment>();
    app.onError(onError(pino({ base: null }, { write: (line: string) => lines.push(line) })));
    app.use(checks(preface([])));
    app.get('/ours/:id', () => {
      throw new AppError('internal', 'A query failed (XX000)');
    });
    app.get('/theirs/:id', () => {
      throw new TypeError('Ann said hello');
    });
    app.use('/*', (_c, next) => next());
    for (const path of ['/ours/1', '/theirs/1']) {
      const answer = await app.request(path);
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toMatch(/XX000|Ann/);
    }
    const [ours, theirs] = lines.map((line) => JSON.parse(line));
    expect(ours).toMatchObject({
      method: 'GET',
      route: '/ours/:id',
      error: 'AppError',
      detail: 'A query failed (XX000)',
    });
    expect(theirs).toMatchObject({ method: 'GET', route: '/theirs/:id', error: 'TypeError' });
    expect(JSON.stringify(theirs)).not.toContain('Ann');
  });
});

describe('an API for some origins', () => {
  const ours = 'https://app.example.test';
  let api: ApiWorld;
  beforeAll(async () => {
    api = await openApiWorld(undefined, { corsOrigins: [ours, 'http://localhost:5173'] });
  });
  afterAll(() => api.close());

  it.each([
    [ours, ours],
    ['http://localhost:5173', 'http://localhost:5173'],
    ['https://elsewhere.example.test', null],
    [`${ours}.elsewhere.test`, null],
    ['null', null],
    [undefined, null],
  ])('tells a page of %s that it may read for %s', async (origin, allowed) => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await api.send(method, '/healthz', { headers: origin === undefined ? {} : { origin } });
      expect(headers.get('access-control-allow-origin')).toBe(allowed);
      expect(headers.get('vary')).toBe('origin');
    }
  });
});

describe('a body', () => {
  let api: ApiWorld;
  beforeAll(async () => {
    api = await openApiWorld();
  });
  afterAll(() => api.close());

  const post = (body: string | ReadableStream<Uint8Array> | null, headers: Record<string, string> = {}) =>
    api.app.request('/api/v1/token', {
      method: 'POST',
      headers: { authorization: `Bearer ${developmentToken}`, ...headers },
      body,
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    });
  const streamOf = (bytes: number) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(`{"room_name":"${'r'.repeat(bytes)}`));
        controller.close();
      },
    });

  it('that says it is too large is refused before it is read', async () => {
    const answer = await post('{}', { 'content-length': String(sizes.requestBodyBytes + 1) });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'too_large' });
  });

  it('that turns out too large is refused while it is read', async () => {
    const json = { 'content-type': 'application/json' };
    expect((await post(streamOf(sizes.requestBodyBytes), json)).status).toBe(413);
    expect(
      (await post(streamOf(sizes.requestBodyBytes), { ...json, 'transfer-encoding': 'chunked', 'content-length': '2' }))
        .status,
    ).toBe(413);
    // Within the limit it is read, and found not to be JSON.
    expect((await post(streamOf(10), json)).status).toBe(400);
  });

  it('may be left out, whatever its type is said to be', async () => {
    const json = { 'content-type': 'application/json' };
    expect((await post(null, json)).status).toBe(201);
    expect((await post(null, { ...json, 'content-length': '0' })).status).toBe(201);
  });

  it('of a stated length is read as it is', async () => {
    const answer = await post('{}', { 'content-type': 'application/json', 'content-length': '2' });
    expect(answer.status).toBe(201);
  });

  it('of a GET is not looked at', async () => {
    for (const method of ['GET', 'HEAD']) {
      const headers = { 'content-length': String(sizes.requestBodyBytes + 1) };
      expect((await api.app.request('/healthz', { method, headers })).status).toBe(200);
    }
  });
});
