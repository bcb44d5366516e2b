import type { JobName, JobPayload } from '../domain/job.ts';
import { closeAbandonedSessions } from './close-abandoned-sessions.ts';
import type { JobDefinition } from './definition.ts';
import { deliverRemindersJob } from './deliver-reminders.ts';
import { expireLeasesJob } from './expire-leases.ts';
import { expirePairingsJob } from './expire-pairings.ts';
import { exportUserJob } from './export-user.ts';
import { purgeExpiredJob } from './purge-expired.ts';
import { sendMailJob } from './send-mail.ts';
import { summarizeSessionJob } from './summarize-session.ts';

/** A handler for each job that can be queued, and for no other. */
export type ServiceJobs = { [Name in JobName]: JobDefinition<JobPayload<Name>> };

/** Every job of the service. */
export const jobs = {
  'close-abandoned-sessions': closeAbandonedSessions,
  'deliver-reminders': deliverRemindersJob,
  'expire-leases': expireLeasesJob,
  'expire-pairings': expirePairingsJob,
  'export-user': exportUserJob,
  'purge-expired': purgeExpiredJob,
  'send-mail': sendMailJob,
  'summarize-session': summarizeSessionJob,
} satisfies ServiceJobs;
