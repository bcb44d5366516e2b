import type { voice } from '@livekit/agents';
import { sizes } from '../../core/limits.ts';
import type { Transcript } from './transcripts.ts';

/** What typed messages need of their surroundings. */
export interface TextInput<Message extends Transcript> {
  /** Rewrites a typed message as a spoken one would be. */
  normalize(text: string): Message;
  /**
   * Told of every message that is taken, before it is answered, and when it arrived, epoch milliseconds.
   * @returns whether somebody else answers it
   */
  onMessage(message: Message, arrivedAtMs: number): boolean;
  /** What to say to a message that is longer than `sizes.typedMessageCharacters`. */
  tooLong: string;
}

/**
 * Makes the handler of LiveKit's chat topic. The framework's own one calls `interrupt()`, which throws while speech may not
 * be interrupted, and the message is gone; here the reply queues behind that speech instead.
 */
export function textInputHandler<Message extends Transcript>(input: TextInput<Message>) {
  return async (session: voice.AgentSession, event: { text: string }): Promise<void> => {
    const arrivedAtMs = Date.now();
    const typed = event.text.trim();
    if (!typed) return;
    try {
      // Waited for, so that the words cut short are on record before the message that cut them.
      await session.interrupt().await;
    } catch {
      // Uninterruptible speech goes on; the reply waits for its turn.
    }
    if (typed.length > sizes.typedMessageCharacters) {
      session.say(input.tooLong);
      return;
    }
    const message = input.normalize(typed);
    if (!input.onMessage(message, arrivedAtMs)) session.generateReply({ userInput: message.text });
  };
}
