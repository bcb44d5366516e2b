import { setTimeout as sleep } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import PgBoss from 'pg-boss';
import { AppError, reasonOf } from '../core/errors.ts';
import { consumeJobs } from './consumer.ts';
import type { JobContext, JobRegistry, JobServices, PayloadOf } from './definition.ts';
import { embeddedQueue } from './embedded-queue.ts';

/** A job is taken up half of this after it was queued, on average. */
const pollingIntervalMs = 1_000;
/** Connections of the queue, beside those the handlers use. */
const queueConnections = 2;
/** Five tries in about a minute, with pauses of 1, 2, 4, 8 and 16 s, each up to twice as long by chance. */
const retries = { retryLimit: 5, retryDelay: 1, retryBackoff: true };

/** What a process that runs jobs is made of. */
export interface JobsOptions<Registry extends JobRegistry> {
  registry: Registry;
  /** Open database included; closing it is left to the caller. */
  services: JobServices;
  /** Where the queue is: the service's login of a PostgreSQL server, or the client of the embedded database. */
  queue: { serviceUrl: string } | { client: PGlite };
}

/** Jobs that are being handled. */
export interface RunningJobs<Registry extends JobRegistry> {
  /** Queues a job. */
  enqueue<Name extends keyof Registry & string>(name: Name, payload: PayloadOf<Registry, Name>): Promise<void>;
  /** Takes no more jobs; resolves once the running ones have ended. */
  close(): Promise<void>;
}

/**
 * Sets the queue up in the schema `pgboss`, and handles the jobs of the registry and queues the scheduled ones until it
 * is closed. Any number of processes share the jobs out; a schedule counts once for all of them.
 * @throws AppError `unavailable` when the queue can't be set up.
 */
export async function startJobs<Registry extends JobRegistry>(
  options: JobsOptions<Registry>,
): Promise<RunningJobs<Registry>> {
  const { registry, services, queue: place } = options;
  const connection =
    'serviceUrl' in place
      ? { connectionString: asRole(place.serviceUrl, 'parley_service'), max: queueConnections, migrate: false }
      : { db: embeddedQueue(place.client) };
  const boss = await openQueue(() => {
    const queue = new PgBoss({ ...connection, ...retries });
    queue.on('error', (error) =>
      services.log.error({ reason: reasonOf(error) }, 'the job queue fails; it goes on trying'),
    );
    return queue;
  }, registry);

  const context: JobContext = { ...services, actor: { kind: 'system', name: 'jobs' } };
  const stopping = new AbortController();
  const consumers = Object.entries(registry).map(([name, job]) =>
    consumeJobs({ queue: boss, name, job, context, pollingIntervalMs, stopping: stopping.signal }),
  );
  return {
    async enqueue(name, payload) {
      await boss.send(name, payload);
    },
    async close() {
      stopping.abort();
      await Promise.all(consumers);
      await boss.stop();
    },
  };
}

/**
 * Makes the queue's tables on a PostgreSQL server, as their owner, and lets the service's role use them.
 * @throws AppError `unavailable` when that can't be done.
 */
export async function prepareQueue(ownerUrl: string, registry: JobRegistry): Promise<void> {
  const boss = await openQueue(() => new PgBoss({ connectionString: ownerUrl, max: 1, ...retries }), registry);
  try {
    for (const statement of grants) await boss.getDb().executeSql(statement, []);
  } finally {
    await boss.stop({ graceful: false });
  }
}

const grants = [
  'grant usage on schema pgboss to parley_service',
  'grant select, insert, update, delete on all tables in schema pgboss to parley_service',
  'grant execute on all functions in schema pgboss to parley_service',
];

/** The address, with a role that its login takes on as soon as it is connected. */
function asRole(address: string, role: string): string {
  const url = new URL(address);
  url.searchParams.set('options', `-c role=${role}`);
  return url.href;
}

/**
 * What PostgreSQL says when two processes make the same tables at the same time (Appendix A of its manual): unique violation,
 * deadlock, duplicate schema, table or object, and `tuple concurrently updated`. pg-boss takes its lock for a part of it only.
 */
const raceCodes = new Set(['23505', '40P01', '42P06', '42P07', '42710', 'XX000']);
const setUpAttempts = 5;

/** Sets the queue up, once more when another process was at it at the same time; a queue that failed can't be used again. */
async function openQueue(create: () => PgBoss, registry: JobRegistry): Promise<PgBoss> {
  for (let attempt = 1; ; attempt += 1) {
    const boss = create();
    try {
      await boss.start();
      for (const [name, { schedule }] of Object.entries(registry)) {
        await boss.createQueue(name);
        if (schedule) await boss.schedule(name, schedule.cron, schedule.payload);
      }
      return boss;
    } catch (error) {
      await boss.stop({ graceful: false });
      const reason = reasonOf(error);
      if (attempt < setUpAttempts && raceCodes.has(reason)) {
        await sleep(100 * attempt);
        continue;
      }
      const message = `The job queue can't be set up (${reason}): run "parley db migrate"`;
      throw new AppError('unavailable', message, { cause: error });
    }
  }
}
