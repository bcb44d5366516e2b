import { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator';
import { drizzle as drizzlePostgres } from 'drizzle-orm/postgres-js';
import { migrate as migratePostgres } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { assetPath } from '../core/assets.ts';
import { AppError } from '../core/errors.ts';
import { prepareDataFolder } from './data-folder.ts';
import { errorCodeOf } from './errors.ts';

/** Where queries are built, whatever driver runs them. */
export type DrizzleDatabase = PgDatabase<PgQueryResultHKT>;

/** An open transaction. */
export type Transaction = Parameters<Parameters<DrizzleDatabase['transaction']>[0]>[0];

/** An open database. */
export interface Database {
  db: DrizzleDatabase;
  kind: 'postgres' | 'pglite';
  /** Brings the tables up to date; processes that start at once take turns. */
  migrate(): Promise<void>;
  /** @throws when the database doesn't answer within `pingTimeoutMs`. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** A PostgreSQL server, a folder that embedded PGlite keeps, or an embedded database that lives as long as its process. */
export type DatabaseOptions =
  | { url: string; poolSize: number }
  | { dataDir: string /** Told when the folder's lock makes us wait. */; onWait?: (message: string) => void }
  | { memory: true };

const migrationsFolder = assetPath('db', 'migrations');
const connectTimeoutSeconds = 5;
const pingTimeoutMs = 2_000;
/** Key of the advisory lock under which migrations run; any number will do as long as it never changes. */
const migrationLock = 7_275_539;

/**
 * Opens a database and makes sure that it answers. Call `migrate()` before the first use.
 * @throws AppError `unavailable` when the server can't be reached, `conflict` when another process has the data folder.
 * @throws ConfigError when the data folder can't be used.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if ('url' in options) return openPostgres(options.url, options.poolSize);
  if ('memory' in options) return pgliteDatabase(await PGlite.create(), async () => {});
  return openDataFolder(options.dataDir, options.onWait);
}

async function openPostgres(url: string, poolSize: number): Promise<Database> {
  const connect = (max: number) =>
    postgres(url, { max, connect_timeout: connectTimeoutSeconds, onnotice: () => undefined });
  const client = connect(poolSize);
  try {
    await client`select 1`;
  } catch (error) {
    // A server that never answered may never close its side either.
    await client.end({ timeout: 0 });
    throw new AppError('unavailable', unreachable(url, error), { cause: error });
  }
  const db = drizzlePostgres(client);
  return {
    db,
    kind: 'postgres',
    async migrate() {
      // Drizzle's migrator takes no lock. A session's advisory lock needs one connection for the whole time.
      const single = connect(1);
      try {
        await single`select pg_advisory_lock(${migrationLock})`;
        await migratePostgres(drizzlePostgres(single), { migrationsFolder });
      } finally {
        await single.end();
      }
    },
    ping: () => ping(db),
    close: () => client.end({ timeout: connectTimeoutSeconds }),
  };
}

async function openDataFolder(dataDir: string, onWait?: (message: string) => void): Promise<Database> {
  const unlock = await prepareDataFolder(dataDir, onWait);
  try {
    return pgliteDatabase(await PGlite.create(dataDir), unlock);
  } catch (error) {
    await unlock();
    throw new AppError(
      'internal',
      `The data folder ${dataDir} doesn't open as a database: move it away to start anew`,
      {
        cause: error,
      },
    );
  }
}

function pgliteDatabase(client: PGlite, afterClose: () => Promise<void>): Database {
  const db = drizzlePglite(client);
  return {
    db,
    kind: 'pglite',
    migrate: () => migratePglite(db, { migrationsFolder }),
    ping: () => ping(db),
    async close() {
      await client.close();
      await afterClose();
    },
  };
}

async function ping(db: DrizzleDatabase): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError('unavailable', 'The database does not answer')), pingTimeoutMs);
  });
  try {
    await Promise.race([db.execute(sql`select 1`), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

// The driver's own message may hold the URL's user and password: only its code is shown.
function unreachable(url: string, error: unknown): string {
  const { host, pathname } = new URL(url);
  return `The database ${pathname.slice(1)} at ${host} can't be used (${errorCodeOf(error)}): check DATABASE_URL and that it runs`;
}
