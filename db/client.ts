import { PGlite } from '@electric-sql/pglite';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { AppError } from '../core/errors.ts';
import { prepareDataFolder } from './data-folder.ts';
import { migrateEmbedded } from './migrate.ts';
import { pgliteDatabase } from './pglite.ts';
import { openPostgres } from './postgres.ts';

/** An open transaction: where queries are built, whatever driver runs them. */
export type Transaction = Pick<
  PgDatabase<PgQueryResultHKT>,
  'select' | 'selectDistinctOn' | 'insert' | 'update' | 'delete' | 'execute' | '$count'
>;

/** Whose transaction it is; row-level security lets it see their rows alone. */
export interface Scope {
  /** `user`: one person's rows. `service`: a tenant's. */
  role: 'user' | 'service';
  /** Null sees nothing that belongs to a tenant; `allTenants` is for verbs of the service that work across them. */
  tenantId: string | null;
  userId?: string;
  /** Narrows a person's rows to those of one session. */
  sessionId?: string;
}

/** An open database. Nothing reaches it but through a transaction that says whose it is. */
export interface Database {
  kind: 'postgres' | 'pglite';
  /**
   * Runs `work` in a transaction of the scope: committed when it resolves, rolled back when it rejects. `work` awaits
   * queries only, so that the transaction is short.
   */
  transaction<T>(scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** @throws when the database doesn't answer within two seconds. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The embedded database, which has but one process and one session. */
export interface EmbeddedDatabase extends Database {
  kind: 'pglite';
  client: PGlite;
}

/** A PostgreSQL server with a login for each role, or for the service's alone. */
export interface PostgresOptions {
  /** Login of verbs that act for a person; a process without such verbs has none. */
  url?: string;
  /** Login of verbs of the service itself. */
  serviceUrl: string;
  /** Connections of each login. */
  poolSize: number;
}

/** A folder that embedded PGlite keeps. */
export interface DataFolderOptions {
  dataDir: string;
  /** Told when the folder's lock makes us wait. */
  onWait?: (message: string) => void;
}

/** A data folder, or an embedded database that lives as long as its process. */
export type EmbeddedOptions =
  | DataFolderOptions
  | {
      memory: true;
      /** What it begins with: a dump that PGlite made of another one. */
      copyOf?: Blob;
    };

/**
 * Opens the logins of a PostgreSQL server and makes sure that they may be used: the schema is this program's, and neither
 * login could step over row-level security.
 * @throws AppError `unavailable` when the server can't be reached, `conflict` for a schema of another version.
 * @throws ConfigError for a login that is a superuser, bypasses row-level security, inherits rights or owns tables.
 */
export function openDatabase(options: PostgresOptions): Promise<Database> {
  return openPostgres(options);
}

/**
 * Opens an embedded database and brings its tables up to date.
 * @throws AppError `conflict` when another process has the data folder, or a newer program has written it.
 * @throws ConfigError when the data folder can't be used.
 */
export async function openEmbeddedDatabase(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const database =
    'memory' in options
      ? await pgliteDatabase(await PGlite.create({ loadDataDir: options.copyOf }), async () => {})
      : await openDataFolder(options);
  try {
    await migrateEmbedded(database.client);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/** Opens a data folder with its tables as they are: for who looks after the tables themselves. @throws as above. */
export async function openDataFolder({ dataDir, onWait }: DataFolderOptions): Promise<EmbeddedDatabase> {
  const unlock = await prepareDataFolder(dataDir, onWait);
  try {
    return await pgliteDatabase(await PGlite.create(dataDir), unlock);
  } catch (error) {
    await unlock();
    const message = `The data folder ${dataDir} doesn't open as a database: move it away to start anew`;
    throw new AppError('internal', message, { cause: error });
  }
}
