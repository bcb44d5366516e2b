import type { voice } from '@livekit/agents';
import type { Call } from '../call.ts';

/** Runs a write that a caller's word must not cut off; the reply that follows may be interrupted again. */
export async function uninterrupted<T>(ctx: voice.RunContext<Call>, write: () => Promise<T>): Promise<T> {
  ctx.disallowInterruptions();
  try {
    return await write();
  } finally {
    ctx.speechHandle.allowInterruptions = true;
  }
}
