import { jobPayloads } from '../domain/job.ts';
import { expirePairings } from '../services/pairing-expiry.ts';
import { removeSpentPairings } from '../services/retention.ts';
import { defineJob } from './definition.ts';

/** Ends, every minute, the pairings that nobody was heard of in, and removes what is left of old ones. */
export const expirePairingsJob = defineJob({
  payload: jobPayloads['expire-pairings'],
  schedule: { cron: '* * * * *', payload: {} },
  async handle(context) {
    const ended = await expirePairings(context);
    if (ended) context.log.info({ ended }, 'ended pairings that nobody was heard of in');
    await removeSpentPairings(context);
  },
});
