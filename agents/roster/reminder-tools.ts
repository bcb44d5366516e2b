import { llm } from '@livekit/agents';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { sizes } from '../../core/limits.ts';
import { isTimeZone, localTimeOf } from '../../domain/local-time.ts';
import { type NewReminder, type Reminder, reminderRepeats } from '../../domain/reminder.ts';
import type { Call } from '../call.ts';
import { uninterrupted } from './uninterrupted.ts';

const timeZone = z
  .string()
  .nullable()
  .describe('IANA name of the zone, such as Europe/Amsterdam; null for the one that is kept of the caller.');

const getTime = llm.tool({
  name: 'get_time',
  description: 'Returns the date and time where the caller is, or in another zone.',
  parameters: z.object({ time_zone: timeZone }),
  execute: async ({ time_zone }, { ctx }: llm.ToolOptions<Call>) => {
    const { zone } = await zoneOf(ctx.userData, time_zone).catch(explain);
    return momentIn(new Date(), zone);
  },
});

const setReminder = llm.tool({
  name: 'set_reminder',
  description: 'Sets a reminder: the caller is told in a call, or by e-mail. Setting it again changes nothing.',
  parameters: z.object({
    text: z.string().max(sizes.reminderCharacters).describe("What to be reminded of, in the caller's words."),
    local_time: z.string().describe('Date and time where the caller is, such as 2026-11-21T09:00.'),
    repeat: z.enum(reminderRepeats).nullable().describe('How often it comes again; null for once.'),
    time_zone: timeZone,
  }),
  execute: async ({ text, local_time: at, repeat, time_zone }, { ctx }: llm.ToolOptions<Call>) => {
    const { backend } = ctx.userData;
    const { zone, isKnown } = await zoneOf(ctx.userData, time_zone).catch(explain);
    const wanted = { id: newId(), text: text.trim(), at, timeZone: zone, repeat };
    const made = await uninterrupted(ctx, async () => {
      if (!isKnown) await backend.changePreferences({ companion: { time_zone: zone } });
      const pending = await backend.reminders.list('pending');
      return pending.find((each) => isSame(each, wanted)) ?? backend.reminders.create(wanted);
    }).catch(explain);
    return shown(made);
  },
});

const listReminders = llm.tool({
  name: 'list_reminders',
  description: 'Returns the reminders of the caller that are to come, with their ids.',
  execute: async (_input, { ctx }: llm.ToolOptions<Call>) => {
    const pending = await ctx.userData.backend.reminders.list('pending').catch(explain);
    return { reminders: pending.map(shown) };
  },
});

const cancelReminder = llm.tool({
  name: 'cancel_reminder',
  description: 'Cancels a reminder by its id, as list_reminders gives it.',
  parameters: z.object({ id: z.string() }),
  execute: async ({ id }, { ctx }: llm.ToolOptions<Call>) => {
    await uninterrupted(ctx, () => ctx.userData.backend.reminders.cancel(id)).catch(explain);
    return { cancelled: id };
  },
});

/** Tools that set, list and cancel reminders, and the one that tells the time, which a model doesn't know. */
export const reminderTools = [getTime, setReminder, listReminders, cancelReminder] as const;

/** The zone that is meant, and whether one of the caller is kept. @throws ToolError when there is none to go by. */
async function zoneOf({ backend }: Call, named: string | null): Promise<{ zone: string; isKnown: boolean }> {
  if (named !== null && !isTimeZone(named)) {
    throw new llm.ToolError(`${named} is no IANA time zone: give one such as Europe/Amsterdam.`);
  }
  const { companion, timeZone: ofApp } = await backend.preferences();
  const own = typeof companion === 'object' && companion && 'time_zone' in companion ? companion.time_zone : undefined;
  const kept = [own, ofApp].find((zone) => typeof zone === 'string' && isTimeZone(zone)) as string | undefined;
  const zone = named ?? kept;
  if (zone === undefined) {
    throw new llm.ToolError(
      'It is not known where the caller is: ask in which city, then call again with its time_zone, such as Europe/Amsterdam.',
    );
  }
  return { zone, isKnown: kept !== undefined };
}

function isSame(reminder: Reminder, wanted: NewReminder): boolean {
  return (['text', 'at', 'timeZone', 'repeat'] as const).every((field) => reminder[field] === wanted[field]);
}

function shown({ id, text, dueAt, timeZone, repeat }: Reminder) {
  return { id, text, repeat, next: dueAt && momentIn(new Date(dueAt), timeZone) };
}

function momentIn(at: Date, timeZone: string) {
  const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long', timeZone }).format(at);
  return { local_time: localTimeOf(at, timeZone), weekday, time_zone: timeZone };
}

/** The model may tell the caller what was refused, and nothing else. */
function explain(error: unknown): never {
  if (error instanceof llm.ToolError) throw error;
  const isRefusal = error instanceof AppError && ['invalid_input', 'conflict', 'not_found'].includes(error.code);
  throw new llm.ToolError(isRefusal ? error.message : 'The reminders can not be reached just now.');
}
