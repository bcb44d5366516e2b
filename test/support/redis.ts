import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import getPort from 'get-port';
import { Redis } from 'ioredis';
import { createLog, type Log } from '../../core/log.ts';
import { openRedis } from '../../core/redis.ts';

const startTimeoutMs = 10_000;

/** A Redis server of a test's own on loopback. */
export interface RedisServer {
  url: string;
  /** Stops it in its tracks: connections stay open and nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Ends it without a word, and starts another one, empty, on the same port. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const installed = await promisify(execFile)('redis-server', ['--version']).then(
  () => true,
  () => false,
);
if (!installed) {
  const reason = 'there is no redis-server on this machine';
  if (process.env.REQUIRE_ALL === '1') throw new Error(reason);
  process.stderr.write(`SKIPPED: tests on Redis, because ${reason}.\n`);
}

/** Whether this machine has a Redis server to start; where everything is required, loading this file fails without. */
export const redisIsInstalled = installed;

/** A connection as the API has it, once it is ready. */
export async function connectedRedis(url: string, log: Log = createLog('test', 'silent')): Promise<Redis> {
  const redis = openRedis(url, log);
  await once(redis, 'ready');
  return redis;
}

/** Starts a server that keeps nothing on disk. */
export async function startRedis(): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-redis-'));
  const port = await getPort();
  const url = `redis://127.0.0.1:${port}`;
  let server = await start(port, folder);
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  };
  return {
    url,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    kill,
    async restart() {
      await kill();
      server = await start(port, folder);
    },
    stop: () => kill().finally(() => rm(folder, { recursive: true, force: true })),
  };
}

async function start(port: number, folder: string): Promise<ChildProcess> {
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    const deadline = Date.now() + startTimeoutMs;
    while (server.exitCode === null && Date.now() < deadline) {
      if (
        await client.connect().then(
          () => true,
          () => false,
        )
      )
        return server;
      await sleep(20);
    }
    server.kill('SIGKILL');
    throw new Error('redis-server ended or never answered');
  } finally {
    client.disconnect();
  }
}
