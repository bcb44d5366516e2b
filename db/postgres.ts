import { createHash } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { AppError } from '../core/errors.ts';
import type { Database, PostgresOptions, Scope, Transaction } from './client.ts';
import { errorCodeOf } from './errors.ts';
import { requireBoundLogin } from './logins.ts';
import { requireCurrentSchema } from './migrate.ts';
import { answering } from './ping.ts';
import { bindConnection } from './prepared.ts';
import { roleNames, settingsOf } from './scope.ts';

const connectTimeoutMs = 5_000;
/** Statements a connection keeps planned; more are sent as they are. Verbs have far fewer, unless one builds its text. */
const preparedStatements = 500;

const scopeStatement = {
  name: 'scope',
  text: `select set_config('role', $1, true), set_config('app.tenant_id', $2, true), set_config('app.user_id', $3, true),
    set_config('app.session_id', $4, true)`,
};

/** Opens the logins; see `openDatabase`. */
export async function openPostgres({ url, serviceUrl, poolSize }: PostgresOptions): Promise<Database> {
  const pools = new Map<Scope['role'], pg.Pool>();
  const close = async () => {
    await Promise.all([...pools.values()].map((pool) => pool.end()));
  };
  try {
    pools.set('service', await openLogin(serviceUrl, 'DATABASE_SERVICE_URL', 'service', poolSize));
    if (url) pools.set('user', await openLogin(url, 'DATABASE_URL', 'user', poolSize));
  } catch (error) {
    await close();
    throw error;
  }
  const poolOf = (role: Scope['role']) => {
    const pool = pools.get(role);
    if (!pool) throw new AppError('internal', `This process has no login for the role ${role}`);
    return pool;
  };
  return {
    kind: 'postgres',
    transaction: async (scope, work) => runTransaction(poolOf(scope.role), scope, work),
    ping: () => answering(Promise.all([...pools.values()].map((pool) => pool.query('select 1')))),
    close,
  };
}

async function openLogin(url: string, setting: string, role: Scope['role'], poolSize: number): Promise<pg.Pool> {
  const pool = createPool(url, poolSize);
  try {
    const client = await connected(pool, url, setting);
    try {
      await requireBoundLogin(client, setting, roleNames[role]);
      await requireCurrentSchema(client, roleNames[role]);
    } finally {
      client.release();
    }
    return pool;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

function createPool(url: string, poolSize: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    // Queries of a transaction are sent as they come, without waiting for the answer to the one before.
    ...{ pipeline: true },
  });
  // Unheard, the loss of a connection would end the process. The query under way fails by itself, and an idle one is
  // removed from the pool already.
  pool.on('error', () => undefined).on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** A connection. @throws AppError `unavailable` naming server and database. */
export async function connected(pool: pg.Pool, url: string, setting: string): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw unreachable(error, url, setting);
  }
}

/** What to say when a database can't be connected to: which, and how the driver calls the reason. */
export function unreachable(error: unknown, url: string, setting: string): AppError {
  // The driver's own message may hold the URL's user and password: only its code is shown.
  const { host, pathname } = new URL(url);
  const reason = errorCodeOf(error) ?? 'no answer';
  const message = `The database ${pathname.slice(1)} at ${host} can't be used (${reason}): check ${setting} and that it runs`;
  return new AppError('unavailable', message, { cause: error });
}

/**
 * A transaction in two round trips when `work` is one query: `begin`, the scope and the first query leave together, in one
 * write. Should the scope fail, the transaction is aborted and so is what came behind; should `begin` fail, the login has no
 * rights.
 */
async function runTransaction<T>(pool: pg.Pool, scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    const { tenantId, userId, sessionId } = settingsOf(scope);
    const values = [roleNames[scope.role], tenantId, userId, sessionId];
    gatherWrites(client);
    const begun = Promise.all([client.query('begin'), client.query({ ...scopeStatement, values })]);
    begun.catch(() => undefined);
    const queries = queriesOf(client);
    try {
      const tx = drizzle({ client: queries.client });
      bindConnection(tx, queries.client);
      const result = await work(tx).finally(queries.end);
      await begun;
      await commit(client);
      return result;
    } catch (error) {
      await client.query('rollback').catch((failure: Error) => {
        broken = failure;
      });
      // When the scope could not be set, that is the reason for what followed.
      await begun;
      throw error;
    }
  } finally {
    client.release(broken);
  }
}

/**
 * Sends what the connection is given from here to the next tick at once (https://nodejs.org/api/stream.html#writablecork): the
 * driver writes each query by itself, and each write wakes the server's process for a part of what it is to do.
 */
function gatherWrites({ connection: { stream } }: pg.PoolClient): void {
  if (stream.writableCorked) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** PostgreSQL answers `commit` of an aborted transaction with ROLLBACK and no error: a failed query was swallowed. */
async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('commit');
  if (command !== 'COMMIT')
    throw new AppError('internal', 'A transaction was rolled back: one of its queries had failed');
}

/**
 * A connection for the queries of one transaction. After `end` it refuses them: what a verb left running must not reach into
 * the next transaction there, which is somebody else's.
 */
function queriesOf(client: pg.PoolClient): { client: pg.PoolClient; end(): void } {
  let ended = false;
  const query = async (config: pg.QueryConfig, values?: unknown[]) => {
    if (ended) throw new AppError('internal', 'A query came after the end of its transaction');
    gatherWrites(client);
    return client.query({ ...config, name: statementName(client, config.text, values), values });
  };
  return {
    client: new Proxy(client, { get: (target, key) => (key === 'query' ? query : Reflect.get(target, key, target)) }),
    end: () => {
      ended = true;
    },
  };
}

const statementNames = new WeakMap<pg.PoolClient, Map<string, string>>();

/**
 * The name of a statement with parameters: PostgreSQL plans a named one once a connection instead of every time, which is
 * half of what a short query costs. Drizzle itself names none.
 */
function statementName(client: pg.PoolClient, text: string, values: unknown[] = []): string | undefined {
  const names = statementNames.get(client) ?? new Map<string, string>();
  statementNames.set(client, names);
  let name = names.get(text);
  if (name === undefined && values.length && names.size < preparedStatements) {
    name = createHash('sha1').update(text).digest('base64url');
    names.set(text, name);
  }
  return name;
}
