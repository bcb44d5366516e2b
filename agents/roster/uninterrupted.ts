import type { voice } from '@livekit/agents';
import type { Call } from '../call.ts';

/** How many writes are under way, by the reply that asked for them: a model may call several tools at once. */
const writes = new WeakMap<voice.SpeechHandle, number>();

/** Runs a write that a caller's word must not cut off; the reply that follows may be interrupted again. */
export async function uninterrupted<T>(ctx: voice.RunContext<Call>, write: () => Promise<T>): Promise<T> {
  const { speechHandle } = ctx;
  ctx.disallowInterruptions();
  writes.set(speechHandle, (writes.get(speechHandle) ?? 0) + 1);
  try {
    return await write();
  } finally {
    const left = (writes.get(speechHandle) ?? 1) - 1;
    writes.set(speechHandle, left);
    if (left === 0) speechHandle.allowInterruptions = true;
  }
}
