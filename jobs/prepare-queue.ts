import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import PgBoss from 'pg-boss';
import { AppError, reasonOf } from '../core/errors.ts';
import { deadLetterQueueOf } from '../domain/job.ts';
import type { JobDefinition, JobRegistry } from './definition.ts';
import { runEmbedded, runOnServer, scheduleQueue } from './queue-database.ts';

/** Key of the advisory lock under which the queue is set up; any number will do as long as it never changes. */
const queueLock = 7_275_540;

/** What a job has whose definition doesn't say. */
const defaultTimeLimitSeconds = 60;
const defaultRetries = { limit: 5, delaySeconds: 2 };

/** What the service's role needs; it makes no tables and no queues. */
const grants = [
  'grant usage on schema pgboss to parley_service',
  'grant select, insert, update, delete on pgboss.job, pgboss.archive to parley_service',
  'grant select on pgboss.queue, pgboss.schedule to parley_service',
  'grant select, update on pgboss.version to parley_service',
];

/**
 * Makes the tables of the queue in the schema `pgboss` of a PostgreSQL server, as the owner of the database, with a queue
 * and a dead-letter queue for each job, and its schedule. Processes that do it at once take turns; done again, it brings
 * settings up to date. The roles have to be there.
 * @throws AppError `unavailable` when that can't be done.
 */
export async function prepareQueue(ownerUrl: string, registry: JobRegistry): Promise<void> {
  const client = new pg.Client(ownerUrl);
  // Heard by the query that is under way then, or by the next one.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock($1)', [queueLock]);
    await setUp((text, values) => runOnServer(client, text, values), registry);
  } catch (error) {
    throw new AppError('unavailable', `The job queue can't be set up (${reasonOf(error)})`, { cause: error });
  } finally {
    await client.end();
  }
}

/** The same in the embedded database. */
export async function prepareEmbeddedQueue(client: PGlite, registry: JobRegistry): Promise<void> {
  await setUp((text, values) => runEmbedded(client, text, values), registry);
}

/** How long a run of a job may take. */
export function timeLimitSecondsOf({ timeLimitSeconds = defaultTimeLimitSeconds }: JobDefinition<object>): number {
  return timeLimitSeconds;
}

async function setUp(executeSql: PgBoss.Db['executeSql'], registry: JobRegistry): Promise<void> {
  const boss = new PgBoss({ db: { executeSql }, schedule: false, supervise: false });
  await boss.start();
  try {
    await boss.createQueue(scheduleQueue);
    for (const [name, job] of Object.entries(registry)) await setUpQueue(boss, name, job);
    for (const { name } of await boss.getSchedules()) {
      if (!registry[name]?.schedule) await boss.unschedule(name);
    }
    for (const grant of grants) await executeSql(grant, []);
  } finally {
    await boss.stop({ graceful: false });
  }
}

async function setUpQueue(boss: PgBoss, name: string, job: JobDefinition<object>): Promise<void> {
  const { schedule, retries = defaultRetries } = job;
  const deadLetter = deadLetterQueueOf(name);
  const options = {
    name,
    retryLimit: retries.limit,
    retryDelay: retries.delaySeconds,
    retryBackoff: true,
    expireInSeconds: timeLimitSecondsOf(job),
    ...(schedule ? {} : { deadLetter }),
  };
  await boss.createQueue(deadLetter);
  await boss.createQueue(name, options);
  // A queue that was there already keeps what it was made with.
  await boss.updateQueue(name, options);
  if (schedule) await boss.schedule(name, schedule.cron, schedule.payload, { tz: schedule.timeZone ?? 'UTC' });
}
