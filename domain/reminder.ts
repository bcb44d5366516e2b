import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';
import { localTimeSchema } from './local-time.ts';

/** How often a reminder comes again, by the clock on the person's wall. */
export const reminderRepeats = ['daily', 'weekdays', 'weekly', 'monthly', 'yearly'] as const;

export type ReminderRepeat = (typeof reminderRepeats)[number];

/** Name of a way to a person: `room` and `email` are the service's own, others can be registered. */
export type ReminderChannel = 'room' | 'email' | (string & {});

const reminderRepeatSchema = z
  .enum(reminderRepeats)
  .describe('The 31st comes on the last day of a shorter month, 29 February on the 28th.')
  .meta({ id: 'ReminderRepeat' });

/** Something to be reminded of, as a person or an agent asks for it. */
export const newReminderSchema = z
  .strictObject({
    id: z.uuid().describe('Idempotency key: the same reminder again changes nothing.'),
    text: line(sizes.reminderCharacters),
    at: localTimeSchema.describe(
      'Date and time on the wall, such as `2026-11-21T09:00`. What clocks skip comes as much later, what they show twice the first time.',
    ),
    timeZone: z.string().min(1).max(64).describe('IANA name, such as `Europe/Amsterdam`.'),
    repeat: reminderRepeatSchema.nullable().default(null).describe('Null for once.'),
  })
  .meta({ id: 'NewReminder' });

export type NewReminder = z.output<typeof newReminderSchema>;

/** A reminder as its person sees it. */
export const reminderSchema = z
  .object({
    id: z.uuid(),
    text: z.string(),
    at: z.string().describe('Date and time on the wall of the first time.'),
    timeZone: z.string(),
    repeat: reminderRepeatSchema.nullable(),
    dueAt: z.iso.datetime().nullable().describe('When it comes next; null once it has come for the last time.'),
    createdAt: z.iso.datetime(),
    deliveredAt: z.iso.datetime().nullable().describe('When it came the last time, missed or not; null before that.'),
    deliveredBy: z.string().nullable().describe('How it got to the person the last time: `room`, `email`, ...'),
    missed: z.boolean().describe('The last time there was no way to the person.'),
  })
  .meta({ id: 'Reminder' });

export type Reminder = z.infer<typeof reminderSchema>;

/** Which reminders are asked for: those that will come, those of them whose time is there, or those that come no more. */
export const reminderFilterSchema = z.enum(['pending', 'due', 'over']);

export type ReminderFilter = z.infer<typeof reminderFilterSchema>;

/** By which an agent says that it has told a reminder. */
export const reminderDeliverySchema = z
  .strictObject({ dueAt: z.iso.datetime().describe('`dueAt` of what was told, as it was read.') })
  .meta({ id: 'ReminderDelivery' });
