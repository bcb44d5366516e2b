import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import getPort from 'get-port';
import { hc } from 'hono/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { App } from '../../api/app.ts';
import { type RunningApi, startApi } from '../../api/start.ts';
import { sizes } from '../../core/limits.ts';
import { createLog } from '../../core/log.ts';
import type { EmbeddedDatabase } from '../../db/client.ts';
import { openTestPglite } from '../support/pglite.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { developmentToken, joinToken } from './api-world.ts';
import { accounts, encryptionKeys, http, jwtSecret, settings } from './world.ts';

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe('an API that listens', () => {
  const access = { jwtSecret, accounts, encryptionKeys, developmentToken, http };
  let database: EmbeddedDatabase;
  const start = (port: number) =>
    startApi({
      settings: { ...settings, ...access, packs: ['nl-dental'], host: '127.0.0.1', port },
      database,
      log: createLog('test', 'silent'),
    });
  let api: RunningApi;
  beforeAll(async () => {
    database = await openTestPglite();
    api = await start(0);
  });
  afterAll(async () => {
    await api.close();
    await database.close();
  });

  it("serves Hono's typed client from token to record", async () => {
    const user = hc<App>(api.url, bearer(developmentToken));
    const issued = await user.api.v1.token.$post({ json: { participant_name: 'Ann' } });
    if (!issued.ok) throw new Error(`token: ${issued.status}`);
    const { room_name, session_id: id } = await issued.json();

    const job = hc<App>(api.url, bearer(await joinToken(room_name)));
    const claimed = await job.api.v1.sessions.claim.$post();
    if (!claimed.ok) throw new Error(`claim: ${claimed.status}`);
    const { sessionToken, session } = await claimed.json();
    expect(session.id).toBe(id);

    const agent = hc<App>(api.url, bearer(sessionToken));
    const json = { id: crypto.randomUUID(), speaker: 'user', text: 'hello', saidAt: new Date().toISOString() } as const;
    const appended = await agent.api.v1.sessions[':id'].turns.$post({ param: { id }, json });
    expect(appended.status).toBe(201);
    const listed = await user.api.v1.sessions[':id'].turns.$get({ param: { id }, query: { after: '0' } });
    if (!listed.ok) throw new Error(`turns: ${listed.status}`);
    expect((await listed.json()).turns).toMatchObject([{ ...json, position: 1 }]);
    expect((await agent.api.v1.sessions[':id'].lease.$delete({ param: { id }, query: {} })).status).toBe(204);
  });

  it.each([
    ['empty', '', 201],
    ['small', '{"participant_name":"Ann"}', 201],
    ['malformed', '{', 400],
    ['too large', JSON.stringify({ participant_metadata: 'x'.repeat(sizes.requestBodyBytes) }), 413],
  ])('takes a body in chunks that is %s', async (_name, body, status) => {
    expect(await sendInChunks(`${api.url}/api/v1/token`, body)).toBe(status);
  });

  it('takes no body at all over a real connection', async () => {
    const answer = await fetch(`${api.url}/api/v1/token`, { method: 'POST', ...bearer(developmentToken) });
    expect(answer.status).toBe(201);
  });

  it('has no TRACE, which not even its own request type can hold', async () => {
    const sending = request(`${api.url}/api/v1/token`, { method: 'TRACE', ...bearer(developmentToken) }).end();
    const [answer] = await once(sending, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(404);
  });

  it('says which port is taken', async () => {
    const starting = start(api.port);
    await expect(starting).rejects.toMatchObject({ code: 'conflict' });
    await expect(starting).rejects.toThrow(`Port ${api.port} is in use`);
  });

  it('stops listening when it is closed', async () => {
    const other = await start(0);
    expect((await fetch(`${other.url}/healthz`)).status).toBe(200);
    await other.close();
    await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
  });
});

describe("the API's process", () => {
  const run = (env: Record<string, string>) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'api/server.ts'], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return { child, exit: once(child, 'exit'), errors: text(child.stderr) };
  };

  it('names every setting that is missing, and ends', async () => {
    const { exit, errors } = run({ LIVEKIT_API_KEY: 'key' });
    expect(await exit).toEqual([1, null]);
    for (const name of [
      'LIVEKIT_URL',
      'LIVEKIT_API_SECRET',
      'DATABASE_URL',
      'DATABASE_SERVICE_URL',
      'ENCRYPTION_KEYS',
      'JWT_SECRET',
    ]) {
      expect(await errors).toContain(`${name}: is not set`);
    }
    expect(await errors).not.toContain('    at ');
  });

  const postgresUrl = inject('postgresUrl');
  it.skipIf(!postgresUrl)('serves until it is told to stop, and ends well', async () => {
    const own = await createTestDatabase(postgresUrl ?? '');
    const port = await getPort();
    const { child, exit, errors } = run({
      LIVEKIT_URL: settings.livekit.url,
      LIVEKIT_API_KEY: settings.livekit.apiKey,
      LIVEKIT_API_SECRET: settings.livekit.apiSecret,
      DATABASE_URL: own.url,
      DATABASE_SERVICE_URL: own.serviceUrl,
      ENCRYPTION_KEY: 'ab'.repeat(32),
      JWT_SECRET: jwtSecret,
      DEVELOPMENT_TOKEN: developmentToken,
      API_HOST: '127.0.0.1',
      API_PORT: String(port),
    });
    try {
      await expect
        .poll(
          () =>
            fetch(`http://127.0.0.1:${port}/readyz`).then(
              (answer) => answer.status,
              () => 0,
            ),
          { timeout: 30_000 },
        )
        .toBe(200);
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/profiles/me`, bearer(developmentToken));
      expect(answer.status).toBe(200);
      child.kill('SIGTERM');
      expect(await exit, await errors).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await exit;
      await own.drop();
    }
  });
});

/** Posts without a content-length; `fetch` would send one with text. */
async function sendInChunks(url: string, body: string): Promise<number | undefined> {
  const headers = { ...bearer(developmentToken).headers, 'content-type': 'application/json' };
  const sending = request(url, { method: 'POST', headers: { ...headers, 'transfer-encoding': 'chunked' } });
  for (let start = 0; start < body.length; start += 8_192) sending.write(body.slice(start, start + 8_192));
  sending.end();
  const [answer] = await once(sending, 'response');
  answer.resume();
  return answer.statusCode;
}
