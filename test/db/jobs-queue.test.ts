import { sql } from 'drizzle-orm';
import PgBoss from 'pg-boss';
import { expect, expectTypeOf, it, vi } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { JobName } from '../../domain/job.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { openQueueDatabase } from '../../jobs/queue-database.ts';
import { jobs } from '../../jobs/registry.ts';
import { keeping } from '../../jobs/start.ts';
import { createJobQueue, type JobQueue } from '../../services/job-queue.ts';
import { withActor, withService } from '../../services/with-actor.ts';
import { placeOf, prepareQueues } from '../support/jobs.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

describeOnBothDatabases('the job queue', (world) => {
  const mail = () => ({ id: newId(), sealed: 'v1.test.ciphertext' });
  const stored = async (id: string): Promise<unknown[]> => {
    const result: unknown = await world().admin.execute(
      sql`select name, state::text, retry_limit, retry_backoff, dead_letter, extract(epoch from expire_in)::int as seconds
        from pgboss.job where data->>'id' = ${id}`,
    );
    return z.object({ rows: z.array(z.unknown()) }).parse(result).rows;
  };

  it('keeps a job with what causes it, and with what its queue says about tries', async () => {
    const queued = vi.fn();
    const queue = createJobQueue(queued);
    const payload = mail();
    await withService(world(), { tenantId: defaultTenant.id }, (tx) => queue.enqueue(tx, 'send-mail', payload));
    expect(await stored(payload.id)).toEqual([
      {
        name: 'send-mail',
        state: 'created',
        retry_limit: 7,
        retry_backoff: true,
        dead_letter: 'send-mail-dead',
        seconds: 60,
      },
    ]);
    expect(queued.mock.calls).toEqual([['send-mail']]);
  });

  it('keeps nothing of a transaction that is rolled back', async () => {
    const payload = mail();
    const rolledBack = withService(world(), { tenantId: defaultTenant.id }, async (tx) => {
      await createJobQueue().enqueue(tx, 'send-mail', payload);
      throw new AppError('conflict', 'something else went wrong');
    });
    await expect(rolledBack).rejects.toThrow('something else went wrong');
    expect(await stored(payload.id)).toEqual([]);
  });

  it('is closed to the transactions of users', async () => {
    const user = await world().newUser();
    const payload = mail();
    const refused = withActor(world().context(user), (tx) => createJobQueue().enqueue(tx, 'send-mail', payload));
    await expect(refused).rejects.toThrow('A query failed (42501)');
    expect(await stored(payload.id)).toEqual([]);
  });

  it('takes no payload but the one of the job, neither of the compiler nor when it runs', async () => {
    expectTypeOf<Parameters<JobQueue['enqueue']>[1]>().toEqualTypeOf<JobName>();
    const queue = createJobQueue();
    const wrong = withService(world(), { tenantId: defaultTenant.id }, (tx) =>
      // @ts-expect-error: the payload of another job.
      queue.enqueue(tx, 'send-mail', { tenantId: newId(), userId: newId() }),
    );
    await expect(wrong).rejects.toThrow(z.ZodError);
    // @ts-expect-error: there is no such job.
    const unknown: Parameters<typeof queue.enqueue>[1] = 'send-fax';
    expect(Object.keys(jobs)).not.toContain(unknown);
  });

  it('says when the database has no such queue, and keeps nothing then', async () => {
    const { 'export-user': _left, ...older } = jobs;
    await world().admin.execute(sql`drop schema pgboss cascade`);
    await prepareQueues(world(), older);
    const user = await world().newUser();
    const payload = { exportId: newId(), tenantId: user.tenantId, userId: user.userId };
    const enqueue = () => withService(world(), user, (tx) => createJobQueue().enqueue(tx, 'export-user', payload));
    await expect(enqueue()).rejects.toThrow(
      new AppError('unavailable', 'The database has no queue export-user: run "parley db migrate"'),
    );
    await prepareQueues(world(), jobs);
    await expect(enqueue()).resolves.toBeUndefined();
  });

  it('gets the settings of a newer version when it is set up again', async () => {
    await prepareQueues(world(), { ...jobs, 'send-mail': { ...jobs['send-mail'], timeLimitSeconds: 7 } });
    const payload = mail();
    await withService(world(), { tenantId: defaultTenant.id }, (tx) =>
      createJobQueue().enqueue(tx, 'send-mail', payload),
    );
    expect(await stored(payload.id)).toMatchObject([{ seconds: 7 }]);
  });

  it('keeps what is done for an hour, and a day more in the archive', async () => {
    const database = openQueueDatabase(placeOf(world()));
    const boss = new PgBoss({ db: database, migrate: false, ...keeping });
    const done = mail();
    await world().admin.execute(
      sql`insert into pgboss.job (name, state, data, completed_on)
        values ('send-mail', 'completed', ${JSON.stringify(done)}::jsonb, now() - interval '59 minutes')`,
    );
    const archived = () => world().admin.execute(sql`select from pgboss.archive where data->>'id' = ${done.id}`);
    await boss.maintain();
    expect(await stored(done.id)).toHaveLength(1);
    await world().admin.execute(sql`update pgboss.job set completed_on = now() - interval '61 minutes'`);
    await boss.maintain();
    expect(await stored(done.id)).toEqual([]);
    expect(await archived()).toMatchObject({ rows: [{}] });
    await world().admin.execute(sql`update pgboss.archive set archived_on = now() - interval '25 hours'`);
    await boss.maintain();
    expect(await archived()).toMatchObject({ rows: [] });
    await database.close();
  });

  it('is what pg-boss itself would have queued', async () => {
    const queue = createJobQueue();
    const [ours, theirs] = [mail(), mail()];
    await prepareQueues(world(), jobs);
    await withService(world(), { tenantId: defaultTenant.id }, (tx) => queue.enqueue(tx, 'send-mail', ours));
    const { server, embedded } = world();
    const boss = new PgBoss(
      server
        ? { connectionString: server.ownerUrl, migrate: false, supervise: false, schedule: false }
        : {
            db: { executeSql: async (text, values) => (embedded ? embedded.client.query(text, values) : { rows: [] }) },
            migrate: false,
            supervise: false,
            schedule: false,
          },
    );
    await boss.start();
    await boss.send('send-mail', theirs);
    await boss.stop();
    const row = async (id: string): Promise<unknown> => {
      const result: unknown = await world().admin.execute(
        sql`select to_jsonb(job) - 'id' - 'data' - 'created_on' - 'start_after' - 'keep_until' as row, keep_until - start_after as keeping
          from pgboss.job where data->>'id' = ${id}`,
      );
      return z.object({ rows: z.array(z.unknown()) }).parse(result).rows;
    };
    expect(await row(ours.id)).toEqual(await row(theirs.id));
  });
});
