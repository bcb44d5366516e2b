import { voice } from '@livekit/agents';
import type { TurnsConfig } from '../../core/config/worker.ts';
import type { CallSession } from '../call.ts';
import type { ThinkingPauses } from './thinking-pauses.ts';

const { ConversationItemAdded, UserInputTranscribed } = voice.AgentSessionEventTypes;

/** What a pause may be longer by than the one before, and not be taken for the end of a turn. */
const marginMs = 200;
/** What is left of the additional wait after each turn that was not paused in. */
const keptShare = 0.8;

/** Bounds of the silence that ends a turn. */
export type EndpointingBounds = Pick<TurnsConfig, 'endpointingMinDelayMs' | 'endpointingMaxDelayMs'>;

/**
 * Dynamic endpointing: waits longer for the end of the turns of a person who pauses to think, by what their pauses are long, and
 * less again with each turn they speak without one. It learns from the first pause, since cutting somebody off twice is worse
 * than an answer that is late. Pauses shorter than the detector of voices notices are none, and neither are sounds without words.
 */
export function followPauses(session: CallSession, pauses: ThinkingPauses, bounds: EndpointingBounds): void {
  const { endpointingMinDelayMs: minDelayMs, endpointingMaxDelayMs: maxDelayMs } = bounds;
  let delayMs = minDelayMs;
  let pausedInTurn = false;
  const waitFor = (wantedMs: number) => {
    const boundedMs = Math.round(Math.max(minDelayMs, Math.min(wantedMs, maxDelayMs)));
    if (boundedMs === delayMs) return;
    delayMs = boundedMs;
    session.updateOptions({ turnHandling: { endpointing: { minDelay: delayMs } } });
  };

  session.on(UserInputTranscribed, ({ transcript }) => {
    const { pauseMs } = pauses;
    if (pauseMs === undefined || transcript.trim() === '') return;
    pausedInTurn = true;
    waitFor(Math.max(delayMs, pauseMs + marginMs));
  });
  session.on(ConversationItemAdded, ({ item }) => {
    if (item.type !== 'message' || item.role !== 'user' || item.metrics.stoppedSpeakingAt === undefined) return;
    if (!pausedInTurn) waitFor(minDelayMs + keptShare * (delayMs - minDelayMs));
    pausedInTurn = false;
  });
}
