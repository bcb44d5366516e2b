import { SpeechItems } from './openai-items.ts';
import { bytesPerSecond, type TranscriptionConnection } from './openai-realtime.ts';

/** What belongs to the present session: its speech, and its clock, which silence of our own sets forward. */
export class Serving {
  readonly connection: TranscriptionConnection;
  readonly items = new SpeechItems();
  readonly since = performance.now();
  forgetting: NodeJS.Timeout | undefined;
  finishing: NodeJS.Timeout | undefined;
  /** What had been sent when silence was last forgotten. */
  sentBeforeMs = 0;
  /** Speech that began before this is wanted at once. */
  flushedUntilMs = 0;
  /** Whether the vendor has found whatever speech there is in the whole input. */
  isHeardOut = false;
  readonly #silences: { fromMs: number; lengthMs: number }[] = [];
  #reportedSeconds = 0;

  constructor(connection: TranscriptionConnection) {
    this.connection = connection;
  }

  /** The vendor's clock: milliseconds of audio it was sent. */
  get sentMs(): number {
    return (this.connection.sentBytes / bytesPerSecond) * 1000;
  }

  insertSilence(lengthMs: number): void {
    this.#silences.push({ fromMs: this.sentMs, lengthMs });
    this.connection.send(new Uint8Array((lengthMs * bytesPerSecond) / 1000));
  }

  /** Seconds of the stream's own audio at a time of the vendor's clock. */
  inputSeconds(atMs: number): number {
    let insertedMs = 0;
    for (const { fromMs, lengthMs } of this.#silences) insertedMs += Math.min(Math.max(atMs - fromMs, 0), lengthMs);
    return (atMs - insertedMs) / 1000;
  }

  /** Seconds of the stream's audio that were sent since the last time. */
  takeUsage(): number {
    const seconds = this.inputSeconds(this.sentMs) - this.#reportedSeconds;
    this.#reportedSeconds += seconds;
    return seconds;
  }
}
