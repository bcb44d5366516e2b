import { sql } from 'drizzle-orm';
import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { migrateServer, migrationStates, rollbackServer } from '../../db/migrate.ts';
import { knownMigrations } from '../../db/migrations.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

interface TableSecurity {
  name: string;
  enabled: boolean;
  forced: boolean;
  policies: number;
}

describeOnBothDatabases('every table', (world) => {
  it('has policies that bind its owner too', async () => {
    const { rows } = (await world().admin.execute(sql`
      select relname as name, relrowsecurity as enabled, relforcerowsecurity as forced,
        (select count(*)::int from pg_policy where polrelid = c.oid) as policies
      from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`)) as unknown as {
      rows: TableSecurity[];
    };
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.filter(({ enabled, forced, policies }) => !(enabled && forced && policies))).toEqual([]);
  });
});

const postgresUrl = inject('postgresUrl');

describe.skipIf(!postgresUrl)('a PostgreSQL server', () => {
  const withOwner = async (work: (owner: pg.Client, urls: { url: string; serviceUrl: string }) => Promise<void>) => {
    const own = await createTestDatabase(postgresUrl ?? '', { empty: true });
    const owner = new pg.Client(own.ownerUrl);
    await owner.connect();
    try {
      await work(owner, own);
    } finally {
      await owner.end();
      await own.drop();
    }
  };
  const shapeOf = async (owner: pg.Client) =>
    (
      await owner.query(`select table_name, column_name, data_type, is_nullable, column_default
        from information_schema.columns where table_schema = 'public' order by 1, 2`)
    ).rows.concat(
      (await owner.query(`select * from pg_indexes where schemaname = 'public' order by indexname`)).rows,
      (
        await owner.query(`select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
          where connamespace = 'public'::regnamespace order by 1, 2`)
      ).rows,
      (await owner.query(`select * from pg_policies where schemaname = 'public' order by tablename, policyname`)).rows,
      (
        await owner.query(`select grantee, table_name, privilege_type from information_schema.role_table_grants
          where table_schema = 'public' order by 1, 2, 3`)
      ).rows,
    );

  it('comes out the same after each step is taken, undone and taken again', async () => {
    await withOwner(async (owner) => {
      const steps = knownMigrations();
      expect(await migrateServer(owner)).toEqual(steps);
      const whole = await shapeOf(owner);
      const shapes: unknown[] = [];
      for (const step of [...steps].reverse()) {
        expect(await rollbackServer(owner, 1)).toEqual([expect.objectContaining(step)]);
        shapes.push(await shapeOf(owner));
      }
      expect(shapes.at(-1)).toEqual([]);
      expect(await migrationStates(owner)).toEqual(steps.map((step) => ({ ...step, isApplied: false })));
      expect(await migrateServer(owner)).toEqual(steps);
      expect(await shapeOf(owner)).toEqual(whole);
      await rollbackServer(owner, 1);
      expect(await shapeOf(owner)).toEqual(shapes[0]);
    });
  });

  it('is migrated once by processes that start together', async () => {
    const own = await createTestDatabase(postgresUrl ?? '', { empty: true });
    const owners = await Promise.all(
      [1, 2, 3].map(async () => {
        const owner = new pg.Client(own.ownerUrl);
        await owner.connect();
        return owner;
      }),
    );
    try {
      const taken = await Promise.all(owners.map((owner) => migrateServer(owner)));
      expect(taken.flat()).toEqual(knownMigrations());
    } finally {
      await Promise.all(owners.map((owner) => owner.end()));
      await own.drop();
    }
  });

  it('is not opened before it is migrated, nor by a program older than its tables', async () => {
    await withOwner(async (owner, urls) => {
      const opening = () => openDatabase({ ...urls, poolSize: 1 });
      await expect(opening()).rejects.toThrow('run "parley db migrate"');
      await migrateServer(owner);
      await owner.query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', ['later', 9e12]);
      await expect(opening()).rejects.toThrow('A newer version of Parley has migrated the database');
      await expect(migrateServer(owner)).rejects.toThrow('A newer version');
      await expect(rollbackServer(owner, 1)).rejects.toThrow('A newer version');
      await owner.query('delete from drizzle.__drizzle_migrations where created_at = $1', [9e12]);
      const database = await opening();
      await database.ping();
      await database.close();
      await rollbackServer(owner, 1);
      await expect(opening()).rejects.toThrow('run "parley db migrate"');
    });
  });

  it('is not opened with a login that row-level security would not bind', async () => {
    const own = await createTestDatabase(postgresUrl ?? '');
    const { adminUrl, ownerUrl, url, serviceUrl } = own;
    const opening = (urls: { url?: string; serviceUrl: string }) => openDatabase({ ...urls, poolSize: 1 });
    await expect(opening({ serviceUrl: adminUrl })).rejects.toThrow(
      /DATABASE_SERVICE_URL: this login is a superuser; it bypasses row-level security; .*member of parley_service/,
    );
    await expect(opening({ serviceUrl: ownerUrl })).rejects.toThrow(/DATABASE_SERVICE_URL: this login owns tables/);
    await expect(opening({ serviceUrl: url })).rejects.toThrow(
      /must be a member of parley_service and of no other role/,
    );
    await expect(opening({ url: serviceUrl, serviceUrl })).rejects.toThrow(/DATABASE_URL: this login must be a member/);
    await own.drop();
  });

  it('that lacks the database is refused with one sentence that names it and no password', async () => {
    const url = new URL(postgresUrl ?? '');
    url.pathname = 'no_such_database';
    url.password = 'very-secret';
    const opening = openDatabase({ serviceUrl: url.href, poolSize: 1 });
    await expect(opening).rejects.toMatchObject({ code: 'unavailable' });
    await expect(opening).rejects.toThrow(`The database no_such_database at ${url.host} can't be used (3D000)`);
  });
});

describe('a PostgreSQL server that is not there', () => {
  it('is refused with one sentence that names it', async () => {
    const opening = openDatabase({ serviceUrl: 'postgres://someone:secret@127.0.0.1:1/parley', poolSize: 1 });
    await expect(opening).rejects.toThrow(
      "The database parley at 127.0.0.1:1 can't be used (ECONNREFUSED): check DATABASE_SERVICE_URL and that it runs",
    );
  });
});
