import { voice } from '@livekit/agents';
import type { CallSession } from '../call.ts';

/**
 * Lets the transcript of a reply run ahead of its audio where the person has typed: they read it, and would wait for the voice.
 * Replies to speech keep pace with the voice, which tells how much of them was heard when they are cut off.
 */
export class TranscriptPace {
  readonly #session: CallSession;

  constructor(session: CallSession) {
    this.#session = session;
    session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
      if (item.type === 'message' && item.role === 'user' && item.metrics?.stoppedSpeakingAt !== undefined) {
        this.#setSynchronized(true);
      }
    });
  }

  /** A message was typed; its reply is next. */
  typed(): void {
    this.#setSynchronized(false);
  }

  /** The framework has no option for single replies, and keeps its synchronizer to itself. */
  #setSynchronized(enabled: boolean): void {
    const output = this.#session.output.transcription as { synchronizer?: { enabled: boolean } } | null;
    if (output?.synchronizer) output.synchronizer.enabled = enabled;
  }
}
