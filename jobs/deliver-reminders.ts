import { jobPayloads } from '../domain/job.ts';
import { deliverDueReminders } from '../services/reminder-delivery.ts';
import { defineJob } from './definition.ts';

/** Delivers, every minute, the reminders whose time is there. */
export const deliverRemindersJob = defineJob({
  payload: jobPayloads['deliver-reminders'],
  schedule: { cron: '* * * * *', payload: {} },
  // Agents that are offered a reminder are waited for.
  timeLimitSeconds: 300,
  async handle(context) {
    const delivered = await deliverDueReminders(context, { senders: context.reminderSenders });
    if (Object.keys(delivered).length) context.log.info({ delivered }, 'delivered reminders');
  },
});
