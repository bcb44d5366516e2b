import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { Metrics } from '../../core/metrics.ts';
import { consumeJobs, type QueuedJob } from '../../jobs/consumer.ts';
import { defineJob } from '../../jobs/definition.ts';
import { createJobMetrics } from '../../jobs/job-metrics.ts';
import { CollectingMailer } from '../support/jobs.ts';
import { openWorld, system, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** Consumes these jobs without pg-boss; the outcome of the one called `lost` can't be stored. */
async function consume(jobs: (Omit<QueuedJob, 'isLastTry'> & { isLastTry?: boolean })[]) {
  const waiting = [...jobs];
  const outcomes: unknown[] = [];
  const handled: string[] = [];
  const stopping = new AbortController();
  const metrics = new Metrics();
  const store = async (...outcome: unknown[]) => {
    if (outcome.includes('lost')) throw new Error('the database is away');
    outcomes.push(outcome);
  };
  await consumeJobs({
    name: 'greet',
    job: defineJob({
      payload: z.object({ outcome: z.string() }),
      handle(_context, { outcome }) {
        handled.push(outcome);
        if (outcome === 'fails') throw new Error('it does');
        return outcome === 'hangs' ? new Promise<void>(() => undefined) : Promise.resolve();
      },
    }),
    source: {
      async fetch() {
        const next = waiting.shift();
        if (!next) stopping.abort();
        return next ? [{ isLastTry: false, ...next }] : [];
      },
      complete: (_name, id) => store('complete', id),
      fail: (_name, id, data) => store('fail', id, data),
    },
    context: { ...world.context(system), mailer: new CollectingMailer(), reminderSenders: [] },
    metrics: createJobMetrics(metrics),
    timeLimitMs: 50,
    pollingIntervalMs: 1,
    stopping: stopping.signal,
  });
  return { outcomes, handled, metrics: metrics.render().split('\n') };
}

it('does not run a payload that another version queued, and goes on with the next one', async () => {
  const { outcomes, handled, metrics } = await consume([
    { id: 'a', data: { outcome: 1 } },
    { id: 'b', data: { outcome: 'done' } },
  ]);
  expect(handled).toEqual(['done']);
  expect(outcomes).toEqual([
    ['fail', 'a', { reason: 'ZodError' }],
    ['complete', 'b'],
  ]);
  expect(metrics).toContain('parley_jobs_failed_total{job="greet"} 1');
  expect(metrics).toContain('parley_jobs_completed_total{job="greet"} 1');
  expect(metrics.join()).not.toContain('parley_jobs_dead_total{');
});

it('goes on when an outcome can not be stored', async () => {
  const { outcomes } = await consume([
    { id: 'lost', data: { outcome: 'done' } },
    { id: 'lost', data: { outcome: 'fails' } },
    { id: 'c', data: { outcome: 'done' } },
  ]);
  expect(outcomes).toEqual([['complete', 'c']]);
});

it('goes on when a handler hangs, once its time is over', async () => {
  const { outcomes, metrics } = await consume([
    { id: 'a', data: { outcome: 'hangs' }, isLastTry: true },
    { id: 'b', data: { outcome: 'done' } },
  ]);
  expect(outcomes).toEqual([
    ['fail', 'a', { reason: 'The job took longer than its limit of 0.05 s' }],
    ['complete', 'b'],
  ]);
  expect(metrics).toContain('parley_jobs_dead_total{job="greet"} 1');
});
