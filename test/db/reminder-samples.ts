import { newId } from '../../core/ids.ts';
import type { UserActor } from '../../domain/actor.ts';
import { localTimeOf } from '../../domain/local-time.ts';
import { type NewReminder, newReminderSchema } from '../../domain/reminder.ts';
import type { Context } from '../../services/context.ts';
import { deliverDueReminders } from '../../services/reminder-delivery.ts';
import { createReminderSenders } from '../../services/reminder-senders.ts';
import {
  cancelReminder,
  createReminder,
  getReminder,
  listReminders,
  noteToldReminder,
} from '../../services/reminders.ts';
import type { Target } from './target.ts';
import type { Caller } from './verb-samples.ts';

type Sample = (context: Caller, target: Target) => Promise<unknown>;

/** A reminder to be made, an hour from a moment in UTC unless told otherwise. */
export function reminderFor(now: Date, fields: object = {}): NewReminder {
  const at = localTimeOf(new Date(now.getTime() + 3_600_000), 'Etc/UTC');
  return newReminderSchema.parse({ id: newId(), text: 'call back', at, timeZone: 'Etc/UTC', ...fields });
}

/** Makes a reminder. @returns its id. */
export async function newReminder(context: Context & { actor: UserActor }): Promise<string> {
  const { reminder } = await createReminder(context, reminderFor(context.clock()));
  return reminder.id;
}

const senders = createReminderSenders({ channels: ['room', 'email'] }, { hasMail: true });

/** The verbs about reminders. */
export const reminderSamples = {
  'reminders.read': {
    listReminders: (context) => listReminders(context, {}),
    getReminder: (context, { reminderId }) => getReminder(context, { reminderId }),
  },
  'reminders.write': {
    createReminder: (context) => createReminder(context, reminderFor(context.clock())),
    cancelReminder: (context, { reminderId }) => cancelReminder(context, { reminderId }),
  },
  'reminders.tell': {
    noteToldReminder: (context, { reminderId }) => noteToldReminder(context, { reminderId, dueAt: context.clock() }),
  },
  'reminders.deliver': {
    deliverDueReminders: (context) => deliverDueReminders(context, { senders, acknowledgementMs: 0 }),
  },
} satisfies Record<string, Record<string, Sample>>;
