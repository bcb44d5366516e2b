import { jobPayloads } from '../domain/job.ts';
import { expireLeases } from '../services/retention.ts';
import { defineJob } from './definition.ts';

/** Removes, every ten minutes, the leases whose jobs can't come back. */
export const expireLeasesJob = defineJob({
  payload: jobPayloads['expire-leases'],
  schedule: { cron: '*/10 * * * *', payload: {} },
  async handle(context) {
    const leases = await expireLeases(context);
    if (leases) context.log.info({ leases }, 'removed leases that had run out');
  },
});
