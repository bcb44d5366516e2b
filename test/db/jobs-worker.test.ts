import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { encryptionVariables, liveKitVariables, runFile, runJobsProgram } from '../support/jobs-program.ts';
import { createTestDatabase } from '../support/postgres.ts';

describe("the jobs' process", () => {
  it('names every setting that is missing, and ends', async () => {
    const { exit, lines } = runFile('jobs/worker.ts', {});
    expect(await exit).toEqual([1, null]);
    for (const name of [...Object.keys(liveKitVariables), 'DATABASE_SERVICE_URL', 'ENCRYPTION_KEYS']) {
      expect(lines.join('\n')).toContain(`${name}: is not set`);
    }
    expect(lines.join('\n')).not.toContain('    at ');
  });

  const postgresUrl = inject('postgresUrl');
  const newDatabase = async (options?: { empty: boolean }) => {
    const database = await createTestDatabase(postgresUrl ?? '', options);
    onTestFinished(() => database.drop());
    return database;
  };

  it.skipIf(!postgresUrl)('tells how it is, works until it is told to stop, and ends well', async () => {
    const { url, child, exit, lines } = await runJobsProgram(await newDatabase());
    const get = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
    };
    expect(await get('/healthz')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    expect(await get('/readyz')).toMatchObject({ status: 200, body: '{"status":"ready"}' });
    const metrics = await get('/metrics');
    expect(metrics).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
    expect(metrics.body).toContain('# TYPE parley_jobs_duration_seconds histogram\n');
    expect(metrics.body).toContain('parley_jobs_dead_letters{job="send-mail"} 0\n');
    expect((await get('/')).status).toBe(404);
    child.kill('SIGTERM');
    expect(await exit, lines.join('\n')).toEqual([0, null]);
  });

  it.skipIf(!postgresUrl)('ends with a word on the database when that was not migrated', async () => {
    const { exit, lines } = runFile('jobs/worker.ts', {
      ...liveKitVariables,
      ...encryptionVariables,
      DATABASE_SERVICE_URL: (await newDatabase({ empty: true })).serviceUrl,
    });
    expect(await exit).toEqual([1, null]);
    expect(lines.at(-1)).toContain('run "parley db migrate"');
  });

  it.skipIf(!postgresUrl)('ends with a word on the port when that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { exit, lines } = runFile('jobs/worker.ts', {
      ...liveKitVariables,
      ...encryptionVariables,
      DATABASE_SERVICE_URL: (await newDatabase()).serviceUrl,
      JOBS_HOST: '127.0.0.1',
      JOBS_PORT: String(port),
    });
    expect(await exit).toEqual([1, null]);
    expect(lines.at(-1)).toBe(`Can't listen on 127.0.0.1:${port} (EADDRINUSE): set JOBS_HOST and JOBS_PORT`);
  });
});
