import { sql } from 'drizzle-orm';
import { describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { users } from '../../db/schema/users.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

describeOnBothDatabases('migrations', (world) => {
  it('make every table of the schema', async () => {
    const found = await world()
      .database.db.select({ name: sql<string>`tablename` })
      .from(sql`pg_tables`)
      .where(sql`schemaname = 'public'`);
    expect(found.map((table) => table.name).sort()).toEqual([
      'onboarding_states',
      'profiles',
      'sessions',
      'turns',
      'users',
    ]);
  });

  it('change nothing when they run again', async () => {
    const { userId } = await world().newUser();
    await world().database.migrate();
    const rows = await world().database.db.select().from(users);
    expect(rows.map((row) => row.id)).toContain(userId);
  });

  it('leave a database that answers', async () => {
    await expect(world().database.ping()).resolves.toBeUndefined();
  });
});

const postgresUrl = inject('postgresUrl');

describe.skipIf(!postgresUrl)('a PostgreSQL server', () => {
  it('is migrated once by processes that start together', async () => {
    const own = await createTestDatabase(postgresUrl ?? '');
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase({ url: own.url, poolSize: 1 })));
    try {
      await Promise.all(databases.map((database) => database.migrate()));
      const applied = await databases[0]?.db
        .select({ count: sql<number>`count(*)::int` })
        .from(sql`drizzle.__drizzle_migrations`);
      const distinct = await databases[0]?.db
        .select({ count: sql<number>`count(distinct hash)::int` })
        .from(sql`drizzle.__drizzle_migrations`);
      expect(applied).toEqual(distinct);
    } finally {
      await Promise.all(databases.map((database) => database.close()));
      await own.drop();
    }
  });

  it('that lacks the database is refused with one sentence that names it and no password', async () => {
    const url = new URL(postgresUrl ?? '');
    url.pathname = 'no_such_database';
    url.password = 'very-secret';
    const opening = openDatabase({ url: url.href, poolSize: 1 });
    await expect(opening).rejects.toMatchObject({ code: 'unavailable' });
    await expect(opening).rejects.toThrow(`The database no_such_database at ${url.host} can't be used (3D000)`);
  });
});

describe('a PostgreSQL server that is not there', () => {
  it('is refused with one sentence that names it', async () => {
    const opening = openDatabase({ url: 'postgres://someone:secret@127.0.0.1:1/parley', poolSize: 1 });
    await expect(opening).rejects.toThrow(
      "The database parley at 127.0.0.1:1 can't be used (ECONNREFUSED): check DATABASE_URL and that it runs",
    );
  });
});
