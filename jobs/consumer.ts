import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, reasonOf } from '../core/errors.ts';
import type { JobContext, JobDefinition } from './definition.ts';
import type { JobMetrics } from './job-metrics.ts';

/** A job taken from its queue. */
export interface QueuedJob {
  id: string;
  data: object;
  /** Whether it is given up when this run fails. */
  isLastTry: boolean;
}

/** Where a consumer gets its jobs and leaves their outcomes. */
export interface JobSource {
  /** Takes the next job, or none; an unreachable database looks like an empty queue. */
  fetch(name: string): Promise<QueuedJob[]>;
  complete(name: string, id: string): Promise<void>;
  /** Gives a job back for another try, or for good after the last one. */
  fail(name: string, id: string, data: object): Promise<void>;
}

/** Whose jobs to handle, and how. */
export interface ConsumerOptions {
  source: JobSource;
  name: string;
  job: JobDefinition<object>;
  timeLimitMs: number;
  context: JobContext;
  metrics: JobMetrics;
  pollingIntervalMs: number;
  stopping: AbortSignal;
}

/**
 * Handles the jobs of one queue, one after another. Resolves after `stopping`, once the outcome of the job under way is
 * stored. It stands in for pg-boss's `work`, which doesn't await that: a database lost meanwhile would end the process.
 */
export async function consumeJobs(options: ConsumerOptions): Promise<void> {
  const { source, name, pollingIntervalMs, stopping } = options;
  while (!stopping.aborted) {
    const [next] = await source.fetch(name);
    if (next) await handle(options, next);
    // Aborting a pause is how it ends early.
    else await sleep(pollingIntervalMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

async function handle(options: ConsumerOptions, { id, data, isLastTry }: QueuedJob): Promise<void> {
  const { source, name, metrics } = options;
  const { log } = options.context;
  const begin = performance.now();
  metrics.started.add({ job: name });
  const failure = await failureOf(options, data);
  metrics.durationSeconds.observe({ job: name }, (performance.now() - begin) / 1_000);
  if (failure === undefined) {
    metrics.completed.add({ job: name });
  } else {
    metrics.failed.add({ job: name });
    if (isLastTry) metrics.dead.add({ job: name });
    log[isLastTry ? 'error' : 'warn']({ job: name, jobId: id, reason: failure, isLastTry }, 'a job failed');
  }
  try {
    if (failure === undefined) await source.complete(name, id);
    else await source.fail(name, id, { reason: failure });
  } catch (error) {
    log.error({ job: name, jobId: id, reason: reasonOf(error) }, 'the outcome of a job was not stored: it runs again');
  }
}

/** Runs the handler. @returns why it failed, or nothing when it did its work. */
async function failureOf({ job, timeLimitMs, context }: ConsumerOptions, data: object): Promise<string | undefined> {
  const over = new AbortController();
  try {
    const work = job.handle(context, job.payload.parse(data));
    await Promise.race([work, timeLimit(timeLimitMs, over.signal)]);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    over.abort();
  }
}

/** Rejects after the limit: a handler that hangs must not keep its queue from the others. */
async function timeLimit(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over });
  throw new AppError('internal', `The job took longer than its limit of ${ms / 1_000} s`);
}
