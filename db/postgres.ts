import pg from 'pg';
import { AppError } from '../core/errors.ts';
import type { Database, PostgresOptions, Scope, Transaction } from './client.ts';
import { errorCodeOf } from './errors.ts';
import { requireBoundLogin } from './logins.ts';
import { requireCurrentSchema } from './migrate.ts';
import { answering } from './ping.ts';
import { roleNames } from './scope.ts';
import { gatherWrites, workScoped } from './scoped.ts';

const connectTimeoutMs = 5_000;

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
 * A transaction in two round trips when `work` is one query: `begin`, the scope and the first query leave together. Should
 * `begin` fail, the login has no rights.
 */
async function runTransaction<T>(pool: pg.Pool, scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    gatherWrites(client);
    const begun = client.query('begin');
    begun.catch(() => undefined);
    try {
      const result = await workScoped(client, scope, work);
      await begun;
      await commit(client);
      return result;
    } catch (error) {
      await client.query('rollback').catch((failure: Error) => {
        broken = failure;
      });
      // When it could not be begun, that is the reason for what followed.
      await begun;
      throw error;
    }
  } finally {
    client.release(broken);
  }
}

/** PostgreSQL answers `commit` of an aborted transaction with ROLLBACK and no error: a failed query was swallowed. */
async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query('commit');
  if (command !== 'COMMIT')
    throw new AppError('internal', 'A transaction was rolled back: one of its queries had failed');
}
