import { AudioFrame, AudioResampler } from '@livekit/rtc-node';

/** Both directions (developers.openai.com/api/docs/guides/realtime-conversations). */
export const sampleRateHz = 24_000;
export const bytesPerMs = (sampleRateHz / 1000) * 2;

/** Bytes of 16-bit audio, as the protocol wants them. */
export function toBase64(audio: Uint8Array): string {
  return Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString('base64');
}

/** Frames of any sample rate, one channel, become chunks of ours. */
export class InputAudio {
  #resampler: AudioResampler | undefined;
  #rateHz = 0;

  /** Copies: a frame's memory isn't ours. */
  chunks(frame: AudioFrame): Uint8Array[] {
    if (frame.samplesPerChannel === 0) return [];
    if (frame.sampleRate === sampleRateHz) return [bytesOf(frame)];
    if (this.#rateHz !== frame.sampleRate) {
      this.#rateHz = frame.sampleRate;
      this.#resampler = new AudioResampler(frame.sampleRate, sampleRateHz, 1);
    }
    return (this.#resampler?.push(frame) ?? []).map(bytesOf);
  }
}

function bytesOf({ data }: AudioFrame): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

/** Pieces of base64 become frames; a piece may end in the middle of a sample. */
export class OutputAudio {
  #rest: Buffer = Buffer.alloc(0);
  #samples = 0;

  /** How long all of it plays, in milliseconds. */
  get durationMs(): number {
    return (this.#samples * 1000) / sampleRateHz;
  }

  /** Undefined when the piece completes no sample. */
  frame(base64: string): AudioFrame | undefined {
    const bytes = Buffer.concat([this.#rest, Buffer.from(base64, 'base64')]);
    const length = bytes.length - (bytes.length % 2);
    this.#rest = bytes.subarray(length);
    if (length === 0) return undefined;
    // Copied, because a Buffer may start at an odd address and Int16Array may not.
    const samples = new Int16Array(Uint8Array.from(bytes.subarray(0, length)).buffer);
    this.#samples += samples.length;
    return new AudioFrame(samples, sampleRateHz, 1, samples.length);
  }
}

/** What was said lately, so that a new connection can be given it again. Positions count the bytes of the whole session. */
export class SpokenAudio {
  readonly #longestBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #start = 0;
  #end = 0;

  /** @param longestMs What is kept at most; the oldest audio goes first. */
  constructor(longestMs: number) {
    this.#longestBytes = longestMs * bytesPerMs;
  }

  /** Position of the first byte that is kept. */
  get start(): number {
    return this.#start;
  }

  /** Position after the last byte. */
  get end(): number {
    return this.#end;
  }

  /** Keeps a chunk; it must not be changed afterwards. */
  append(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#end += chunk.length;
    this.forgetUntil(this.#end - this.#longestBytes);
  }

  /** Forgets what lies before a position. */
  forgetUntil(position: number): void {
    for (let chunk = this.#chunks[0]; chunk && this.#start < position; chunk = this.#chunks[0]) {
      // Whole samples only, or everything after would be noise.
      const cut = Math.min(chunk.length, Math.ceil((position - this.#start) / 2) * 2);
      if (cut === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(cut);
      this.#start += cut;
    }
  }

  /** What is kept between two positions, in chunks. */
  between(from: number, to: number): Uint8Array[] {
    let at = this.#start;
    return this.#chunks.flatMap((chunk) => {
      const piece = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
      at += chunk.length;
      return piece.length ? [piece] : [];
    });
  }
}
