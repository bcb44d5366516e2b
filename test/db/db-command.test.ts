import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withEnvFile } from '../../cli/env-file.ts';
import { knownMigrations } from '../../db/migrations.ts';
import { runDb as run } from './db-command-run.ts';

const laterKey = `second:${'cd'.repeat(32)}`;
const tags = knownMigrations().map(({ tag }) => tag);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-db-command-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('parley db', () => {
  it('lists its commands, and the options of each', async () => {
    const { out } = await run(['--help'], {});
    const names = [...out.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name]) => name as string);
    expect(names).toEqual([
      'migrate',
      'status',
      'rollback',
      'generate',
      'seed',
      'reset',
      'rotate-keys',
      'erase-user',
      'export-user',
    ]);
    for (const name of names) {
      const help = await run([name, '--help'], {});
      expect(help).toMatchObject({ code: 0, errors: '' });
      expect(help.out).toMatch(new RegExp(`^Usage: parley db ${name}`));
      expect(help.out).toContain('--json');
    }
  });

  it.each([
    [[], 'Which command?'],
    [['fly'], 'There is no command "db fly".'],
    [['status', '--fly'], "Unknown option '--fly'"],
    [['status', '--yes'], "Unknown option '--yes'"],
    [['status', 'now'], "Unexpected argument 'now'"],
    [['rollback', '--steps', 'two'], '--steps needs a whole number from 1 to 999999'],
  ])('does not take %j', async (args, message) => {
    const { code, out, errors } = await run(args, {});
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(errors).toContain(message);
  });

  it('asks for logins that are three', async () => {
    const url = 'postgres://one:secret@127.0.0.1:1/parley';
    const same = await run(['migrate'], { DATABASE_OWNER_URL: url, DATABASE_URL: url, DATABASE_SERVICE_URL: url });
    expect(same.code).toBe(1);
    expect(same.errors).toMatch(/DATABASE_URL: needs a login other than the owner's/);
    expect(same.errors).toMatch(/DATABASE_SERVICE_URL: needs a login other than the owner's/);
    const address = 'postgres://127.0.0.1:1/parley';
    const nameless = await run(['migrate'], {
      DATABASE_OWNER_URL: url,
      DATABASE_URL: address,
      DATABASE_SERVICE_URL: 'postgres://two@127.0.0.1:1/parley',
    });
    expect(nameless.errors).toContain('DATABASE_URL: needs the name of a login');
    expect(same.errors + nameless.errors).not.toContain('secret');
  });

  it('names a server it cannot reach, without the password', async () => {
    const { code, errors } = await run(['status'], { DATABASE_OWNER_URL: 'postgres://one:secret@127.0.0.1:1/parley' });
    expect(code).toBe(1);
    expect(errors).toContain(
      "The database parley at 127.0.0.1:1 can't be used (ECONNREFUSED): check DATABASE_OWNER_URL",
    );
    expect(errors).not.toContain('secret');
  });

  it('reads .env where a variable is not set', async () => {
    const file = join(folder, '.env');
    await writeFile(file, 'DATABASE_URL=postgres://file\nREDIS_URL=redis://file\n');
    expect(withEnvFile({ DATABASE_URL: 'postgres://set', REDIS_URL: ' ' }, file)).toEqual({
      DATABASE_URL: 'postgres://set',
      REDIS_URL: 'redis://file',
    });
    expect(withEnvFile({ A: 'b' }, join(folder, 'none'))).toEqual({ A: 'b' });
  });
});

describe('parley db on a data folder', () => {
  it('makes, shows, undoes, fills and empties it', async () => {
    const dataDir = join(folder, 'data');
    const at = ['--data-dir', dataDir, '--json'];
    expect(await run(['status', ...at], {})).toMatchObject({
      code: 1,
      errors: expect.stringContaining('no data folder'),
    });
    const made = await run(['migrate', ...at], {});
    expect(JSON.parse(made.out)).toMatchObject({ steps: tags.map((tag) => ({ tag })), logins: [], madeQueue: true });
    expect(JSON.parse((await run(['migrate', ...at], {})).out)).toMatchObject({ steps: [], madeQueue: false });
    const status = await run(['status', ...at], {});
    expect(status.code).toBe(0);
    expect(JSON.parse(status.out)).toMatchObject({ isCurrent: true, hasQueue: true });

    expect(JSON.parse((await run(['seed', ...at], {})).out)).toEqual({ users: 5, sessions: 10, turns: 40 });
    const kept: { ENCRYPTION_KEY: string } = JSON.parse(await readFile(join(dataDir, 'parley-secrets.json'), 'utf8'));
    const rotated = await run(['rotate-keys', ...at], { ENCRYPTION_KEYS: `${laterKey},${kept.ENCRYPTION_KEY}` });
    expect(rotated.code).toBe(0);
    expect(JSON.parse(rotated.out).columns).toContainEqual({ column: 'turns.text', rotated: 40, left: 0 });

    expect((await run(['rollback', ...at, '--yes'], {})).code).toBe(0);
    expect((await run(['status', ...at], {})).code).toBe(1);
    expect(JSON.parse((await run(['reset', ...at, '--yes'], {})).out)).toMatchObject({
      steps: tags.map((tag) => ({ tag })),
    });
    expect(JSON.parse((await run(['seed', ...at], {})).out)).toMatchObject({ users: 5 });
  }, 180_000);
});
