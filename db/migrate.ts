import type { PGlite } from '@electric-sql/pglite';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import { migrate as migratePostgres } from 'drizzle-orm/node-postgres/migrator';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator';
import type pg from 'pg';
import { AppError } from '../core/errors.ts';
import { errorCodeOf } from './errors.ts';
import { downStatements, knownMigrations, type Migration, migrationsFolder } from './migrations.ts';

/** Key of the advisory lock under which migrations run; any number will do as long as it never changes. */
const migrationLock = 7_275_539;

/** The part of both drivers' clients that migrations need. */
interface Client {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** A step and whether the database has it. */
export interface MigrationState extends Migration {
  isApplied: boolean;
}

/**
 * Brings an embedded database up to date.
 * @returns the steps that were taken.
 * @throws AppError `conflict` when a newer program has written it.
 */
export function migrateEmbedded(client: PGlite): Promise<Migration[]> {
  return takeMissing(client, () => migratePglite(drizzlePglite(client), { migrationsFolder }));
}

/**
 * Brings a server's database up to date, as the owner of its tables; processes that start at once take turns.
 * @returns the steps that were taken.
 * @throws AppError `conflict` when a newer program has migrated it.
 */
export function migrateServer(client: pg.ClientBase): Promise<Migration[]> {
  return underLock(client, () =>
    takeMissing(client, () => migratePostgres(drizzlePostgres({ client: client as pg.Client }), { migrationsFolder })),
  );
}

/**
 * Undoes the newest steps of an embedded database, each in a transaction of its own.
 * @returns the steps that were undone, newest first.
 */
export function rollbackEmbedded(client: PGlite, steps: number): Promise<Migration[]> {
  return undoNewest(client, steps);
}

/** The same on a server, as the owner of its tables. */
export function rollbackServer(client: pg.ClientBase, steps: number): Promise<Migration[]> {
  return underLock(client, () => undoNewest(client, steps));
}

/** Every step this program knows, oldest first, and whether the database has it. */
export async function migrationStates(client: Client): Promise<MigrationState[]> {
  const applied = await appliedTimes(client);
  return knownMigrations().map((migration) => ({ ...migration, isApplied: applied.has(migration.createdAtMs) }));
}

/**
 * Makes sure that the schema is the one this program was written for, looking as `role`.
 * @throws AppError `conflict` saying which of the two is older.
 */
export async function requireCurrentSchema(client: pg.ClientBase, role: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query("select set_config('role', $1, true)", [role]);
    await requireNotNewer(client);
    const missing = (await migrationStates(client)).filter(({ isApplied }) => !isApplied);
    if (missing.length) {
      const tags = missing.map(({ tag }) => tag).join(', ');
      throw new AppError('conflict', `The database lacks ${tags}: run "parley db migrate"`);
    }
  } finally {
    await client.query('rollback');
  }
}

async function takeMissing(client: Client, migrate: () => Promise<void>): Promise<Migration[]> {
  await requireNotNewer(client);
  const before = await appliedTimes(client);
  await migrate();
  return knownMigrations().filter(({ createdAtMs }) => !before.has(createdAtMs));
}

async function undoNewest(client: Client, steps: number): Promise<Migration[]> {
  await requireNotNewer(client);
  const applied = (await migrationStates(client)).filter(({ isApplied }) => isApplied).reverse();
  const undone = applied.slice(0, steps);
  for (const migration of undone) await undo(client, migration);
  return undone.map(({ tag, createdAtMs }) => ({ tag, createdAtMs }));
}

async function requireNotNewer(client: Client): Promise<void> {
  const known = new Set(knownMigrations().map(({ createdAtMs }) => createdAtMs));
  const unknown = [...(await appliedTimes(client))].filter((createdAtMs) => !known.has(createdAtMs));
  if (unknown.length) {
    throw new AppError(
      'conflict',
      'A newer version of Parley has migrated the database: run that version or a newer one',
    );
  }
}

async function undo(client: Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    for (const statement of downStatements(migration)) await client.query(statement);
    await client.query('delete from drizzle.__drizzle_migrations where created_at = $1', [migration.createdAtMs]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function underLock<T>(client: Client, work: () => Promise<T>): Promise<T> {
  // Drizzle's migrator takes no lock of its own.
  await client.query('select pg_advisory_lock($1)', [migrationLock]);
  try {
    return await work();
  } finally {
    await client.query('select pg_advisory_unlock($1)', [migrationLock]);
  }
}

/** When each step the database has was written. */
async function appliedTimes(client: Client): Promise<Set<number>> {
  const { rows } = await client
    .query("select to_regclass('drizzle.__drizzle_migrations') is not null as present")
    .catch(refuseRights);
  if (!(rows as [{ present: boolean }])[0].present) return new Set();
  const applied = await client.query('select created_at from drizzle.__drizzle_migrations').catch(refuseRights);
  return new Set((applied.rows as { created_at: string }[]).map(({ created_at }) => Number(created_at)));
}

/** A role that may not even look has been given its rights by no migration yet. */
function refuseRights(error: unknown): never {
  if (errorCodeOf(error) !== '42501' && errorCodeOf(error) !== '22023') throw error;
  throw new AppError('conflict', 'The database has not been migrated: run "parley db migrate"', { cause: error });
}
