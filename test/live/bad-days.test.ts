import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectNothingLeft, type Program, programsAreVisible, runProgram } from '../support/programs.ts';

const shared = inject('livekit');
const worker = 'dist/agents/worker.js';
const api = 'dist/api/server.js';
const jobs = 'dist/jobs/worker.js';
const demo = 'dist/scripts/demo.js';
const local = 'dist/scripts/local.js';
const secret = 'a-secret-that-must-not-be-shown-anywhere';

describe.skipIf(!shared || !programsAreVisible)('a program that can not work says why and ends', () => {
  const server = shared as NonNullable<typeof shared>;
  const livekit = {
    LIVEKIT_URL: server?.url,
    LIVEKIT_API_KEY: server?.apiKey,
    LIVEKIT_API_SECRET: server?.apiSecret,
  };
  const workerSettings = {
    ...livekit,
    API_URL: 'http://127.0.0.1:1',
    DEEPGRAM_API_KEY: secret,
    ANTHROPIC_API_KEY: secret,
    CARTESIA_API_KEY: secret,
  };
  const apiSettings = { ...livekit, JWT_SECRET: secret, ENCRYPTION_KEY: 'ab'.repeat(32) };
  /** Answers everything with 200, as another worker's health page would. */
  const neighbour = createHttpServer((_, response) => response.end('{}'));
  /** Accepts connections, never says anything and never closes one. */
  const silent = createServer({ allowHalfOpen: true }, (socket) => sockets.push(socket.resume()));
  const sockets: Socket[] = [];
  const portOf = (listening: Server) => (listening.address() as AddressInfo).port;
  let folder: string;
  let file: string;

  beforeAll(async () => {
    for (const listening of [neighbour, silent]) await once(listening.listen(0, '127.0.0.1'), 'listening');
    folder = await mkdtemp(join(tmpdir(), 'parley-bad-days-'));
    file = join(folder, 'a-file');
    await writeFile(file, 'not a folder');
  });

  afterAll(async () => {
    neighbour.close();
    silent.close();
    for (const socket of sockets) socket.destroy();
    await rm(folder, { recursive: true });
  });

  test('the secret of LiveKit is wrong: worker', async () => {
    const program = await runProgram(worker, [], { ...workerSettings, LIVEKIT_API_SECRET: secret });
    await expectEnd(program, 1, [
      'The configuration is not usable:',
      '  LIVEKIT_API_KEY, LIVEKIT_API_SECRET: the LiveKit server at LIVEKIT_URL refuses them',
    ]);
  });

  test('the secret of LiveKit is wrong: demo', async () => {
    const program = await runProgram(demo, ['--keep'], { ...livekit, LIVEKIT_API_SECRET: secret });
    await expectEnd(program, 1, [
      'the agent worker ended (exit code 1) before it was ready:',
      '  The configuration is not usable:',
      '    LIVEKIT_API_KEY, LIVEKIT_API_SECRET: the LiveKit server at LIVEKIT_URL refuses them',
    ]);
  });

  test('the port of the worker is taken: worker', async () => {
    const port = portOf(neighbour);
    const program = await runProgram(worker, [], {
      ...workerSettings,
      WORKER_HOST: '127.0.0.1',
      WORKER_PORT: String(port),
    });
    await expectEnd(program, 1, [`Port ${port} is in use: stop what listens there or set WORKER_PORT`]);
  });

  test('the port of the worker is taken, by one that calls itself ready: demo', async () => {
    const port = portOf(neighbour);
    const program = await runProgram(demo, [], { ...livekit, WORKER_PORT: String(port) });
    await expectEnd(program, 1, [`Port ${port} (WORKER_PORT) is taken: set another one, or unset it for a free one.`]);
  });

  test('the port of the API is taken: dev', async () => {
    const port = portOf(neighbour);
    const program = await runProgram(local, ['--data-dir', join(folder, 'data')], {
      ...livekit,
      API_PORT: String(port),
    });
    await expectEnd(program, 1, [`Port ${port} is in use: stop what listens there or set API_PORT`]);
  });

  test.each([
    ['a file', demo, () => file, 'is a file: name a folder'],
    ['below a file', local, () => join(file, 'data'), "can't be made or written (ENOTDIR)"],
    ['in /proc', local, () => '/proc/data', "can't be made or written (ENOENT)"],
  ])('the data folder is %s: %s', async (_, path, dataDir, why) => {
    const program = await runProgram(path, ['--data-dir', dataDir()], livekit);
    await expectEnd(program, 1, [
      'The configuration is not usable:',
      expect.stringContaining(`  data folder ${dataDir()}: ${why}`),
    ]);
  });

  test.each([
    [worker, ['API_URL', 'DEEPGRAM_API_KEY', 'ANTHROPIC_API_KEY', 'CARTESIA_API_KEY'], []],
    [api, ['DATABASE_SERVICE_URL', 'DATABASE_URL', 'ENCRYPTION_KEYS', 'JWT_SECRET'], []],
    [jobs, ['DATABASE_SERVICE_URL', 'ENCRYPTION_KEYS'], []],
    [local, [], ['--api-only']],
  ])('settings are missing, and each is named: %s', async (path, own, args) => {
    const names = ['LIVEKIT_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET', ...own];
    await expectEnd(await runProgram(path, args), 1, [
      'The configuration is not usable:',
      // That of a vendor says who has chosen it.
      ...names.map((name) => expect.stringMatching(`^  ${name}: is not set(, and \\w+ is chosen for \\w+)?$`)),
    ]);
  });

  test('settings are wrong: demo', async () => {
    const program = await runProgram(demo, ['--keep'], { ...livekit, API_PORT: 'http', JWT_SECRET: 'short' });
    await expectEnd(program, 1, [
      'The configuration is not usable:',
      '  API_PORT: needs a whole number from 1 to 65535',
      '  JWT_SECRET: needs at least 32 characters, for example from `openssl rand -hex 32`',
    ]);
  });

  test.each([
    ['where nobody listens', demo, () => 1, 'ECONNREFUSED'],
    ['where nobody answers', api, () => portOf(silent), 'no answer'],
  ])('the database is %s: %s', async (_, path, port, code) => {
    const address = `postgres://parley:${secret}@127.0.0.1:${port()}/parley`;
    const program = await runProgram(path, [], {
      ...apiSettings,
      DATABASE_URL: address,
      DATABASE_SERVICE_URL: address,
    });
    await expectEnd(program, 1, [
      `The database parley at 127.0.0.1:${port()} can't be used (${code}): check DATABASE_SERVICE_URL and that it runs`,
    ]);
  });

  test.each([demo, local])('an option does not exist: %s', async (path) => {
    await expectEnd(await runProgram(path, ['--unknown']), 2, ["Unknown option '--unknown' (see --help)"]);
  });
});

async function expectEnd(program: Program, code: number, lines: readonly string[]): Promise<void> {
  expect(await program.ended, program.stderr()).toBe(code);
  expect(program.stderr().trimEnd().split('\n')).toEqual(lines);
  expect(program.stdout()).not.toContain(secret);
  await expectNothingLeft(program);
}
