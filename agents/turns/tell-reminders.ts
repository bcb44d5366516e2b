import { reasonOf } from '../../core/errors.ts';
import { lifetimes } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import { topics } from '../../domain/conversation.ts';
import type { Reminder } from '../../domain/reminder.ts';
import { type CallSession, languageOf } from '../call.ts';
import { phrases } from './phrases.ts';
import type { SpokenAgent } from './spoken-agent.ts';

/** How reminders are told in a call. */
interface TellingOptions {
  session: Pick<CallSession, 'agentState' | 'userState' | 'currentAgent' | 'userData' | 'output'>;
  /** Whether the person hears the agent. */
  spoken: boolean;
  /** Nobody has spoken for so long: by then a turn has ended that was about to. */
  quietMs: number;
  log: Pick<Log, 'info' | 'warn'>;
}

/** Time to say the longest text, and to have it noted. */
const sayingMs = 25_000;
const pollMs = 50;

/**
 * Tells the person of the call what is due, once the service has sent word of it: in a pause of the conversation, each reminder and due
 * time once. What finds no pause in time, is cut off, or can't be noted afterwards goes out by other means.
 * @returns what to call on each word of the service
 */
export function reminderTelling(options: TellingOptions): () => Promise<void> {
  const told = new Set<string>();
  let telling = Promise.resolve();
  return () => {
    const deadlineMs = performance.now() + lifetimes.reminderOfferMs - sayingMs;
    telling = telling
      .then(() => tellDue(options, told, deadlineMs))
      .catch((error: unknown) => options.log.warn({ reason: reasonOf(error) }, 'reminders could not be told'));
    return telling;
  };
}

async function tellDue(options: TellingOptions, told: Set<string>, deadlineMs: number): Promise<void> {
  const { session, log } = options;
  const call = session.userData;
  for (const reminder of await call.backend.reminders.list('due')) {
    const name = `${reminder.id} ${reminder.dueAt}`;
    if (told.has(name)) continue;
    if (!(await isQuietBefore(options, deadlineMs))) return log.info('no pause for a reminder: it goes out otherwise');
    told.add(name);
    await tell(options, reminder);
  }
}

async function tell({ session }: TellingOptions, reminder: Reminder): Promise<void> {
  const call = session.userData;
  call.tell(topics.reminder, reminder);
  // Every agent of the roster is one.
  const agent = session.currentAgent as SpokenAgent;
  const speech = agent.open(phrases.reminder[languageOf(call)](reminder.text));
  await speech.waitForPlayout();
  if (!speech.interrupted && reminder.dueAt) await call.backend.reminders.noteTold(reminder.id, reminder.dueAt);
}

async function isQuietBefore({ session, spoken, quietMs }: TellingOptions, deadlineMs: number): Promise<boolean> {
  const isQuiet = () =>
    session.agentState === 'listening' &&
    session.userState !== 'speaking' &&
    // Who dictates is not spoken to, and a call on hold hears nothing.
    !session.userData.listener &&
    (!spoken || session.output.audioEnabled);
  let sinceMs = performance.now();
  while (performance.now() < deadlineMs) {
    if (!isQuiet()) sinceMs = performance.now();
    if (performance.now() - sinceMs >= quietMs) return true;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return false;
}
