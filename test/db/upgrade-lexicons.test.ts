import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres';
import { migrate as migratePostgres } from 'drizzle-orm/node-postgres/migrator';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { openEmbeddedDatabase } from '../../db/client.ts';
import { migrateServer, rollbackServer } from '../../db/migrate.ts';
import { knownMigrations, migrationsFolder } from '../../db/migrations.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { createTestDatabase } from '../support/postgres.ts';

type Row = Record<string, unknown>;
/** Runs one statement past every policy. */
type Query = (text: string, values?: unknown[]) => Promise<Row[]>;

const at = new Date('2026-11-20T10:00:00.000Z');
const elsewhere = newId();

/** Lexicons as they were: a row for each way to say a term. */
const said: [tenantId: string, pack: string, spoken: string, written: string][] = [
  [defaultTenant.id, 'nl-dental', 'karies', 'cariës'],
  [defaultTenant.id, 'nl-dental', 'karius', 'cariës'],
  [defaultTenant.id, 'nl-dental', 'em oo', 'MO'],
  [defaultTenant.id, 'en-general', 'karies', 'cariës'],
  [elsewhere, 'nl-dental', 'karies', 'CARIËS'],
];

async function insertPairs(query: Query): Promise<void> {
  const tenant =
    "insert into tenants (id, slug, name, created_at, updated_at) values ($1, 'elsewhere', 'Other', $2, $2)";
  await query(tenant, [elsewhere, at]);
  for (const row of said)
    await query('insert into lexicon_entries values ($1, $2, $3, $4, $5, $6)', [newId(), ...row, at]);
}

const pairs = (query: Query) =>
  query('select tenant_id, pack, spoken, written, created_at from lexicon_entries order by 1, 2, 3');

async function expectTerms(query: Query): Promise<void> {
  const rows = await query('select * from lexicon_entries order by tenant_id, pack, key');
  const made = { category: 'term', origin: 'added', created_at: at, updated_at: at, version: 1 };
  const term = (tenant_id: string, pack: string, canonical: string, key: string, variants: string[]) => ({
    ...made,
    id: expect.any(String),
    tenant_id,
    pack,
    canonical,
    key,
    variants,
  });
  const here = [
    term(defaultTenant.id, 'en-general', 'cariës', 'caries', ['karies']),
    term(defaultTenant.id, 'nl-dental', 'cariës', 'caries', ['karies', 'karius']),
    term(defaultTenant.id, 'nl-dental', 'MO', 'mo', ['em oo']),
  ];
  const there = [term(elsewhere, 'nl-dental', 'CARIËS', 'caries', ['karies'])];
  expect(rows).toEqual(elsewhere < defaultTenant.id ? [...there, ...here] : [...here, ...there]);
  expect(await query('select distinct lexicon_version from tenants')).toEqual([{ lexicon_version: 0 }]);
}

describe('a lexicon of the second schema', () => {
  let folder: string;
  /** Migrations as they were before the third. */
  let earlier: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-upgrade-'));
    earlier = join(folder, 'migrations');
    await mkdir(join(earlier, 'meta'), { recursive: true });
    const steps = knownMigrations().slice(0, 2);
    for (const { tag } of steps) await copyFile(join(migrationsFolder, `${tag}.sql`), join(earlier, `${tag}.sql`));
    const entries = steps.map(({ tag, createdAtMs }, idx) => ({
      idx,
      version: '7',
      when: createdAtMs,
      tag,
      breakpoints: true,
    }));
    await writeFile(join(earlier, 'meta', '_journal.json'), JSON.stringify({ version: '7', entries }));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has a row for each term once an embedded database is opened', async () => {
    const dataDir = join(folder, 'data');
    const before = await PGlite.create(dataDir);
    await migratePglite(drizzlePglite(before), { migrationsFolder: earlier });
    await insertPairs(async (text, values) => (await before.query<Row>(text, values)).rows);
    await before.close();
    const { client, close } = await openEmbeddedDatabase({ dataDir });
    await expectTerms(async (text, values) => (await client.query<Row>(text, values)).rows);
    await close();
  });

  const postgresUrl = inject('postgresUrl');
  it.skipIf(!postgresUrl)('keeps every word on PostgreSQL, there and back', async () => {
    const own = await createTestDatabase(postgresUrl ?? '', { empty: true });
    const owner = new pg.Client(own.ownerUrl);
    const admin = new pg.Client(own.adminUrl);
    await Promise.all([owner.connect(), admin.connect()]);
    const query: Query = async (text, values) => (await admin.query<Row>(text, values)).rows;
    try {
      await migratePostgres(drizzlePostgres({ client: owner }), { migrationsFolder: earlier });
      await insertPairs(query);
      const before = await pairs(query);
      const later = knownMigrations().slice(2);
      expect(await migrateServer(owner)).toEqual(later);
      await expectTerms(query);
      await rollbackServer(owner, later.length);
      expect(await pairs(query)).toEqual(before);
      await migrateServer(owner);
      await expectTerms(query);
    } finally {
      await Promise.all([owner.end(), admin.end()]);
      await own.drop();
    }
  });
});
