import { inference, type voice } from '@livekit/agents';
import type { TurnDetection, TurnsConfig } from '../../core/config/worker.ts';
import { TextEndOfTurn } from './end-of-turn.ts';

/** Longer than any sound: what a voice does to an agent is decided in `turns/barge-in.ts`. */
const interruptionMinDurationMs = 3_600_000;
/** How often a reply may be begun ahead of one turn, and how long a turn may be for that. */
const speculationLimits = { maxRetries: 8, maxSpeechDuration: 30_000 } as const;

/** How the turns of one call are taken. */
export interface TurnHandlingOptions {
  spoken: boolean;
  turns: TurnsConfig;
  detection: TurnDetection;
  /** BCP 47 tag of what the person speaks; empty when it is not known. */
  language(): string;
}

/** The framework's settings for it. */
export function turnHandling(options: TurnHandlingOptions): voice.AgentSessionOptions['turnHandling'] {
  const { spoken, turns, detection, language } = options;
  if (!spoken) return { turnDetection: null };
  const enabled = turns.speculation !== 'off';
  return {
    turnDetection: detectorOf(detection, language),
    interruption: { mode: 'vad', minDuration: interruptionMinDurationMs },
    endpointing: { minDelay: turns.endpointingMinDelayMs, maxDelay: turns.endpointingMaxDelayMs },
    preemptiveGeneration: { enabled, preemptiveTts: enabled, ...speculationLimits },
  };
}

/** Named explicitly: left alone, the framework may choose detectors that run in LiveKit's cloud. */
function detectorOf(detection: TurnDetection, language: () => string) {
  if (detection === 'model') return new inference.TurnDetector({ version: 'v1-mini' });
  return detection === 'text' ? new TextEndOfTurn(language) : detection;
}
