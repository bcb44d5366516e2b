import { z } from 'zod';

/** What is stored with a queued job, by the job's name; ids and sealed text alone, for the queue is no place for people. */
export const jobPayloads = {
  'close-abandoned-sessions': z.strictObject({}),
  /** `sealed`: a message for `mails.content` and this id, see `services/mail.ts`. */
  'send-mail': z.strictObject({ id: z.uuid(), sealed: z.string() }),
  'purge-expired': z.strictObject({}),
  'deliver-reminders': z.strictObject({}),
  'expire-leases': z.strictObject({}),
  'expire-pairings': z.strictObject({}),
  'summarize-session': z.strictObject({ sessionId: z.uuid(), tenantId: z.uuid(), userId: z.uuid() }),
  /** `exportId`: the row of `user_exports` that waits for its document. */
  'export-user': z.strictObject({ exportId: z.uuid(), tenantId: z.uuid(), userId: z.uuid() }),
} as const;

/** Name of a job, and of its queue: letters, digits and hyphens, never changed. */
export type JobName = keyof typeof jobPayloads;

/** What the job of a name takes. */
export type JobPayload<Name extends JobName> = z.infer<(typeof jobPayloads)[Name]>;

/** Queue of the jobs of a name that were given up after their last try. */
export function deadLetterQueueOf<Name extends string>(name: Name): `${Name}-dead` {
  return `${name}-dead`;
}
