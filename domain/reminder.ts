import { z } from 'zod';

/** How often a reminder comes again, by the clock on the person's wall. */
export const reminderRepeats = ['daily', 'weekdays', 'weekly', 'monthly', 'yearly'] as const;

export type ReminderRepeat = (typeof reminderRepeats)[number];

/** Ways to a person that this service brings; others can be registered. */
export const reminderChannels = ['room', 'email'] as const;

/** Name of a way to a person. */
export type ReminderChannel = (typeof reminderChannels)[number] | (string & {});

export const reminderRepeatSchema = z.enum(reminderRepeats).meta({ id: 'ReminderRepeat' });
