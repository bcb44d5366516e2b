import PgBoss from 'pg-boss';
import { AppError, reasonOf } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import { deadLetterQueueOf } from '../domain/job.ts';
import { createJobQueue, missingQueue } from '../services/job-queue.ts';
import { consumeJobs, type JobSource } from './consumer.ts';
import type { JobContext, JobRegistry, JobServices } from './definition.ts';
import { createJobMetrics } from './job-metrics.ts';
import { timeLimitSecondsOf } from './prepare-queue.ts';
import { openQueueDatabase, type QueuePlace } from './queue-database.ts';

/** A job is taken up half of this after it was queued, on average. */
const pollingIntervalMs = 1_000;
/** How often jobs whose process is gone are looked for. */
const supervisionIntervalSeconds = 15;
/** What is done is kept for an hour to be looked at, and a day in the archive. */
export const keeping = { archiveCompletedAfterSeconds: 3_600, deleteAfterDays: 1 };

/** What a process that runs jobs is made of. */
export interface JobsOptions<Registry extends JobRegistry> {
  registry: Registry;
  /** Open database included; closing it is left to the caller. */
  services: Omit<JobServices, 'queue'>;
  /** Set up by `prepareQueue` or `prepareEmbeddedQueue`. */
  place: QueuePlace;
  /** Told of the jobs as `parley_jobs_*`. */
  metrics: Metrics;
}

/** Jobs that are being handled. */
export interface RunningJobs {
  /** Looks up how many jobs wait and how many were given up, for the metrics. @throws while the database is away. */
  measure(): Promise<void>;
  /** Takes no more jobs; resolves once the running ones have ended. */
  close(): Promise<void>;
}

/**
 * Handles the jobs of the registry and queues the scheduled ones until it is closed. Any number of processes share the
 * jobs out; a schedule counts once for all of them.
 * @throws AppError `unavailable` when the queue has not been set up or the database is away.
 */
export async function startJobs<Registry extends JobRegistry>(options: JobsOptions<Registry>): Promise<RunningJobs> {
  const { registry, services } = options;
  const metrics = createJobMetrics(options.metrics);
  const database = openQueueDatabase(options.place);
  const boss = new PgBoss({
    db: database,
    migrate: false,
    maintenanceIntervalSeconds: supervisionIntervalSeconds,
    ...keeping,
  });
  boss.on('error', (error) =>
    services.log.error({ reason: reasonOf(error) }, 'the job queue fails; it goes on trying'),
  );
  try {
    await startQueue(boss, registry);
  } catch (error) {
    await boss.stop({ graceful: false });
    await database.close();
    throw error;
  }

  const queue = createJobQueue((job) => metrics.queued.add({ job }));
  const context: JobContext = { ...services, queue, actor: { kind: 'system', name: 'jobs' } };
  const stopping = new AbortController();
  const source = sourceOf(boss);
  const consumers = Object.entries(registry).map(([name, job]) =>
    consumeJobs({
      source,
      name,
      job,
      timeLimitMs: timeLimitSecondsOf(job) * 1_000,
      context,
      metrics,
      pollingIntervalMs,
      stopping: stopping.signal,
    }),
  );
  return {
    async measure() {
      for (const job of Object.keys(registry)) {
        metrics.waiting.set({ job }, await boss.getQueueSize(job));
        metrics.deadLetters.set({ job }, await boss.getQueueSize(deadLetterQueueOf(job)));
      }
    },
    async close() {
      stopping.abort();
      await Promise.all(consumers);
      await boss.stop();
      await database.close();
    },
  };
}

async function startQueue(boss: PgBoss, registry: JobRegistry): Promise<void> {
  let queues: PgBoss.QueueResult[];
  try {
    await boss.start();
    queues = await boss.getQueues();
  } catch (error) {
    const message = `The job queue can't be used (${reasonOf(error)}): run "parley db migrate"`;
    throw new AppError('unavailable', message, { cause: error });
  }
  const present = new Set(queues.map(({ name }) => name));
  const missing = Object.keys(registry).find((name) => !present.has(name));
  if (missing !== undefined) throw missingQueue(missing);
}

function sourceOf(boss: PgBoss): JobSource {
  return {
    async fetch(name) {
      const jobs = await boss.fetch<object>(name, { includeMetadata: true });
      return jobs.map(({ id, data, retryCount, retryLimit }) => ({ id, data, isLastTry: retryCount >= retryLimit }));
    },
    complete: (name, id) => boss.complete(name, id),
    fail: (name, id, data) => boss.fail(name, id, data),
  };
}
