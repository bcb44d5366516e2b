import PgBoss from 'pg-boss';
import { Metrics } from '../../core/metrics.ts';
import type { EmbeddedDatabase } from '../../db/client.ts';
import type { Mail, Mailer } from '../../domain/mail.ts';
import type { Summarizer } from '../../domain/summary.ts';
import type { JobRegistry } from '../../jobs/definition.ts';
import { prepareEmbeddedQueue, prepareQueue } from '../../jobs/prepare-queue.ts';
import type { QueuePlace } from '../../jobs/queue-database.ts';
import { type RunningJobs, startJobs } from '../../jobs/start.ts';
import { queueIn } from '../../services/job-queue.ts';
import { createReminderSenders, type ReminderSender } from '../../services/reminder-senders.ts';
import type { World } from '../db/world.ts';

/** Keeps what it is given to send. */
export class CollectingMailer implements Mailer {
  readonly sent: { id: string; mail: Mail }[] = [];

  async send(id: string, mail: Mail): Promise<void> {
    this.sent.push({ id, mail });
  }
}

/** Where the queue of a world is. */
export function placeOf({ server, embedded }: World): QueuePlace {
  return server ?? (embedded as EmbeddedDatabase);
}

/** Sets up the queues of a registry in the database of a world. */
export async function prepareQueues({ server, embedded }: World, registry: JobRegistry): Promise<void> {
  if (server) await prepareQueue(server.ownerUrl, registry);
  else await prepareEmbeddedQueue((embedded as EmbeddedDatabase).client, registry);
}

/** Handles the jobs of a registry in a world whose queues are set up. */
export function runJobs(
  world: World,
  registry: JobRegistry,
  {
    metrics = new Metrics(),
    mailer = new CollectingMailer(),
    summarizer,
    reminderSenders = createReminderSenders({ channels: ['room', 'email'] }, { hasMail: true }),
  }: { metrics?: Metrics; mailer?: Mailer; summarizer?: Summarizer; reminderSenders?: readonly ReminderSender[] } = {},
): Promise<RunningJobs> {
  return startJobs({
    registry,
    services: { ...world.services, mailer, summarizer, reminderSenders },
    place: placeOf(world),
    metrics,
  });
}

/** Queues a job of any registry. */
export async function sendJob({ database }: World, name: string, payload: object): Promise<void> {
  const id = await database.transaction({ role: 'service', tenantId: null }, (tx) =>
    new PgBoss({}).send(name, payload, { db: queueIn(tx) }),
  );
  if (id === null) throw new Error(`there is no queue ${name}`);
}
