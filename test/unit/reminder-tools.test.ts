import { initializeLogger, llm, type voice } from '@livekit/agents';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Call } from '../../agents/call.ts';
import { reminderTools } from '../../agents/roster/reminder-tools.ts';
import { AppError } from '../../core/errors.ts';
import { mergePatch, type PreferenceValues } from '../../domain/preferences.ts';
import type { NewReminder, Reminder } from '../../domain/reminder.ts';

/** A call whose backend is in memory; `refusal` is what it answers to every change instead. */
function callWith({ preferences = {}, refusal }: { preferences?: PreferenceValues; refusal?: Error } = {}) {
  const kept = { preferences, reminders: [] as Reminder[] };
  const backend = {
    preferences: async () => kept.preferences,
    async changePreferences(patch: PreferenceValues) {
      kept.preferences = mergePatch(kept.preferences, patch);
      return kept.preferences;
    },
    reminders: {
      list: async () => kept.reminders,
      create: vi.fn(async (wanted: NewReminder) => {
        if (refusal) throw refusal;
        const dueAt = '2026-11-23T08:00:00.000Z';
        const rest = { createdAt: dueAt, deliveredAt: null, deliveredBy: null, missed: false };
        const made: Reminder = { ...wanted, dueAt, ...rest };
        kept.reminders.push(made);
        return made;
      }),
      async cancel(id: string) {
        if (refusal) throw refusal;
        kept.reminders = kept.reminders.filter((each) => each.id !== id);
      },
    },
  };
  const speech = { allowInterruptions: true };
  const disallowInterruptions = () => {
    speech.allowInterruptions = false;
  };
  // Only what is used of a run is made.
  const ctx = { userData: { backend }, disallowInterruptions, speechHandle: speech };
  const use = async (name: string, input: object = {}): Promise<unknown> => {
    const tool = reminderTools.find((each) => each.name === name) as unknown as {
      execute(input: object, options: object): Promise<unknown>;
    };
    return tool.execute(input, { ctx: ctx as unknown as voice.RunContext<Call>, toolCallId: 'a' });
  };
  return { kept, use, create: backend.reminders.create, speech };
}

const wanted = { text: 'call the garage', local_time: '2026-11-23T09:00', repeat: null };
const amsterdam = { companion: { time_zone: 'Europe/Amsterdam' } };

describe('the tools for reminders', () => {
  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  test('set one where the caller is, once however often they are called, and cancel it', async () => {
    const { kept, use, create, speech } = callWith({ preferences: amsterdam });
    const set = await use('set_reminder', { ...wanted, time_zone: null });
    expect(set).toEqual({
      id: kept.reminders[0]?.id,
      text: 'call the garage',
      repeat: null,
      next: { local_time: '2026-11-23T09:00', weekday: 'Monday', time_zone: 'Europe/Amsterdam' },
    });
    expect(await use('set_reminder', { ...wanted, time_zone: null })).toEqual(set);
    expect(create).toHaveBeenCalledOnce();
    expect(speech.allowInterruptions).toBe(true);
    expect(await use('list_reminders')).toEqual({ reminders: [set] });
    const { id } = kept.reminders[0] as Reminder;
    expect(await use('cancel_reminder', { id })).toEqual({ cancelled: id });
    expect(await use('list_reminders')).toEqual({ reminders: [] });
  });

  test('have the model ask where the caller is, and keep what it learns', async () => {
    const { kept, use } = callWith({ preferences: { theme: 'dark', timeZone: 'Mars/Olympus' } });
    await expect(use('get_time', { time_zone: null })).rejects.toThrow(/ask in which city/);
    await expect(use('set_reminder', { ...wanted, time_zone: null })).rejects.toThrow(llm.ToolError);
    await expect(use('set_reminder', { ...wanted, time_zone: 'Amsterdam' })).rejects.toThrow(/no IANA time zone/);
    expect(kept.reminders).toEqual([]);
    await use('set_reminder', { ...wanted, time_zone: 'Europe/Amsterdam' });
    expect(kept.preferences).toMatchObject({ theme: 'dark', ...amsterdam });
    // Another zone that is meant once is not where they live.
    await use('set_reminder', { ...wanted, time_zone: 'Asia/Kolkata' });
    expect(kept.preferences).toMatchObject(amsterdam);
    expect(kept.reminders.map(({ timeZone }) => timeZone)).toEqual(['Europe/Amsterdam', 'Asia/Kolkata']);
  });

  test('tell the time by the zone that the app keeps, or another one', async () => {
    const { use } = callWith({ preferences: { timeZone: 'Etc/UTC' } });
    const shape = { local_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/), weekday: expect.any(String) };
    expect(await use('get_time', { time_zone: null })).toEqual({ ...shape, time_zone: 'Etc/UTC' });
    expect(await use('get_time', { time_zone: 'Asia/Kolkata' })).toEqual({ ...shape, time_zone: 'Asia/Kolkata' });
  });

  test.each([
    [AppError.field('at', 'is past in that time zone'), 'at: is past in that time zone'],
    [new AppError('conflict', 'You have 100 reminders to come'), 'You have 100 reminders'],
    [new AppError('unavailable', 'The API could not be reached.'), 'can not be reached just now'],
    [new TypeError('Ann is undefined'), 'can not be reached just now'],
  ])('tell the model what was refused, and nothing else: %s', async (refusal, told) => {
    const { use } = callWith({ preferences: amsterdam, refusal });
    for (const [name, input] of [
      ['set_reminder', { ...wanted, time_zone: null }],
      ['cancel_reminder', { id: 'a' }],
    ] as const) {
      const error = await use(name, input).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(llm.ToolError);
      expect(String(error)).toContain(told);
    }
  });
});
