import type { z } from 'zod';
import type { SystemActor } from '../domain/actor.ts';
import type { CoreServices, Services } from '../services/context.ts';

/** What jobs work with; a process that runs them makes one. */
export type JobServices = CoreServices & Pick<Services, 'rooms'>;

/** First argument of every handler: what to work with, as the service itself. */
export type JobContext = JobServices & { actor: SystemActor };

/** One kind of background work. Its name is its key in a registry. */
export interface JobDefinition<Payload extends object> {
  /** What is stored with a queued job. Checked before it is handled: a process of another version may have queued it. */
  payload: z.ZodType<Payload>;
  /** When it is queued by itself: five cron fields in UTC, and what it is queued with. */
  schedule?: { cron: string; payload: Payload };
  /**
   * Does the work. A job whose handler throws, or whose process dies, is handled again: twice must do no more than once.
   */
  handle(context: JobContext, payload: Payload): Promise<void>;
}

/** Jobs by name. A name is also the name of the job's queue: letters, digits and hyphens, never changed. */
export type JobRegistry = Record<string, JobDefinition<object>>;

/** What the job of a name takes. */
export type PayloadOf<Registry extends JobRegistry, Name extends keyof Registry> = z.infer<Registry[Name]['payload']>;

/** Gives a definition back; its payload's type follows from the schema. */
export function defineJob<Payload extends object>(definition: JobDefinition<Payload>): JobDefinition<Payload> {
  return definition;
}
