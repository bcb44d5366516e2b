import { voice } from '@livekit/agents';
import type { CallSession } from '../call.ts';

const { AgentStateChanged, UserInputTranscribed, UserStateChanged } = voice.AgentSessionEventTypes;

/**
 * Ends a reply for good as soon as the caller is heard to say words over it. The framework pauses it at the sound of a
 * voice, goes on after a cough, and ends it at the final transcript: until then the model and the voice would work on
 * for nobody, and the answer begun ahead of the end of the turn would be thrown away, made before the cut was on record.
 */
export function yieldToWords(session: CallSession): void {
  let paused = false;
  let words = false;
  const yieldIfMeant = () => {
    if (!paused || !words) return;
    try {
      session.interrupt();
    } catch {
      // The reply is saving something by now: the framework goes on with it.
    }
  };
  session.on(AgentStateChanged, ({ oldState, newState }) => {
    paused = oldState === 'speaking' && newState === 'listening' && session.userState === 'speaking';
    yieldIfMeant();
  });
  session.on(UserInputTranscribed, ({ transcript, isFinal }) => {
    words = !isFinal && transcript.trim() !== '';
    yieldIfMeant();
  });
  session.on(UserStateChanged, () => {
    words = false;
  });
}
