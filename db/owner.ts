import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { type DataFolderOptions, openDataFolder } from './client.ts';
import {
  type MigrationState,
  migrateEmbedded,
  migrateServer,
  migrationStates,
  rollbackEmbedded,
  rollbackServer,
} from './migrate.ts';
import type { Migration } from './migrations.ts';
import { unreachable } from './postgres.ts';

/** A database as whoever looks after its tables sees it. */
interface Owned {
  /** The database's name, or the folder. */
  name: string;
  /** For people: which it is, and where. */
  description: string;
  /** Every step of the schema, oldest first, and whether the database has it. */
  states(): Promise<MigrationState[]>;
  /** Takes the steps that are missing. @returns them. */
  migrate(): Promise<Migration[]>;
  /** Undoes the newest steps. @returns them, newest first. */
  rollback(steps: number): Promise<Migration[]>;
  /** Whether the job queue has been set up. */
  hasQueue(): Promise<boolean>;
  /** Removes the job queue with what is in it. */
  dropQueue(): Promise<void>;
  close(): Promise<void>;
}

/** A server's database, as its owner. */
export interface OwnedServer extends Owned {
  kind: 'server';
  client: pg.Client;
}

/** A data folder. */
export interface OwnedFolder extends Owned {
  kind: 'folder';
  client: PGlite;
}

export type OwnedDatabase = OwnedServer | OwnedFolder;

/** Connects as the owner of a database. @throws AppError `unavailable` when that can't be done. */
export async function openOwnedServer(ownerUrl: string): Promise<OwnedServer> {
  const client = new pg.Client(ownerUrl);
  // Heard by the query that is under way then, or by the next one.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw unreachable(error, ownerUrl, 'DATABASE_OWNER_URL');
  }
  const { host, pathname } = new URL(ownerUrl);
  const name = decodeURIComponent(pathname.slice(1));
  return {
    kind: 'server',
    client,
    name,
    description: `the database ${name} at ${host}`,
    states: () => migrationStates(client),
    migrate: () => migrateServer(client),
    rollback: (steps) => rollbackServer(client, steps),
    hasQueue: () => hasQueue(client),
    dropQueue: () => dropQueue(client),
    close: () => client.end(),
  };
}

/** Opens a data folder with its tables as they are. @throws as `openDataFolder`. */
export async function openOwnedFolder(options: DataFolderOptions): Promise<OwnedFolder> {
  const { client, close } = await openDataFolder(options);
  return {
    kind: 'folder',
    client,
    name: options.dataDir,
    description: `the data folder ${options.dataDir}`,
    states: () => migrationStates(client),
    migrate: () => migrateEmbedded(client),
    rollback: (steps) => rollbackEmbedded(client, steps),
    hasQueue: () => hasQueue(client),
    dropQueue: () => dropQueue(client),
    close,
  };
}

interface Client {
  query(text: string): Promise<{ rows: unknown[] }>;
}

async function hasQueue(client: Client): Promise<boolean> {
  const { rows } = await client.query("select from pg_namespace where nspname = 'pgboss'");
  return rows.length > 0;
}

async function dropQueue(client: Client): Promise<void> {
  await client.query('drop schema if exists pgboss cascade');
}
