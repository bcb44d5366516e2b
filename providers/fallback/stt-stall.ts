/** A cough, a click: shorter sounds are no speech worth a transcript. */
const shortestSpeechMs = 400;
/** Sounds further apart than this have nothing to do with each other. */
const togetherMs = 1_000;
/** A recogniser without interim results says nothing until somebody has been silent for this long. */
const endOfSpeechMs = 500;
/** After this much silence what was taken for noise is forgotten. */
const newStretchMs = 2_000;

/** Notices that somebody speaks and nothing is recognised. Times are those of the clock: audio comes as it is spoken. */
export class StallWatch {
  readonly #stallTimeoutMs: number;
  readonly #onStall: () => void;
  #givesInterims = true;
  #voicedMs = 0;
  #beganAtMs = 0;
  #lastVoiceAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isNoise = false;

  constructor(stallTimeoutMs: number, onStall: () => void) {
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#onStall = onStall;
  }

  /** Time since a voice was last heard. */
  get silentMs(): number {
    return performance.now() - this.#lastVoiceAtMs;
  }

  /** Another recogniser listens from now on, to what was said before as well. */
  restart(givesInterims: boolean): void {
    this.#givesInterims = givesInterims;
    this.stop();
    this.#beganAtMs = performance.now();
    this.#schedule();
  }

  /** Somebody makes a sound. Gives true when a new stretch of it begins. */
  voiced(durationMs: number): boolean {
    const now = performance.now();
    const pauseMs = now - this.#lastVoiceAtMs;
    const isNew = pauseMs > newStretchMs;
    if (isNew) this.#isNoise = false;
    if (pauseMs > togetherMs && this.#voicedMs < shortestSpeechMs) this.#voicedMs = 0;
    if (this.#voicedMs === 0) this.#beganAtMs = now;
    this.#voicedMs += durationMs;
    this.#lastVoiceAtMs = now;
    if (!this.#timer) this.#schedule();
    return isNew;
  }

  /** Something was recognised. */
  answered(): void {
    this.#isNoise = false;
    this.#voicedMs = 0;
    this.stop();
  }

  /** Nobody recognises anything in this sound: it is none of speech. */
  takeForNoise(): void {
    this.#isNoise = true;
    this.#voicedMs = 0;
    this.stop();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    if (this.#isNoise || this.#voicedMs < shortestSpeechMs) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#dueInMs() > 0) this.#schedule();
      else this.#onStall();
    }, this.#dueInMs());
  }

  #dueInMs(): number {
    const since = this.#givesInterims
      ? this.#beganAtMs
      : Math.max(this.#beganAtMs, this.#lastVoiceAtMs + endOfSpeechMs);
    return since + this.#stallTimeoutMs - performance.now();
  }
}
