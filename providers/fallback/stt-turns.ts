import { stt } from '@livekit/agents';

/** Keeps starts and ends of speech in pairs, whichever recognisers tell of them. */
export class SpeechTurns {
  readonly #put: (event: stt.SpeechEvent) => void;
  #isSpeaking = false;

  constructor(put: (event: stt.SpeechEvent) => void) {
    this.#put = put;
  }

  /** Whether a start was told and its end wasn't. */
  get isSpeaking(): boolean {
    return this.#isSpeaking;
  }

  /** Somebody speaks: told unless it is known. */
  start(event: stt.SpeechEvent = { type: stt.SpeechEventType.START_OF_SPEECH }): void {
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    this.#put(event);
  }

  /** Nobody speaks any more: told unless it is known. */
  end(event: stt.SpeechEvent = { type: stt.SpeechEventType.END_OF_SPEECH }): void {
    if (!this.#isSpeaking) return;
    this.#isSpeaking = false;
    this.#put(event);
  }
}
