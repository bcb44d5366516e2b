import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { jobs } from '../../jobs/registry.ts';
import { readExport, requestExport } from '../../services/exports.ts';
import { prepareQueues } from '../support/jobs.ts';
import { killProgram, runFile, runJobsProgram } from '../support/jobs-program.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { type SmtpServer, startSmtpServer } from '../support/smtp-server.ts';
import { openWorld, type World } from './world.ts';

const postgresUrl = inject('postgresUrl');
/** A run counts as failed after its second at the earliest; then its process is looked for every 15 s. */
const timeout = 60_000;

describe.skipIf(!postgresUrl)('when a process is killed', { timeout: 120_000 }, () => {
  let world: World;
  let server: TestDatabase;
  let smtp: SmtpServer;
  beforeEach(async () => {
    world = await openWorld(postgresUrl ?? undefined);
    server = world.server as TestDatabase;
    smtp = await startSmtpServer();
    await prepareQueues(world, {
      ...jobs,
      'send-mail': { ...jobs['send-mail'], timeLimitSeconds: 1 },
      'export-user': { ...jobs['export-user'], timeLimitSeconds: 1 },
    });
  });
  afterEach(async () => {
    await smtp.close();
    await world.close();
  });

  const startWorker = () => runJobsProgram(server, { SMTP_URL: smtp.url, MAIL_FROM: 'parley@example.test' });
  const queueMail = async (env: Record<string, string> = {}) => {
    const program = runFile('test/support/queue-mail.ts', { DATABASE_SERVICE_URL: server.serviceUrl, ...env });
    await expect.poll(() => program.lines.join('\n'), { timeout }).toBe('queued');
    return program;
  };
  const rows = async <Row extends z.ZodType>(row: Row, query: ReturnType<typeof sql>): Promise<z.infer<Row>[]> => {
    const result: unknown = await world.admin.execute(query);
    return z.object({ rows: z.array(row) }).parse(result).rows;
  };
  /** States of the jobs of a queue. */
  const states = async (name: string) => {
    const found = await rows(
      z.object({ state: z.string() }),
      sql`select state::text from pgboss.job where name = ${name} order by created_on`,
    );
    return found.map(({ state }) => state);
  };
  /** How many connections wait for this, as PostgreSQL names it. */
  const waitingFor = (event: string) =>
    rows(
      z.object({ pid: z.number() }),
      sql`select pid from pg_stat_activity where datname = current_database() and ${event} in (wait_event, wait_event_type)`,
    );
  const messageIds = () => smtp.received.map(({ data }) => /^Message-ID: (.*)$/m.exec(data)?.[1]);

  it('between the commit and the handler, the job runs once', async () => {
    await killProgram(await queueMail());
    await startWorker();
    await expect.poll(() => states('send-mail'), { timeout }).toEqual(['completed']);
    expect(smtp.received).toMatchObject([{ to: ['ann@example.test'] }]);
  });

  it('which is a connection of the database, jobs go on as soon as there is another', async () => {
    const worker = await startWorker();
    await world.admin.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and usename = ${new URL(server.serviceUrl).username}`,
    );
    await killProgram(await queueMail());
    await expect.poll(() => states('send-mail'), { timeout }).toEqual(['completed']);
    expect(worker.child.exitCode).toBeNull();
    expect((await fetch(`${worker.url}/readyz`)).status).toBe(200);
  });

  it('before the commit, there is no job', async () => {
    await killProgram(await queueMail({ BEFORE_COMMIT: '1' }));
    expect(await states('send-mail')).toEqual([]);
  });

  it('in the middle of its handler, the job runs again in another process, to its effect once', async () => {
    // The first line of an answer that never gets its last one.
    smtp.answers.set('MAIL', '250-wait');
    const asked = vi.spyOn(smtp.answers, 'get');
    await killProgram(await queueMail());
    const first = await startWorker();
    await expect.poll(() => asked.mock.calls, { timeout }).toContainEqual(['MAIL']);
    await killProgram(first);
    expect(await states('send-mail')).toEqual(['active']);
    expect(smtp.received).toEqual([]);
    smtp.answers.clear();
    await startWorker();
    await expect.poll(() => states('send-mail'), { timeout }).toEqual(['completed']);
    expect(smtp.received).toHaveLength(1);
  });

  it('after the effect and before that is noted, a message comes twice with the same Message-ID', async () => {
    await world.admin.execute(
      sql`create function hold() returns trigger language plpgsql as 'begin perform pg_sleep(600); return new; end'`,
    );
    await world.admin.execute(
      sql`create trigger hold before update on pgboss.job for each row when (new.state = 'completed') execute function hold()`,
    );
    await killProgram(await queueMail());
    const first = await startWorker();
    await expect.poll(() => waitingFor('PgSleep'), { timeout }).toHaveLength(1);
    await killProgram(first);
    for (const { pid } of await waitingFor('PgSleep'))
      await world.admin.execute(sql`select pg_terminate_backend(${pid})`);
    await world.admin.execute(sql`drop trigger hold on pgboss.job`);
    expect(await states('send-mail')).toEqual(['active']);
    await startWorker();
    await expect.poll(() => states('send-mail'), { timeout }).toEqual(['completed']);
    expect(messageIds()).toEqual([expect.stringMatching(/^<[0-9a-f-]{36}@example\.test>$/), messageIds()[0]]);
  });

  it('while it writes an export, another process writes it, once', async () => {
    const user = await world.newUser();
    const { id: exportId } = await requestExport(world.context(user));
    const first = await world.admin.transaction(async (tx) => {
      // The worker reads all there is and then waits to write it down.
      await tx.execute(sql`select from user_exports where id = ${exportId} for update`);
      const worker = await startWorker();
      await expect.poll(() => states('export-user'), { timeout }).toEqual(['active']);
      await expect.poll(() => waitingFor('Lock'), { timeout }).toHaveLength(1);
      await killProgram(worker);
      return worker;
    });
    expect(first.lines.join('\n')).not.toContain('a job failed');
    expect((await readExport(world.context(user), { exportId })).document).toBeNull();
    await startWorker();
    await expect.poll(() => states('export-user'), { timeout }).toEqual(['completed']);
    const written = await readExport(world.context(user), { exportId });
    expect(written.document).toMatchObject({ format: 'parley-user-export', userId: user.userId });
  });
});
