import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type PgBoss from 'pg-boss';

/** Where the queue is: the service's login of a PostgreSQL server, or the client of the embedded database. */
export type QueuePlace = { serviceUrl: string } | { client: PGlite };

/** The queue's own way into the database. */
export interface QueueDatabase extends PgBoss.Db {
  close(): Promise<void>;
}

/** Queue from which pg-boss takes the scheduled jobs that are due, to put them into their own. */
export const scheduleQueue = '__pgboss__send-it';

/** Connections of the queue, beside those the handlers use. */
const queueConnections = 2;
const connectTimeoutMs = 5_000;

/** Opens the queue's way into the database; nothing is asked of it yet. */
export function openQueueDatabase(place: QueuePlace): QueueDatabase {
  const { run, close } = 'client' in place ? embedded(place.client) : server(place.serviceUrl);
  let isClosed = false;
  return {
    async executeSql(text, values?: unknown[]) {
      // pg-boss's timers can begin a query when it has stopped, and nobody would catch its failure.
      if (isClosed) return new Promise<never>(() => undefined);
      try {
        return await run(text, values);
      } catch (error) {
        // Here neither does pg-boss: the process would end. The jobs stay taken, and run when their time is over.
        if (values?.[0] === scheduleQueue) return { rows: [] };
        throw error;
      }
    },
    async close() {
      isClosed = true;
      await close();
    },
  };
}

interface Driver {
  run(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  close(): Promise<void>;
}

function embedded(client: PGlite): Driver {
  return {
    run: (text, values) => runEmbedded(client, text, values),
    close: async () => undefined,
  };
}

/** Runs what pg-boss asks for in an embedded database. */
export async function runEmbedded(client: PGlite, text: string, values?: unknown[]): Promise<{ rows: unknown[] }> {
  if (values) return client.query(text, values);
  // Several statements with a BEGIN of their own. The outer transaction rolls them back when one fails: the only
  // session would stay in a failed transaction.
  const results = await client.transaction((tx) => tx.exec(text));
  return { rows: results.at(-1)?.rows ?? [] };
}

function server(serviceUrl: string): Driver {
  const pool = new pg.Pool({
    connectionString: asService(serviceUrl),
    max: queueConnections,
    connectionTimeoutMillis: connectTimeoutMs,
  });
  // Unheard, the loss of a connection would end the process. The query under way fails by itself, and an idle one is
  // removed from the pool already.
  pool.on('error', () => undefined).on('connect', (client) => client.on('error', () => undefined));
  return {
    async run(text, values) {
      const client = await pool.connect();
      let failure: Error | undefined;
      try {
        return await runOnServer(client, text, values);
      } catch (error) {
        // Several statements with a BEGIN of their own leave a failed transaction behind: the connection goes.
        failure = error instanceof Error ? error : new Error('a query failed');
        throw error;
      } finally {
        client.release(failure);
      }
    },
    close: () => pool.end(),
  };
}

/** Runs what pg-boss asks for on a connection; without values it may be several statements. */
export async function runOnServer(
  client: pg.ClientBase,
  text: string,
  values?: unknown[],
): Promise<{ rows: unknown[] }> {
  const result: pg.QueryResult | pg.QueryResult[] = await client.query(text, values);
  return { rows: (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [] };
}

/** The address, with the service's role, which its login takes on as soon as it is connected. */
function asService(address: string): string {
  const url = new URL(address);
  url.searchParams.set('options', '-c role=parley_service');
  return url.href;
}
