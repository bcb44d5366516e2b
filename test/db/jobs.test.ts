import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterEach, expect, expectTypeOf, it, vi } from 'vitest';
import { z } from 'zod';
import type { EmbeddedDatabase } from '../../db/client.ts';
import { AppError } from '../../core/errors.ts';
import { consumeJobs, type QueuedJob } from '../../jobs/consumer.ts';
import { defineJob, type JobContext, type JobRegistry } from '../../jobs/definition.ts';
import { jobs } from '../../jobs/registry.ts';
import { type RunningJobs, startJobs } from '../../jobs/start.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { settings, system } from './world.ts';

const timeout = 30_000;

describeOnBothDatabases('jobs', (world) => {
  const running: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.close()));
  });

  const rows = async <Row extends z.ZodType>(row: Row, query: ReturnType<typeof sql>): Promise<z.infer<Row>[]> => {
    const result: unknown = await world().admin.execute(query);
    // postgres.js answers with the rows themselves, PGlite with an object around them.
    const found = Array.isArray(result) ? [...result] : z.object({ rows: z.array(z.unknown()) }).parse(result).rows;
    return z.array(row).parse(found);
  };
  const start = async <Registry extends JobRegistry>(registry: Registry): Promise<RunningJobs<Registry>> => {
    const started = await startJobs({
      registry,
      services: world().services,
      queue: world().server ?? (world().embedded as EmbeddedDatabase),
    });
    running.push(started);
    return started;
  };
  /** State and output of every job of a queue. */
  const storedOf = (name: string) =>
    rows(
      z.object({ state: z.string(), output: z.unknown() }),
      sql`select state::text, output from pgboss.job where name = ${name} order by created_on, id`,
    );

  it('hand their payload to their handler, acting as the service itself', async () => {
    const greet = vi.fn(async (_context: JobContext, _payload: { name: string }) => {});
    const started = await start({ greet: defineJob({ payload: z.object({ name: z.string() }), handle: greet }) });
    expectTypeOf(started.enqueue<'greet'>)
      .parameter(1)
      .toEqualTypeOf<{ name: string }>();
    expectTypeOf(started.enqueue).parameter(0).toEqualTypeOf<'greet'>();

    await started.enqueue('greet', { name: 'Ann' });
    await expect.poll(() => storedOf('greet'), { timeout }).toMatchObject([{ state: 'completed' }]);
    expect(greet.mock.calls).toMatchObject([[{ actor: { kind: 'system' } }, { name: 'Ann' }]]);
  });

  it('are queued by their schedule', async () => {
    const handle = vi.fn(async (_context: JobContext, _payload: { by: string }) => {});
    const registry = {
      tick: defineJob({
        payload: z.object({ by: z.string() }),
        schedule: { cron: '* * * * *', payload: { by: 'schedule' } },
        handle,
      }),
    };
    await (await start(registry)).close();
    // pg-boss looks at schedules when it starts and every half a minute, unless another process has just done it.
    await world().admin.execute(sql`update pgboss.version set cron_on = null`);
    await start(registry);
    await expect.poll(() => handle.mock.calls, { timeout }).toMatchObject([[{}, { by: 'schedule' }]]);
  });

  it('are handled again when they fail, and leave no message of an error that is not ours', async () => {
    const outputs: unknown[] = [];
    const started = await start({
      flaky: defineJob({
        payload: z.object({}),
        async handle() {
          outputs.push((await storedOf('flaky'))[0]?.output);
          if (outputs.length === 1) throw new TypeError('Ann is undefined');
          if (outputs.length === 2) throw new AppError('unavailable', 'LiveKit is away');
        },
      }),
    });
    await started.enqueue('flaky', {});
    await expect.poll(() => storedOf('flaky'), { timeout }).toMatchObject([{ state: 'completed' }]);
    expect(outputs).toEqual([null, { reason: 'TypeError' }, { reason: 'LiveKit is away' }]);
  });

  it('are handled once by two processes that start and work at the same time', async () => {
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
    const [first] = await Promise.all([start(registry), start(registry)]);
    const indexes = Array.from({ length: 20 }, (_, index) => index);
    for (const index of indexes) await first?.enqueue('count', { index });
    const completed = Array.from(indexes, () => expect.objectContaining({ state: 'completed' }));
    await expect.poll(() => storedOf('count'), { timeout }).toEqual(completed);
    expect(handled.toSorted((a, b) => a - b)).toEqual(indexes);
  });

  it('that run are waited for when their process stops, those that wait are left to the others', async () => {
    let finish = () => {};
    const begun = vi.fn();
    const started = await start({
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
    await started.enqueue('slow', {});
    await expect.poll(() => begun.mock.calls.length, { timeout }).toBe(1);
    await started.enqueue('slow', {});
    const closed = vi.fn();
    const closing = started.close().then(closed);
    await sleep(100);
    expect(closed).not.toHaveBeenCalled();
    finish();
    await closing;
    expect(await storedOf('slow')).toMatchObject([{ state: 'completed' }, { state: 'created' }]);
  });

  it('do not run with a payload that another version queued, and go on with the next one', async () => {
    const { outcomes, handled } = await consume([
      { id: 'a', data: { outcome: 1 } },
      { id: 'b', data: { outcome: 'done' } },
    ]);
    expect(handled).toEqual(['done']);
    expect(outcomes).toEqual([
      ['fail', 'a', { reason: 'ZodError' }],
      ['complete', 'b'],
    ]);
  });

  it('go on when an outcome can not be stored', async () => {
    const { outcomes } = await consume([
      { id: 'lost', data: { outcome: 'done' } },
      { id: 'lost', data: { outcome: 'fails' } },
      { id: 'c', data: { outcome: 'done' } },
    ]);
    expect(outcomes).toEqual([['complete', 'c']]);
  });

  /** Consumes these jobs without pg-boss; the outcome of the one called `lost` can't be stored. */
  async function consume(waiting: QueuedJob[]) {
    const outcomes: unknown[] = [];
    const handled: string[] = [];
    const stopping = new AbortController();
    const store = async (...outcome: unknown[]) => {
      if (outcome.includes('lost')) throw new Error('the database is away');
      outcomes.push(outcome);
    };
    await consumeJobs({
      name: 'greet',
      job: defineJob({
        payload: z.object({ outcome: z.string() }),
        async handle(_context, { outcome }) {
          handled.push(outcome);
          if (outcome === 'fails') throw new Error('it does');
        },
      }),
      queue: {
        async fetch() {
          const next = waiting.shift();
          if (!next) stopping.abort();
          return next ? [next] : [];
        },
        complete: (_name, id) => store('complete', id),
        fail: (_name, id, data) => store('fail', id, data),
      },
      context: world().context(system),
      pollingIntervalMs: 1,
      stopping: stopping.signal,
    });
    return { outcomes, handled };
  }

  it('of the service end abandoned sessions every minute', async () => {
    const user = await world().newUser();
    const { id } = await world().newSession(user);
    world().clock.advance(settings.tokenTtlSeconds * 1_000);
    const started = await start(jobs);
    await started.enqueue('close-abandoned-sessions', {});
    const session = () =>
      rows(z.object({ ended: z.boolean() }), sql`select ended_at is not null as ended from sessions where id = ${id}`);
    await expect.poll(session, { timeout }).toEqual([{ ended: true }]);
    const schedules = await rows(
      z.object({ name: z.string(), cron: z.string() }),
      sql`select name, cron from pgboss.schedule where name = 'close-abandoned-sessions'`,
    );
    expect(schedules).toEqual([{ name: 'close-abandoned-sessions', cron: '* * * * *' }]);
  });
});
