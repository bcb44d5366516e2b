import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterEach, expect, expectTypeOf, it, vi } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { Metrics } from '../../core/metrics.ts';
import type { JobPayload } from '../../domain/job.ts';
import { defineJob, type JobContext, type JobDefinition, type JobRegistry } from '../../jobs/definition.ts';
import { jobs, type ServiceJobs } from '../../jobs/registry.ts';
import type { RunningJobs } from '../../jobs/start.ts';
import { prepareQueues, runJobs, sendJob } from '../support/jobs.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings } from './world.ts';

const timeout = 30_000;

describeOnBothDatabases('jobs', (world) => {
  const running: RunningJobs[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.close()));
  });

  const rows = async <Row extends z.ZodType>(row: Row, query: ReturnType<typeof sql>): Promise<z.infer<Row>[]> => {
    const result: unknown = await world().admin.execute(query);
    return z.object({ rows: z.array(row) }).parse(result).rows;
  };
  const start = async (registry: JobRegistry, metrics = new Metrics()): Promise<RunningJobs> => {
    const started = await runJobs(world(), registry, { metrics });
    running.push(started);
    return started;
  };
  const prepareAndStart = async (registry: JobRegistry, metrics?: Metrics): Promise<RunningJobs> => {
    await prepareQueues(world(), registry);
    return start(registry, metrics);
  };
  /** State and output of every job of a queue. */
  const storedOf = (name: string) =>
    rows(
      z.object({ state: z.string(), output: z.unknown() }),
      sql`select state::text, output from pgboss.job where name = ${name} order by created_on, id`,
    );

  it('hand their payload to their handler, acting as the service itself', async () => {
    const greet = vi.fn(async (_context: JobContext, _payload: { id: string }) => {});
    await prepareAndStart({ greet: defineJob({ payload: z.object({ id: z.string() }), handle: greet }) });
    await sendJob(world(), 'greet', { id: 'ann' });
    await expect.poll(() => storedOf('greet'), { timeout }).toMatchObject([{ state: 'completed' }]);
    expect(greet.mock.calls).toMatchObject([[{ actor: { kind: 'system' } }, { id: 'ann' }]]);
  });

  it('have a handler each, which takes what can be queued under their name', () => {
    expectTypeOf<keyof typeof jobs>().toEqualTypeOf<keyof ServiceJobs>();
    expectTypeOf<ServiceJobs['export-user']>().toEqualTypeOf<JobDefinition<JobPayload<'export-user'>>>();
    expectTypeOf(jobs['send-mail'].handle).parameter(1).toEqualTypeOf<{ id: string; sealed: string }>();
    // @ts-expect-error: without a handler for every job there is no registry.
    const incomplete: ServiceJobs = { 'send-mail': jobs['send-mail'] };
    expect(Object.keys(jobs)).not.toEqual(Object.keys(incomplete));
  });

  it('are queued by their schedule, read by the clock of their time zone', async () => {
    const handle = vi.fn(async (_context: JobContext, _payload: { by: string }) => {});
    const tick = (hour: number) =>
      defineJob({
        payload: z.object({ by: z.string() }),
        schedule: { cron: `* ${hour} * * *`, timeZone: 'Asia/Kolkata', payload: { by: 'schedule' } },
        handle,
      });
    const time = new Intl.DateTimeFormat('en-GB', { hour: 'numeric', timeZone: 'Asia/Kolkata' });
    const registry = {
      // Wherever this runs, one of the two is due. At the turn of the hour it may be both.
      tick: tick(Number(time.format(Date.now()))),
      tock: tick((Number(time.format(Date.now())) + 1) % 24),
      never: tick((Number(time.format(Date.now())) + 12) % 24),
    };
    await prepareQueues(world(), registry);
    // pg-boss looks at schedules when it starts and every half a minute, unless another process has just done it.
    await world().admin.execute(sql`update pgboss.version set cron_on = null`);
    await start(registry);
    await expect.poll(() => handle.mock.calls.length, { timeout }).toBeGreaterThan(0);
    expect(handle.mock.calls[0]).toMatchObject([{}, { by: 'schedule' }]);
    expect(await storedOf('never')).toEqual([]);
  });

  it('lose their schedule when a newer version has none', async () => {
    const job = { payload: z.object({}), handle: async () => {} };
    await prepareQueues(world(), { hourly: defineJob({ ...job, schedule: { cron: '0 * * * *', payload: {} } }) });
    await prepareQueues(world(), { hourly: defineJob(job) });
    expect(await rows(z.object({ name: z.string() }), sql`select name from pgboss.schedule`)).toEqual([]);
  });

  it('are handled again when they fail, and leave no message of an error that is not ours', async () => {
    const outputs: unknown[] = [];
    await prepareAndStart({
      flaky: defineJob({
        payload: z.object({}),
        retries: { limit: 3, delaySeconds: 1 },
        async handle() {
          outputs.push((await storedOf('flaky'))[0]?.output);
          if (outputs.length === 1) throw new TypeError('Ann is undefined');
          if (outputs.length === 2) throw new AppError('unavailable', 'LiveKit is away');
        },
      }),
    });
    await sendJob(world(), 'flaky', {});
    await expect.poll(() => storedOf('flaky'), { timeout }).toMatchObject([{ state: 'completed' }]);
    expect(outputs).toEqual([null, { reason: 'TypeError' }, { reason: 'LiveKit is away' }]);
  });

  it('wait apart once they have been given up, unless a schedule brings them again, and are counted', async () => {
    const job = {
      payload: z.object({}),
      retries: { limit: 1, delaySeconds: 1 },
      handle: () => Promise.reject(new AppError('unavailable', 'LiveKit is away')),
    };
    const metrics = new Metrics();
    const started = await prepareAndStart(
      {
        hopeless: defineJob(job),
        nightly: defineJob({ ...job, schedule: { cron: '0 0 1 1 *', payload: {} } }),
      },
      metrics,
    );
    await sendJob(world(), 'hopeless', {});
    await sendJob(world(), 'nightly', {});
    const failed = [{ state: 'failed', output: { reason: 'LiveKit is away' } }];
    await expect.poll(() => storedOf('hopeless'), { timeout }).toEqual(failed);
    await expect.poll(() => storedOf('nightly'), { timeout }).toEqual(failed);
    expect(await storedOf('hopeless-dead')).toEqual([{ state: 'created', output: { reason: 'LiveKit is away' } }]);
    expect(await storedOf('nightly-dead')).toEqual([]);

    await started.measure();
    const lines = metrics.render().split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'parley_jobs_started_total{job="hopeless"} 2',
        'parley_jobs_failed_total{job="hopeless"} 2',
        'parley_jobs_dead_total{job="hopeless"} 1',
        'parley_jobs_duration_seconds_count{job="hopeless"} 2',
        'parley_jobs_waiting{job="hopeless"} 0',
        'parley_jobs_dead_letters{job="hopeless"} 1',
        'parley_jobs_dead_letters{job="nightly"} 0',
      ]),
    );
    expect(metrics.render()).not.toContain('parley_jobs_completed_total{');
  });

  it('are handled once by two processes that set up, start and work at the same time', async () => {
    await world().admin.execute(sql`drop schema if exists pgboss cascade`);
    const handled: number[] = [];
    const registry = {
      count: defineJob({
        payload: z.object({ index: z.number() }),
        async handle(_context, { index }) {
          handled.push(index);
          await sleep(5);
        },
      }),
    };
    await Promise.all([prepareAndStart(registry), prepareAndStart(registry)]);
    const indexes = Array.from({ length: 20 }, (_, index) => index);
    for (const index of indexes) await sendJob(world(), 'count', { index });
    const completed = Array.from(indexes, () => expect.objectContaining({ state: 'completed' }));
    await expect.poll(() => storedOf('count'), { timeout }).toEqual(completed);
    expect(handled.toSorted((a, b) => a - b)).toEqual(indexes);
  });

  it('that run are waited for when their process stops, those that wait are left to the others', async () => {
    let finish = () => {};
    const begun = vi.fn();
    const started = await prepareAndStart({
      slow: defineJob({
        payload: z.object({}),
        handle() {
          begun();
          return new Promise<void>((resolve) => {
            finish = resolve;
          });
        },
      }),
    });
    await sendJob(world(), 'slow', {});
    await expect.poll(() => begun.mock.calls.length, { timeout }).toBe(1);
    await sendJob(world(), 'slow', {});
    const closed = vi.fn();
    const closing = started.close().then(closed);
    running.splice(0);
    await sleep(100);
    expect(closed).not.toHaveBeenCalled();
    finish();
    await closing;
    expect(await storedOf('slow')).toMatchObject([{ state: 'completed' }, { state: 'created' }]);
  });

  it('do not start where their queues have not been set up', async () => {
    const job = defineJob({ payload: z.object({}), handle: async () => {} });
    await prepareQueues(world(), { known: job });
    await expect(runJobs(world(), { known: job, unknown: job })).rejects.toThrow(
      new AppError('unavailable', 'The database has no queue unknown: run "parley db migrate"'),
    );
    await world().admin.execute(sql`drop schema pgboss cascade`);
    await expect(runJobs(world(), { known: job })).rejects.toThrow(/can't be used .*run "parley db migrate"/);
  });

  it('of the service end abandoned sessions every minute', async () => {
    await prepareQueues(world(), jobs);
    const user = await world().newUser();
    const { id } = await world().newSession(user);
    world().clock.advance(settings.tokenTtlSeconds * 1_000);
    await start(jobs);
    await sendJob(world(), 'close-abandoned-sessions', {});
    const session = () =>
      rows(z.object({ ended: z.boolean() }), sql`select ended_at is not null as ended from sessions where id = ${id}`);
    await expect.poll(session, { timeout }).toEqual([{ ended: true }]);
    const schedules = await rows(
      z.object({ name: z.string(), cron: z.string() }),
      sql`select name, cron from pgboss.schedule order by name`,
    );
    expect(schedules).toEqual([
      { name: 'close-abandoned-sessions', cron: '* * * * *' },
      { name: 'deliver-reminders', cron: '* * * * *' },
      { name: 'expire-leases', cron: '*/10 * * * *' },
      { name: 'expire-pairings', cron: '* * * * *' },
      { name: 'purge-expired', cron: '10 3 * * *' },
    ]);
  });
});
