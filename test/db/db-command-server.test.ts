import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Environment } from '../../core/config/environment.ts';
import { openDatabase } from '../../db/client.ts';
import { knownMigrations } from '../../db/migrations.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { runDb as run } from './db-command-run.ts';

const key = `first:${'ab'.repeat(32)}`;
const laterKey = `second:${'cd'.repeat(32)}`;
const tags = knownMigrations().map(({ tag }) => tag);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-db-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const postgresUrl = inject('postgresUrl');

describe.skipIf(!postgresUrl)('parley db on a PostgreSQL server', () => {
  let own: TestDatabase;
  let env: Environment;
  const loginNames = ['user', 'service'].map((name) => `db_command_${name}_${randomBytes(4).toString('hex')}`);

  beforeAll(async () => {
    own = await createTestDatabase(postgresUrl ?? '', { empty: true });
    const [url, serviceUrl] = loginNames.map((name) => {
      const address = new URL(own.ownerUrl);
      // Characters that would end a literal, an identifier or a URL.
      Object.assign(address, { username: name, password: encodeURIComponent(`it's "secret"/`) });
      return address.href;
    });
    env = {
      DATABASE_OWNER_URL: own.ownerUrl,
      DATABASE_URL: url,
      DATABASE_SERVICE_URL: serviceUrl,
      ENCRYPTION_KEYS: key,
    };
  });
  afterAll(async () => {
    await own.drop();
    const admin = new pg.Client(postgresUrl ?? '');
    await admin.connect();
    for (const name of loginNames) await admin.query(`drop role if exists ${pg.escapeIdentifier(name)}`);
    await admin.end();
  });

  const owned = async <Row extends pg.QueryResultRow>(text: string) => {
    const client = new pg.Client(own.adminUrl);
    await client.connect();
    const { rows } = await client.query<Row>(text);
    await client.end();
    return rows;
  };
  const databaseName = () => new URL(own.ownerUrl).pathname.slice(1);

  it('makes tables, logins and queue, with which the programs start, and then has nothing to do', async () => {
    expect(await run(['status'], env)).toMatchObject({ code: 1, out: expect.stringContaining(`missing   ${tags[0]}`) });
    const { code, out, errors } = await run(['migrate'], env);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(out).toContain(`Migrated the database ${databaseName()} at`);
    expect(out).toContain('Made the login of DATABASE_SERVICE_URL');
    expect(out).not.toMatch(/secret|rotate-keys/);

    const { DATABASE_URL: url = '', DATABASE_SERVICE_URL: serviceUrl = '' } = env;
    const database = await openDatabase({ url, serviceUrl, poolSize: 1 });
    await database.close();
    const again = await run(['migrate', '--json'], env);
    expect(JSON.parse(again.out)).toEqual({
      database: databaseName(),
      steps: [],
      logins: [
        { setting: 'DATABASE_URL', made: false },
        { setting: 'DATABASE_SERVICE_URL', made: false },
      ],
      madeQueue: false,
    });
    expect(await run(['status'], env)).toMatchObject({ code: 0 });
  });

  it('says which rights the owner lacks', async () => {
    const other = await createTestDatabase(postgresUrl ?? '', { empty: true });
    const { code, errors } = await run(['migrate'], { ...env, DATABASE_OWNER_URL: other.serviceUrl });
    await other.drop();
    expect({ code, errors }).toEqual({
      code: 1,
      errors: expect.stringMatching(/DATABASE_OWNER_URL lacks a right.*CREATEROLE/),
    });
  });

  it('undoes and removes only what somebody has agreed to', async () => {
    await run(['seed'], env);
    const users = async () => (await owned('select from users')).length;
    for (const command of ['rollback', 'reset']) {
      expect(await run([command], env)).toMatchObject({
        code: 1,
        errors: expect.stringContaining('There is no terminal'),
      });
      const refused = await run([command], env, 'no\n');
      expect(refused).toMatchObject({
        code: 1,
        errors: expect.stringContaining(`Type yes or ${databaseName()} to go on`),
      });
      expect(refused.errors).toContain('Nothing was done');
      expect(await run([command], env, '')).toMatchObject({
        code: 1,
        errors: expect.stringContaining('Nothing was done'),
      });
    }
    expect(await users()).toBe(5);
    expect(await run(['rollback'], env, 'yes\n')).toMatchObject({ code: 0, out: `Undone: ${tags.at(-1)}\n` });
    expect((await run(['migrate'], env)).out).toContain('Run "parley db rotate-keys" now');
    expect(await run(['reset'], env, `${databaseName()}\n`)).toMatchObject({ code: 0 });
    expect(await users()).toBe(0);
    expect(await run(['rollback', '--steps', '99', '--yes'], env)).toMatchObject({ code: 0 });
    expect((await run(['rollback', '--yes'], env)).out).toBe('There is nothing to undo.\n');
    expect((await run(['migrate'], env)).code).toBe(0);
  });

  it('rotates keys, killed on the way, and says what a missing key leaves', async () => {
    expect((await run(['seed', '--users', '10'], env)).out).toContain('Made 50 users');
    expect((await run(['seed', '--users', '10'], env)).out).toBe('The example data is there already.\n');
    const rotating = { ...env, ENCRYPTION_KEYS: `${laterKey},${key}` };
    await killedOnceItWorks(['rotate-keys', '--batch-size', '1'], rotating);
    const underKeys = async () =>
      (
        await owned<{ key: string }>(`select distinct split_part(preferred_name, '.', 2) as key from profiles
        union select split_part(subject, '.', 2) from identities order by 1`)
      ).map((row) => row.key);
    expect(await underKeys()).toEqual(['first', 'second']);

    const without = await run(['rotate-keys'], { ...env, ENCRYPTION_KEYS: laterKey });
    expect(without.code).toBe(1);
    expect(without.out).toMatch(/No key opens turns\.text: ENCRYPTION_KEYS lacks the key.*\d+ values are left/s);
    const whole = await run(['rotate-keys'], rotating);
    expect(whole).toMatchObject({ code: 0, out: expect.stringContaining('Everything is under the newest key.') });
    expect(await underKeys()).toEqual(['second']);
    expect((await run(['rotate-keys'], { ...env, ENCRYPTION_KEYS: laterKey })).out).toBe(
      'Everything is under the newest key.\n',
    );
  });

  it('exports and erases a user who is named by an address', async () => {
    const data = { ...env, ENCRYPTION_KEYS: laterKey };
    const who = ['--email', 'student-1@example.test', '--tenant', 'parley-example'];
    const file = join(folder, 'export.json');
    expect(await run(['export-user', ...who, '--out', file], data)).toMatchObject({ code: 0, out: `Wrote ${file}\n` });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const document = JSON.parse(await readFile(file, 'utf8'));
    expect(document).toMatchObject({ profiles: [{ preferred_name: 'Example student-1' }] });
    expect(await run(['export-user', ...who, '--out', file], data)).toMatchObject({
      code: 1,
      errors: expect.stringContaining('is there already'),
    });
    const printed = JSON.parse((await run(['export-user', document.userId, '--json'], data)).out);
    expect(printed.sessions).toEqual(document.sessions);
    const unreadable = await run(['export-user', document.userId, '--out', join(folder, 'half.json')], env);
    expect(unreadable.code).toBe(1);
    expect(await readdir(folder)).not.toContain('half.json.part');

    expect((await run(['erase-user', document.userId], data)).errors).toContain('There is no terminal');
    const erased = await run(['erase-user', ...who], data, `${document.userId}\n`);
    expect(erased.out).toMatch(/^Deleted:\n.* 2 {2}sessions\n.* 1 {2}users\n/s);
    const again = await run(['erase-user', document.userId, '--yes', '--json'], data);
    expect(JSON.parse(again.out)).toEqual({ userId: document.userId, rows: {}, jobs: 0, externalAccounts: 0 });
    expect((await run(['erase-user', document.userId, '--yes'], data)).out).toContain('There is nothing about');
    expect((await run(['export-user', ...who], data)).errors).toContain('no user with that address');
  });

  it.each([[[]], [['not-an-id']], [['5f0c9d3e-6a3b-4c57-9d0f-2b8f3a1c7e11', '--email', 'a@example.test']]])(
    'wants one user, not %j',
    async (args) => {
      expect(await run(['erase-user', ...args], env)).toMatchObject({ code: 2, out: '' });
    },
  );
});

/** Runs a command as a program of its own and kills it as soon as it has told of progress. */
async function killedOnceItWorks(args: string[], env: Environment): Promise<void> {
  const program = `import { dbCommand } from './cli/db.ts';
    process.exitCode = await dbCommand(process.argv.slice(1), process);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  await once(child.stderr, 'data');
  child.kill('SIGKILL');
  expect(await exited).toEqual([null, 'SIGKILL']);
}
