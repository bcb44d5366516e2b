import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { sql } from 'drizzle-orm';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { jobsCommand } from '../../cli/jobs.ts';
import type { Environment } from '../../core/config/environment.ts';
import { newId } from '../../core/ids.ts';
import { openEmbeddedDatabase } from '../../db/client.ts';
import { prepareEmbeddedQueue } from '../../jobs/prepare-queue.ts';
import { jobs } from '../../jobs/registry.ts';
import { openWorld, type World } from './world.ts';

/** Runs the command; `answer` is what a person at a terminal types. */
async function run(args: string[], { env = {}, answer }: { env?: Environment; answer?: string } = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin: Readable & { isTTY?: boolean } = Readable.from(answer === undefined ? [] : [`${answer}\n`]);
  stdin.isTTY = answer !== undefined;
  const exitCode = await jobsCommand(args, { stdin, stdout, stderr, env });
  stdout.end();
  stderr.end();
  return { exitCode, out: await text(stdout), error: await text(stderr) };
}

describe('parley jobs', () => {
  it('explains itself', async () => {
    const { exitCode, out } = await run(['--help']);
    expect(exitCode).toBe(0);
    for (const name of [...Object.keys(jobs), 'list', 'show', 'retry', 'purge']) expect(out).toContain(name);
  });

  it.each([
    [[], 'Which command?'],
    [['burn'], 'There is no command "jobs burn"'],
    [['list', newId()], 'list takes no ids: see show'],
    [['retry'], 'retry which? Name ids, or say --all'],
    [['purge', 'all'], '"all" is not the id of a dead letter'],
    [['purge', newId(), '--all'], 'Ids and --all exclude each other'],
    [['list', '--job', 'send-fax'], 'There is no job "send-fax": it is one of close-abandoned-sessions, send-mail,'],
    [['list', '--state', 'dead'], "Unknown option '--state'"],
  ])('does not understand %j', async (args, reason) => {
    const { exitCode, out, error } = await run(args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(error).toContain(`parley jobs: ${reason}`);
    expect(error).toContain('(see --help)');
  });

  it('names a setting that is wrong and a folder that is not there', async () => {
    const env = { DATABASE_SERVICE_URL: 'mysql://somewhere' };
    expect((await run(['list'], { env })).error).toContain('DATABASE_SERVICE_URL: needs a URL');
    expect((await run(['list', '--data-dir', '/nowhere/at/all'])).error).toContain('There is no data folder');
  });

  const postgresUrl = inject('postgresUrl');
  it.skipIf(!postgresUrl)('lists, shows, retries and removes dead letters of a server', async () => {
    const world: World = await openWorld(postgresUrl ?? undefined);
    onTestFinished(() => world.close());
    const env = { DATABASE_SERVICE_URL: world.server?.serviceUrl };
    expect(await run(['list'], { env })).toEqual({ exitCode: 0, out: 'There are no dead letters.\n', error: '' });

    const [first, second, third] = [newId(), newId(), newId()];
    const userId = newId();
    for (const [index, id] of [first, second, third].entries()) {
      await world.admin.execute(
        sql`insert into pgboss.job (id, name, data, output, created_on) values (${id}, 'export-user-dead',
          ${JSON.stringify({ exportId: id, tenantId: newId(), userId })}::jsonb, '{"reason":"away"}', now() + ${index} * interval '1 s')`,
      );
    }
    const listed = await run(['list'], { env });
    expect(listed.out.split('\n').map((line) => line.slice(0, 36))).toEqual([first, second, third, '']);
    expect(listed.out).toContain('export-user  away');
    expect((await run(['list', '--limit', '1', '--json'], { env })).out).toMatch(/^\{"id":.*\}\n$/);
    expect(await run(['list', '--limit', 'many'], { env })).toMatchObject({ exitCode: 2 });
    expect((await run(['list', '--job', 'send-mail'], { env })).out).toBe('There are no dead letters.\n');
    expect((await run(['show', first], { env })).out).toContain(`  userId: ${userId}\n`);
    expect(JSON.parse((await run(['show', first, '--json'], { env })).out)).toMatchObject({ id: first });
    const unknown = newId();
    const missing = { exitCode: 1, out: '', error: `parley jobs: There is no dead letter ${unknown}\n` };
    expect(await run(['show', unknown], { env })).toEqual(missing);
    expect(await run(['retry', unknown], { env })).toEqual(missing);

    expect((await run(['retry', first], { env })).out).toBe('Queued anew: 1\n');
    expect(await run(['purge', second], { env })).toMatchObject({ exitCode: 1, out: '' });
    expect(await run(['purge', second], { env, answer: 'no' })).toMatchObject({ exitCode: 1, out: '' });
    expect((await run(['purge', second], { env, answer: 'yes' })).out).toBe('Removed: 1\n');
    const rest = await run(['purge', '--all', '--job', 'export-user', '--yes', '--json'], { env });
    expect(rest.out).toBe('{"purged":1}\n');
    expect((await run(['retry', '--all', '--json'], { env })).out).toBe('{"retried":0}\n');
  });

  it('works on a data folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-jobs-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const database = await openEmbeddedDatabase({ dataDir: folder });
    await prepareEmbeddedQueue(database.client, jobs);
    await database.close();
    expect(await run(['list', '--data-dir', folder])).toMatchObject({
      exitCode: 0,
      out: 'There are no dead letters.\n',
    });
  });
});
