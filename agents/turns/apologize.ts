import { voice } from '@livekit/agents';
import type { Log } from '../../core/log.ts';
import type { Call, CallSession } from '../call.ts';
import { phrases } from './phrases.ts';

const { Error: Failed, SpeechCreated, UserTranscriptionTimeout } = voice.AgentSessionEventTypes;

/** Shorter sounds without words are no speech worth an apology. */
const shortestSpeechMs = 1_000;

/**
 * Says so when a caller would meet silence: a reply that failed, which the framework tells nobody but its `error` event,
 * and speech that gave no words within the session's `transcriptionTimeout`.
 */
export function apologize(session: CallSession, call: Call, log: Log): void {
  const say = (phrase: 'noAnswer' | 'notHeard') => session.say(phrases[phrase][call.language], { addToChatCtx: false });
  let failedReplies = 0;
  session.on(Failed, ({ error }) => {
    const failure = error as { type?: string; label?: string; recoverable?: boolean };
    log.warn({ failure: failure.type, provider: failure.label, recoverable: failure.recoverable }, 'a provider failed');
    if (failure.type === 'llm_error' && !failure.recoverable) failedReplies += 1;
  });
  session.on(SpeechCreated, ({ source, speechHandle }) => {
    if (source !== 'generate_reply') return;
    const failedBefore = failedReplies;
    // Not at the failure: a reply begun ahead of the end of its turn fails before it, and that end would cut this off.
    speechHandle.addDoneCallback(({ interrupted }) => {
      if (failedReplies > failedBefore && !interrupted) say('noAnswer');
    });
  });
  session.on(UserTranscriptionTimeout, ({ speechDuration }) => {
    if (speechDuration < shortestSpeechMs) return;
    log.warn('speech gave no words');
    say('notHeard');
  });
}
