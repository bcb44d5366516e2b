import type { voice } from '@livekit/agents';
import { type Call, languageOf } from '../call.ts';
import { phrases } from '../turns/phrases.ts';
import { asideMark } from '../turns/spoken-agent.ts';

/**
 * Has the caller not wait in silence for a tool that takes its time: the apology for a turn without an answer waits for the tool
 * and for the reply to it, and a filler is said meanwhile.
 * @param longestMs how long the tool can take
 */
export async function whileWaiting<T>(
  { session, userData }: Pick<voice.RunContext<Call>, 'session' | 'userData'>,
  longestMs: number,
  run: () => Promise<T>,
): Promise<T> {
  const { watch } = userData;
  if (!watch) return run();
  const settled = new AbortController();
  const answered = watch.waitingFor(longestMs);
  if (session.output.audio) void sayFiller(settled.signal);
  try {
    return await run();
  } finally {
    settled.abort();
    answered();
  }

  async function sayFiller(signal: AbortSignal): Promise<void> {
    if (!(await watch?.fillerDue(signal))) return;
    userData.recovered({ kind: 'filler' });
    session.say(asideMark + phrases.filler[languageOf(userData)], { addToChatCtx: false });
  }
}
