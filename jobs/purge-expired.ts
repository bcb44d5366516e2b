import { jobPayloads } from '../domain/job.ts';
import { purgeExpired } from '../services/retention.ts';
import { defineJob } from './definition.ts';

/** Removes, every night, what is past the time it is kept for. */
export const purgeExpiredJob = defineJob({
  payload: jobPayloads['purge-expired'],
  schedule: { cron: '10 3 * * *', payload: {} },
  timeLimitSeconds: 3_600,
  async handle(context) {
    const purged = await purgeExpired(context);
    context.log.info(purged, 'removed what was past its time');
  },
});
