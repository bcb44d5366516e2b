import { AudioFrame } from '@livekit/rtc-node';

/** Voiced, at the least: -44 dBFS, of full scale 1. */
const quietestVoice = 0.006;
/** A voice stands out from what hums all the time by this factor (some 10 dB). */
const aboveNoise = 3;
/** How fast the noise floor follows when it gets louder: some 4 dB a second. A voice falls back to it between its words. */
const floorRisePerMs = 1.0005;
/** Kept of silence, so that the soft beginning of a word isn't lost. */
const prerollSeconds = 0.5;
/** A pause this long lies between words, not within one. */
const gapSeconds = 0.2;
/** How far from the end of a last word the pause after it is looked for. */
const pauseWithinSeconds = 0.4;
/** Less audio than this is none. */
const epsilonSeconds = 0.005;

/** Tells voices from silence and from steady noise by their energy alone. */
export class VoiceGate {
  #floor = 1e-4;

  /** Whether a frame, taken in after those before, is voiced. */
  isVoiced({ data, samplesPerChannel, sampleRate }: AudioFrame): boolean {
    const level = rootMeanSquare(data);
    const risen = this.#floor * floorRisePerMs ** ((samplesPerChannel / sampleRate) * 1000);
    this.#floor = Math.max(1e-4, Math.min(level, risen));
    return level >= Math.max(quietestVoice, aboveNoise * this.#floor);
  }
}

interface Kept {
  frame: AudioFrame;
  startSeconds: number;
  endSeconds: number;
  voiced: boolean;
}

/** The audio of one stream that no final transcript covers yet, with its place in the stream. Of silence only the last is kept. */
export class OpenAudio {
  readonly #longestSeconds: number;
  readonly #gate = new VoiceGate();
  #kept: Kept[] = [];
  #endSeconds = 0;

  /** @param longestSeconds what is kept at most; the oldest goes first */
  constructor(longestSeconds: number) {
    this.#longestSeconds = longestSeconds;
  }

  /** Where in the stream the kept audio begins. */
  get startSeconds(): number {
    return this.#kept[0]?.startSeconds ?? this.#endSeconds;
  }

  /** Where in the stream it ends: the length of all that was taken in. */
  get endSeconds(): number {
    return this.#endSeconds;
  }

  /** Whether somebody may have spoken in it. */
  get hasVoice(): boolean {
    return this.#kept.some(({ voiced }) => voiced);
  }

  /** The frames, which must not be changed. */
  get frames(): readonly { frame: AudioFrame; endSeconds: number }[] {
    return this.#kept;
  }

  /** Takes in a frame and gives a copy of it, since its memory is not ours. */
  push(given: AudioFrame): { frame: AudioFrame; voiced: boolean } {
    const frame = new AudioFrame(given.data.slice(), given.sampleRate, given.channels, given.samplesPerChannel);
    const voiced = this.#gate.isVoiced(frame);
    const startSeconds = this.#endSeconds;
    this.#endSeconds += frame.samplesPerChannel / frame.sampleRate;
    this.#kept.push({ frame, startSeconds, endSeconds: this.#endSeconds, voiced });
    this.#drop(this.#endSeconds - this.#longestSeconds);
    if (!this.hasVoice) this.forget();
    return { frame, voiced };
  }

  /**
   * Forgets what a final transcript covers: up to the pause after its last word.
   * @param untilSeconds where the last word ends in the stream; a recogniser that doesn't know gives something out of range
   */
  acknowledge(untilSeconds: number): void {
    const isKnown = untilSeconds > this.startSeconds && untilSeconds <= this.#endSeconds + pauseWithinSeconds;
    this.#drop(isKnown ? this.#pauseAfter(untilSeconds) : this.#lastPause());
    if (!this.hasVoice) this.forget();
  }

  /** Forgets all but the last moment. */
  forget(): void {
    this.#drop(this.#endSeconds - prerollSeconds);
  }

  #pauseAfter(seconds: number): number {
    const pause = this.#kept.find(({ endSeconds, voiced }) => !voiced && endSeconds > seconds);
    return pause && pause.startSeconds <= seconds + pauseWithinSeconds
      ? Math.max(seconds, pause.startSeconds)
      : seconds;
  }

  /** Where the words begin that are being spoken now; the end of all audio when nobody speaks. */
  #lastPause(): number {
    let begin = this.#endSeconds;
    for (const { startSeconds, voiced } of this.#kept.toReversed()) {
      if (voiced) begin = startSeconds;
      else if (begin - startSeconds >= gapSeconds) return begin;
    }
    return this.#endSeconds;
  }

  #drop(untilSeconds: number): void {
    const first = this.#kept.findIndex(({ endSeconds }) => endSeconds > untilSeconds + epsilonSeconds);
    this.#kept = first < 0 ? [] : this.#kept.slice(first);
  }
}

/** Root mean square of samples, of full scale 1. */
export function rootMeanSquare(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length ? Math.sqrt(sum / samples.length) / 32_768 : 0;
}
