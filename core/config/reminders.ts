import { z } from 'zod';
import { names, url } from './environment.ts';

/** Ways by which this service brings reminders to people. */
export const reminderChannelNames = ['room', 'email'] as const;

/** Name of one of them. */
export type ReminderChannelName = (typeof reminderChannelNames)[number];

const channels = names.transform((list, context) => {
  const known = list.flatMap((name) => reminderChannelNames.find((each) => each === name) ?? []);
  if (known.length === list.length) return known;
  context.addIssue({ code: 'custom', message: `needs names from: ${reminderChannelNames.join(', ')}` });
  return z.NEVER;
});

/** Variables about reminders. */
export const reminderVariables = {
  REMINDER_CHANNELS: channels.default(['room', 'email']),
  CALL_BACK_URL: url('http', 'https').optional(),
};

/** How reminders get to people. */
export interface RemindersConfig {
  /** In the order in which they are tried. */
  channels: readonly ReminderChannelName[];
  /** Page of the app on which a call begins; without one, mail has no link. */
  callBackUrl?: string;
}

/** The settings of those variables. */
export function remindersOf(e: { REMINDER_CHANNELS: ReminderChannelName[]; CALL_BACK_URL?: string }): RemindersConfig {
  return { channels: e.REMINDER_CHANNELS, callBackUrl: e.CALL_BACK_URL };
}
