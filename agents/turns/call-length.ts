import { voice } from '@livekit/agents';
import type { Call, CallSession } from '../call.ts';
import { languageOf } from '../call.ts';
import { phrases } from './phrases.ts';

/** How long before its end the person is told that the call ends. */
const warningMs = 60_000;

/** Bounds of a call. */
export interface CallLengthOptions {
  /** Longest call, from now. */
  callMaxMs: number;
  /** Ends the call for everyone in it. */
  end(): void;
}

/**
 * Ends a call that has gone on for as long as one may: the person is told a minute before, and with a goodbye. Asks a person who
 * has been silent for the session's `userAwayTimeout` whether they are still there.
 */
export function boundCall(session: CallSession, call: Call, { callMaxMs, end }: CallLengthOptions): void {
  const { Close, UserStateChanged } = voice.AgentSessionEventTypes;
  const say = (phrase: 'endsSoon' | 'goodbye' | 'stillThere') =>
    session.say(phrases[phrase][languageOf(call)], { addToChatCtx: false, allowInterruptions: phrase !== 'goodbye' });
  const timers = [
    setTimeout(async () => {
      await say('goodbye')
        .waitForPlayout()
        .catch(() => undefined);
      end();
    }, callMaxMs),
  ];
  if (callMaxMs > warningMs) timers.push(setTimeout(() => void say('endsSoon'), callMaxMs - warningMs));
  session.on(Close, () => {
    for (const timer of timers) clearTimeout(timer);
  });
  session.on(UserStateChanged, ({ newState }) => {
    if (newState === 'away' && session.agentState === 'listening') say('stillThere');
  });
}
