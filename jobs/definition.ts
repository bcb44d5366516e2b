import type { z } from 'zod';
import type { SystemActor } from '../domain/actor.ts';
import type { Mailer } from '../domain/mail.ts';
import type { Summarizer } from '../domain/summary.ts';
import type { CoreServices, Services } from '../services/context.ts';
import type { ReminderSender } from '../services/reminder-senders.ts';

/** What jobs work with; a process that runs them makes one. */
export type JobServices = CoreServices &
  Pick<Services, 'rooms'> & {
    mailer: Mailer;
    /** Absent where no language model is configured: sessions are not summarized then. */
    summarizer?: Summarizer;
    reminderSenders: readonly ReminderSender[];
  };

/** First argument of every handler: what to work with, as the service itself. */
export type JobContext = JobServices & { actor: SystemActor };

/** When a job is queued by itself, and with what. */
export interface JobSchedule<Payload extends object> {
  /** Five cron fields: minute, hour, day of the month, month, day of the week. */
  cron: string;
  /** Whose clock the fields are read by, a name of the IANA time zone database such as `Europe/Amsterdam`; UTC unless told. */
  timeZone?: string;
  payload: Payload;
}

/** One kind of background work. Its name is its key in a registry. */
export interface JobDefinition<Payload extends object> {
  /** What is stored with a queued job. Checked before it is handled: a process of another version may have queued it. */
  payload: z.ZodType<Payload>;
  /** A scheduled job that was given up leaves no dead letter: its next run does what this one could not. */
  schedule?: JobSchedule<Payload>;
  /** After how long a run counts as failed, also one whose process is gone; a minute unless told. */
  timeLimitSeconds?: number;
  /**
   * How often a failed run is tried again, and how long after the first failure at least; each pause is twice the one
   * before, and up to twice as long by chance. Five times and two seconds unless told.
   */
  retries?: { limit: number; delaySeconds: number };
  /**
   * Does the work. A job whose handler throws, or whose process dies, is handled again: twice must do no more than once.
   */
  handle(context: JobContext, payload: Payload): Promise<void>;
}

/** Jobs by name. A name is also the name of the job's queue: letters, digits and hyphens, never changed. */
export type JobRegistry = Record<string, JobDefinition<object>>;

/** Gives a definition back; its payload's type follows from the schema. */
export function defineJob<Payload extends object>(definition: JobDefinition<Payload>): JobDefinition<Payload> {
  return definition;
}
