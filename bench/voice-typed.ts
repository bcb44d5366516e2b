import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from './voice-call.ts';
import { firstVoicedAfter, quiet } from './voice-call.ts';

/** How soon a typed message was answered, in milliseconds since it was sent. */
export interface TypedTurn {
  firstTranscriptMs: number;
  firstAudioMs: number;
}

const messages = ['tell me about the harbour', 'what can you do for me', 'remind me of the flowers'];
const transcriptTimeoutMs = 10_000;

/** Types `count` messages, each after the answer to the one before. */
export async function measureTyped({ caller, shown }: Call, count: number): Promise<TypedTurn[]> {
  const turns: TypedTurn[] = [];
  for (let index = 0; index < count; index++) {
    const sentAtMs = await caller.type(messages[index % messages.length] as string);
    const audioAtMs = await firstVoicedAfter(caller, sentAtMs);
    await quiet(caller);
    const first = await transcriptAfter(sentAtMs);
    turns.push({ firstTranscriptMs: first - sentAtMs, firstAudioMs: audioAtMs - sentAtMs });
  }
  return turns;

  /** A segment is told of once it is complete, which can be after its audio. */
  async function transcriptAfter(momentMs: number): Promise<number> {
    const deadline = performance.now() + transcriptTimeoutMs;
    for (;;) {
      const times = shown
        .filter(({ speaker, firstTextAtMs }) => speaker === 'agent' && firstTextAtMs > momentMs)
        .map(({ firstTextAtMs }) => firstTextAtMs);
      if (times.length) return Math.min(...times);
      if (performance.now() > deadline) throw new Error('an answer to a typed message was never written');
      await sleep(20);
    }
  }
}
