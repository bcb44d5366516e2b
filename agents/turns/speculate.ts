import { stt } from '@livekit/agents';
import { looksUnfinished } from '../../domain/unfinished.ts';

/** How eagerly replies are begun before the recogniser is sure. */
export interface SpeculationOptions {
  /** How long an interim transcript has to stand to be taken for the whole turn. */
  stableForMs: number;
  /** Shorter ones are seldom a whole turn. */
  minWords: number;
}

/** What suits recognisers that send a new interim transcript with about each word. */
export const speculationDefaults = { stableForMs: 60, minWords: 2 } as const;

type Events = Pick<stt.SpeechStream, 'next'>;

/**
 * Tells of stable interim transcripts as preflight ones, at which the framework begins a reply ahead of the end of the turn. It
 * is dropped when the person goes on, and nothing of it is played, kept or written before the turn is committed. Interims that
 * break off where a sentence goes on are left alone: nobody would answer them.
 */
export class Speculation {
  readonly #options: SpeculationOptions;
  readonly #source: Events;
  readonly #ready: stt.SpeechEvent[] = [];
  #pending: Promise<IteratorResult<stt.SpeechEvent>> | undefined;
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #told = '';

  constructor(source: Events, options: SpeculationOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** The next event, of the recogniser or ours. */
  async next(): Promise<IteratorResult<stt.SpeechEvent>> {
    for (;;) {
      const ours = this.#ready.shift();
      if (ours) return { done: false, value: ours };
      this.#pending ??= this.#source.next();
      const woken = new Promise<undefined>((resolve) => {
        this.#wake = () => resolve(undefined);
      });
      const result = await Promise.race([this.#pending, woken]);
      if (!result) continue;
      this.#pending = undefined;
      if (result.done) this.close();
      else this.#follow(result.value);
      return result;
    }
  }

  /** Stops the timer. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #follow(event: stt.SpeechEvent): void {
    if (event.type === stt.SpeechEventType.RECOGNITION_USAGE) return;
    clearTimeout(this.#timer);
    if (event.type === stt.SpeechEventType.FINAL_TRANSCRIPT) this.#told = '';
    if (event.type !== stt.SpeechEventType.INTERIM_TRANSCRIPT) return;
    const [best] = event.alternatives ?? [];
    if (!best || best.text === this.#told || !this.#isWhole(best)) return;
    this.#timer = setTimeout(() => {
      this.#told = best.text;
      this.#ready.push({ ...event, type: stt.SpeechEventType.PREFLIGHT_TRANSCRIPT });
      this.#wake();
    }, this.#options.stableForMs);
  }

  #isWhole({ text, language }: stt.SpeechData): boolean {
    return text.trim().split(/\s+/).length >= this.#options.minWords && !looksUnfinished(text, language);
  }
}
