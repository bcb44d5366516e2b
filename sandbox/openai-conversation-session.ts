import { RefusedEvent, type SessionChange, type TurnDetection } from './openai-conversation-events.ts';
import type { SpeechTiming } from './speech/speech-listener.ts';

/** Silence after which a turn counts as meant to end. */
const eagernessMs = { low: 1_500, medium: 700, auto: 700, high: 300 };
/** Longer than any test: without turn detection only a commit ends a turn. */
const neverMs = 2_000_000_000;

/** How a session is set, from the vendor's defaults on (developers.openai.com/api/docs/guides/realtime-conversations). */
export class SessionState {
  #config: SessionChange = {
    type: 'realtime',
    output_modalities: ['audio'],
    instructions: '',
    audio: {
      input: {
        turn_detection: {
          type: 'server_vad',
          create_response: true,
          interrupt_response: true,
          prefix_padding_ms: 300,
          silence_duration_ms: 500,
        },
      },
      output: { voice: 'alloy' },
    },
  };

  get config(): SessionChange {
    return this.#config;
  }

  get turnDetection(): TurnDetection | undefined {
    return this.#config.audio?.input?.turn_detection ?? undefined;
  }

  /** @throws RefusedEvent for another voice once the model has spoken. */
  update(change: SessionChange, hasSpoken: boolean): void {
    const { audio, ...rest } = change;
    const { input, output } = this.#config.audio ?? {};
    if (hasSpoken && audio?.output?.voice && audio.output.voice !== output?.voice) {
      const message = "Cannot update a conversation's voice if assistant audio is present.";
      throw new RefusedEvent('cannot_update_voice', message, 'session.audio.output.voice');
    }
    this.#config = {
      ...this.#config,
      ...rest,
      audio: { input: { ...input, ...audio?.input }, output: { ...output, ...audio?.output } },
    };
  }

  /** When a turn is over; `finalMs` from the arrival of its last voiced audio. */
  timing(finalMs: number): SpeechTiming {
    const detection = this.turnDetection;
    if (!detection) return { silenceMs: neverMs, finalMs: neverMs };
    const silenceMs =
      detection.type === 'server_vad' ? detection.silence_duration_ms : eagernessMs[detection.eagerness];
    return { silenceMs, finalMs };
  }
}
