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
/** Runs one statement as the owner of the tables, past every policy. */
type Query = (text: string, values?: unknown[]) => Promise<Row[]>;

const at = new Date('2026-11-20T10:00:00.000Z');
const leaseEnd = new Date('2026-11-20T10:00:30.000Z');

/** People of the first schema: one in the middle, one who has completed everything, one who has not begun. */
const [ann, bob, eve] = [newId(), newId(), newId()] as const;
const [served, silent] = [newId(), newId()] as const;
const turn = newId();
const edits = [{ input: { start: 0, end: 12 }, output: { start: 0, end: 2 }, rule: 'tooth' }];

const firstTables = ['onboarding_states', 'profiles', 'sessions', 'turns', 'users'] as const;

async function insertPlainRows(query: Query): Promise<void> {
  for (const id of [ann, bob, eve]) await query('insert into users values ($1, $2)', [id, at]);
  const profile =
    'insert into profiles (user_id, preferred_name, language, goal, updated_at) values ($1, $2, $3, $4, $5)';
  await query(profile, [ann, 'Ann', null, null, at]);
  await query(profile, [bob, 'Bob', 'nl', 'to practise', at]);
  await query(profile, [eve, null, null, null, at]);
  const state = 'insert into onboarding_states (user_id, answers, completed_at, updated_at) values ($1, $2, $3, $4)';
  await query(state, [ann, { preferred_name: 'Ann' }, null, at]);
  await query(state, [bob, { preferred_name: 'Bob', goal: 'to practise', language: 'nl' }, at, at]);
  await query(state, [eve, {}, null, at]);
  const session = `insert into sessions (id, user_id, room_name, agent_name, modality, app_metadata, created_at,
    token_expires_at, lease_holder, lease_until, dispatch_check_at) values ($1, $2, $3, 'parley', 'voice', $4, $5, $5, $6, $7, $5)`;
  await query(session, [served, ann, 'room-a', { lesson: 7 }, at, 'agent-a', leaseEnd]);
  await query(session, [silent, bob, 'room-b', {}, at, null, null]);
  const said = `insert into turns (id, session_id, user_id, position, speaker, text, raw, edits, interrupted, said_at)
    values ($1, $2, $3, 1, 'user', '46', 'zesenveertig', $4, false, $5)`;
  await query(said, [turn, served, ann, JSON.stringify(edits), at]);
}

async function expectEverythingKept(query: Query): Promise<void> {
  const tenant_id = defaultTenant.id;
  expect(await query('select id, tenant_id, created_at, disabled_at from users order by id')).toEqual(
    [ann, bob, eve].sort().map((id) => ({ id, tenant_id, created_at: at, disabled_at: null })),
  );
  const profile = async (id: string) => (await query('select * from profiles where user_id = $1', [id]))[0];
  expect(await profile(bob)).toEqual({
    user_id: bob,
    tenant_id,
    preferred_name: 'Bob',
    language: 'nl',
    goal: 'to practise',
    updated_at: at,
    version: 1,
  });
  const state = async (id: string) => {
    const [row] = await query('select * from onboarding_states where user_id = $1', [id]);
    return { ...row, answers: row?.answers === null ? null : JSON.parse(String(row?.answers)) };
  };
  const common = { tenant_id, skipped: [], version: 1, updated_at: at };
  const annsAnswers = { preferred_name: 'Ann' };
  const bobsAnswers = { preferred_name: 'Bob', goal: 'to practise', language: 'nl' };
  expect(await state(ann)).toEqual({
    ...common,
    user_id: ann,
    answers: annsAnswers,
    current_step: 'goal',
    completed_at: null,
  });
  expect(await state(bob)).toEqual({
    ...common,
    user_id: bob,
    answers: bobsAnswers,
    current_step: null,
    completed_at: at,
  });
  expect(await state(eve)).toEqual({
    ...common,
    user_id: eve,
    answers: null,
    current_step: 'preferred_name',
    completed_at: null,
  });
  expect(
    await query('select id, tenant_id, user_id, app_metadata, title, version from sessions order by room_name'),
  ).toEqual([
    { id: served, tenant_id, user_id: ann, app_metadata: '{"lesson": 7}', title: null, version: 1 },
    { id: silent, tenant_id, user_id: bob, app_metadata: null, title: null, version: 1 },
  ]);
  expect(await query('select * from leases')).toEqual([
    { session_id: served, tenant_id, user_id: ann, holder: 'agent-a', expires_at: leaseEnd },
  ]);
  expect(await query('select * from turns')).toEqual([
    expect.objectContaining({ id: turn, session_id: served, user_id: ann, tenant_id, position: 1, edits }),
  ]);
  expect(await query('select text, raw, said_at from turns')).toEqual([
    { text: '46', raw: 'zesenveertig', said_at: at },
  ]);
  expect(await query('select user_id, tenant_id, role from user_roles order by user_id')).toEqual(
    [ann, bob, eve].sort().map((user_id) => ({ user_id, tenant_id, role: 'student' })),
  );
  expect(await query('select user_id, tenant_id, values, version from preferences order by user_id')).toEqual(
    [ann, bob, eve].sort().map((user_id) => ({ user_id, tenant_id, values: {}, version: 1 })),
  );
}

describe('a database of the first schema', () => {
  let folder: string;
  /** Migrations as they were when there was but the first. */
  let first: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-upgrade-'));
    first = join(folder, 'migrations');
    const [{ tag, createdAtMs }] = knownMigrations();
    await mkdir(join(first, 'meta'), { recursive: true });
    await copyFile(join(migrationsFolder, `${tag}.sql`), join(first, `${tag}.sql`));
    const entries = [{ idx: 0, version: '7', when: createdAtMs, tag, breakpoints: true }];
    await writeFile(join(first, 'meta', '_journal.json'), JSON.stringify({ version: '7', entries }));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('keeps everything when an embedded one is opened, plain until its keys are rotated', async () => {
    const dataDir = join(folder, 'data');
    const before = await PGlite.create(dataDir);
    await migratePglite(drizzlePglite(before), { migrationsFolder: first });
    await insertPlainRows(async (text, values) => (await before.query<Row>(text, values)).rows);
    await before.close();
    const { client, close } = await openEmbeddedDatabase({ dataDir });
    await expectEverythingKept(async (text, values) => (await client.query<Row>(text, values)).rows);
    await close();
  });

  const postgresUrl = inject('postgresUrl');
  it.skipIf(!postgresUrl)('keeps everything on PostgreSQL, there and back', async () => {
    const own = await createTestDatabase(postgresUrl ?? '', { empty: true });
    const owner = new pg.Client(own.ownerUrl);
    const admin = new pg.Client(own.adminUrl);
    await Promise.all([owner.connect(), admin.connect()]);
    const query: Query = async (text, values) => (await admin.query<Row>(text, values)).rows;
    const everything = async () => {
      const rows: Row[][] = [];
      for (const table of firstTables) rows.push(await query(`select * from ${table} order by 1`));
      return rows;
    };
    try {
      await migratePostgres(drizzlePostgres({ client: owner }), { migrationsFolder: first });
      await insertPlainRows(async (text, values) => (await owner.query<Row>(text, values)).rows);
      const plain = await everything();
      const [, ...later] = knownMigrations();
      expect(await migrateServer(owner)).toEqual(later);
      await expectEverythingKept(query);
      await rollbackServer(owner, later.length);
      expect(await everything()).toEqual(plain);
      await migrateServer(owner);
      await expectEverythingKept(query);
    } finally {
      await Promise.all([owner.end(), admin.end()]);
      await own.drop();
    }
  });
});
