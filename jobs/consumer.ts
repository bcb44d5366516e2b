import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../core/errors.ts';
import type { JobContext, JobDefinition } from './definition.ts';

/** A job taken from its queue. */
export interface QueuedJob {
  id: string;
  data: object;
}

/** The part of pg-boss that a consumer needs. */
export interface JobQueue {
  /** Takes the next job, or none; an unreachable database looks like an empty queue. */
  fetch(name: string): Promise<QueuedJob[]>;
  complete(name: string, id: string): Promise<void>;
  /** Gives a job back for another try, or for good after the last one. */
  fail(name: string, id: string, data: object): Promise<void>;
}

/** Whose jobs to handle, and how. */
export interface ConsumerOptions {
  queue: JobQueue;
  name: string;
  job: JobDefinition<object>;
  context: JobContext;
  pollingIntervalMs: number;
  stopping: AbortSignal;
}

/**
 * Handles the jobs of one queue, one after another. Resolves after `stopping`, once the outcome of the job under way is
 * stored. It stands in for pg-boss's `work`, which doesn't await that: a database lost meanwhile would end the process.
 */
export async function consumeJobs(options: ConsumerOptions): Promise<void> {
  const { queue, name, pollingIntervalMs, stopping } = options;
  while (!stopping.aborted) {
    const [next] = await queue.fetch(name);
    if (next) await handle(options, next);
    // Aborting a pause is how it ends early.
    else await sleep(pollingIntervalMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

async function handle({ queue, name, job, context }: ConsumerOptions, { id, data }: QueuedJob): Promise<void> {
  const { log } = context;
  let failure: string | undefined;
  try {
    await job.handle(context, job.payload.parse(data));
  } catch (error) {
    failure = reasonOf(error);
    log.warn({ job: name, jobId: id, reason: failure }, 'a job failed');
  }
  try {
    if (failure === undefined) await queue.complete(name, id);
    else await queue.fail(name, id, { reason: failure });
  } catch (error) {
    log.error({ job: name, jobId: id, reason: reasonOf(error) }, 'the outcome of a job was not stored: it runs again');
  }
}
