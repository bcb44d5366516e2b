import { beforeEach, describe, expect, test, vi } from 'vitest';
import { reminderTelling } from '../../agents/turns/tell-reminders.ts';
import { AppError } from '../../core/errors.ts';
import { topics } from '../../domain/conversation.ts';
import type { Reminder } from '../../domain/reminder.ts';

const dueAt = '2026-11-23T08:00:00.000Z';

function reminder(id: string): Reminder {
  const rest = { at: '2026-11-23T09:00', timeZone: 'Europe/Amsterdam', repeat: null, createdAt: dueAt };
  return { id, text: `text ${id}`, dueAt, ...rest, deliveredAt: null, deliveredBy: null, missed: false };
}

/** A session of which the test says who speaks, and what was done in it. */
function newSession(due: Reminder[]) {
  const done: string[] = [];
  const speech = { interrupted: false, waitForPlayout: async () => void done.push('played') };
  const list = vi.fn(async () => due);
  const session = {
    agentState: 'listening',
    userState: 'listening',
    output: { audioEnabled: true },
    currentAgent: {
      open(line: string) {
        done.push(line);
        return speech;
      },
    },
    userData: {
      language: 'en',
      heardLanguage: 'nl-NL',
      listener: undefined as object | undefined,
      tell: (topic: string, { id }: Reminder) => done.push(`${topic} ${id}`),
      backend: { reminders: { list, noteTold: async (id: string, at: string) => void done.push(`noted ${id} ${at}`) } },
    },
  };
  const log = { info: vi.fn(), warn: vi.fn() };
  // Only what is used of a session is made.
  const notice = reminderTelling({ session: session as never, spoken: true, quietMs: 1_000, log });
  return { session, speech, done, list, log, notice };
}

const told = (id: string) => [`${topics.reminder} ${id}`, `U wilde hieraan herinnerd worden: text ${id}`, 'played'];

describe('telling reminders', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    return () => void vi.useRealTimers();
  });

  test('waits for a pause of both, then says each once and has it noted', async () => {
    const { session, done, notice } = newSession([reminder('a'), reminder('b')]);
    session.userState = 'speaking';
    const telling = notice();
    await vi.advanceTimersByTimeAsync(3_000);
    session.userState = 'listening';
    session.agentState = 'thinking';
    await vi.advanceTimersByTimeAsync(3_000);
    session.agentState = 'listening';
    await vi.advanceTimersByTimeAsync(900);
    expect(done).toEqual([]);
    await vi.advanceTimersByTimeAsync(3_000);
    await telling;
    const all = [...told('a'), `noted a ${dueAt}`, ...told('b'), `noted b ${dueAt}`];
    expect(done).toEqual(all);
    const again = Promise.all([notice(), notice()]);
    await vi.advanceTimersByTimeAsync(3_000);
    await again;
    expect(done).toEqual(all);
  });

  test.each([
    ['somebody speaks the whole time', { userState: 'speaking' }],
    ['the agent speaks the whole time', { agentState: 'speaking' }],
    ['the call is on hold', { output: { audioEnabled: false } }],
  ])('leaves it to other means while %s', async (_name, state) => {
    const { session, done, log, notice } = newSession([reminder('a')]);
    Object.assign(session, state);
    const telling = notice();
    await vi.advanceTimersByTimeAsync(21_000);
    await telling;
    expect(done).toEqual([]);
    expect(JSON.stringify(log.info.mock.calls)).not.toContain('text a');
  });

  test('leaves who dictates alone, and has nothing noted that was cut off', async () => {
    const { session, speech, done, notice } = newSession([reminder('a')]);
    session.userData.listener = {};
    const first = notice();
    await vi.advanceTimersByTimeAsync(21_000);
    await first;
    expect(done).toEqual([]);
    session.userData.listener = undefined;
    speech.interrupted = true;
    const second = notice();
    await vi.advanceTimersByTimeAsync(3_000);
    await second;
    expect(done).toEqual(told('a'));
  });

  test('goes on after the API was away, and logs no words', async () => {
    const { done, list, log, notice } = newSession([reminder('a')]);
    list.mockRejectedValueOnce(new AppError('unavailable', 'The API could not be reached.'));
    await notice();
    expect(log.warn).toHaveBeenCalledWith({ reason: 'The API could not be reached.' }, expect.any(String));
    const telling = notice();
    await vi.advanceTimersByTimeAsync(3_000);
    await telling;
    expect(done).toEqual([...told('a'), `noted a ${dueAt}`]);
  });
});
