import { jobPayloads } from '../domain/job.ts';
import { endAbandonedSessions } from '../services/sessions.ts';
import { defineJob } from './definition.ts';

/** Ends, every minute, the sessions that nobody can come back to. */
export const closeAbandonedSessions = defineJob({
  payload: jobPayloads['close-abandoned-sessions'],
  schedule: { cron: '* * * * *', payload: {} },
  async handle(context) {
    const ended = await endAbandonedSessions(context);
    if (ended) context.log.info({ ended }, 'ended sessions without token, lease and room');
  },
});
