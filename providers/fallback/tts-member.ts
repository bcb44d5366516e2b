import { APIConnectionError, APITimeoutError, type tts } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { isSpeakable, type Segment } from '../tts/segments.ts';
import { reasonOf } from './event.ts';
import type { VendorHealth } from './health.ts';
import type { Abandoned, Attempt, FallbackOptions } from './member.ts';
import { MemberAudio } from './tts-audio.ts';
import { SpokenText } from './tts-unspoken.ts';

/** A voice that gives silence for this long in the middle of a text gives no speech any more. */
const longestSilenceSeconds = 3;

export type TtsMetrics = Parameters<tts.TTSCallbacks['metrics_collected']>[0];
export type TtsAttempt = Attempt<TtsMetrics>;

/** What all streams of a composite share. */
export interface SpeakerContext {
  /** Of the members, in the order in which they are preferred. */
  keys: readonly string[];
  health: VendorHealth;
  sampleRateHz: number;
  firstAudioTimeoutMs: number;
  stallTimeoutMs: number;
  onFallback: FallbackOptions['onFallback'];
  /** Whether the composite was closed, which cuts everything short. */
  isClosed(): boolean;
  /** Opens a stream of the member an attempt is of. */
  open(attempt: TtsAttempt): { stream: tts.SynthesizeStream; sampleRateHz: number };
  /** Runs something as part of an attempt. */
  within(attempt: TtsAttempt, run: () => void): void;
  /** The attempt came to nothing; what its member measured is told of. */
  abandon(attempt: TtsAttempt): void;
}

/** What a member is to say, and to whom. */
export interface MemberSpeechOptions {
  signal: AbortSignal;
  /** Where in the segment's text the member begins. */
  from: number;
  /** Nobody would come after it: it gets its adapter's own patience. */
  isLast: boolean;
  onText(): void;
  onAudio(frame: AudioFrame, final: boolean): void;
}

/** What one member says of a segment. */
export class MemberSpeech {
  readonly #context: SpeakerContext;
  readonly #attempt: TtsAttempt;
  readonly #segment: Segment;
  readonly #options: MemberSpeechOptions;
  readonly #stream: tts.SynthesizeStream;
  readonly #spoken = new SpokenText();
  readonly #audio: MemberAudio;
  #isOver = false;
  #isComplete = false;
  #wasAsked = false;
  #inputEnded = false;
  #lastTextAtMs = 0;
  /** When what was given out will have been played. */
  #playedAtMs = 0;

  /** Opens a stream of the member; throws what its adapter throws. */
  constructor(context: SpeakerContext, attempt: TtsAttempt, segment: Segment, options: MemberSpeechOptions) {
    this.#context = context;
    this.#attempt = attempt;
    this.#segment = segment;
    this.#options = options;
    const { stream, sampleRateHz } = context.open(attempt);
    this.#stream = stream;
    this.#audio = new MemberAudio(sampleRateHz, context.sampleRateHz);
  }

  /** Whether it was given anything to say. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** Length of the text, from where it began, that it has spoken. */
  get spokenLength(): number {
    return this.#audio.hasSound ? this.#spoken.spokenLength : 0;
  }

  silence(): AudioFrame {
    return this.#audio.silence();
  }

  /** Speaks to the end of the segment. Undefined when it came there, or was cut short. */
  async speak(): Promise<Abandoned | undefined> {
    const { signal, onAudio } = this.#options;
    const close = () => this.#stream.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    void this.#send();
    for await (const item of this.#stream) {
      if (signal.aborted || this.#attempt.late) break;
      if (typeof item === 'symbol') this.#isComplete = true;
      else this.#take(item);
    }
    this.#isOver = true;
    this.#attempt.rest();
    signal.removeEventListener('abort', close);
    close();
    for (const frame of this.#audio.end()) onAudio(frame, false);
    return this.#abandoned();
  }

  #abandoned(): Abandoned | undefined {
    const { key, late, error } = this.#attempt;
    const isSaid = this.#inputEnded && this.#audio.hasSound && this.#spoken.isComplete;
    if (error) return { reason: reasonOf(error), error };
    // Nothing was left to say.
    if (this.#inputEnded && !this.#wasAsked) return undefined;
    if (late === 'timeout') {
      return { reason: late, error: new APITimeoutError({ message: `${key} did not begin to speak in time` }) };
    }
    // All was said; only the vendor's word for it is missing.
    if (late && !isSaid) return { reason: late, error: new APITimeoutError({ message: `${key} fell silent` }) };
    if (late || (this.#isComplete && this.#audio.hasSound)) return undefined;
    const message = this.#isComplete ? `${key} gave no sound` : `${key} ended its speech too early`;
    return { reason: 'error', error: new APIConnectionError({ message }) };
  }

  /** Hands over the text that is left to say, as it comes, beginning with something that can be said. */
  async #send(): Promise<void> {
    let skip = this.#options.from;
    let held = '';
    for (let index = 0; ; index += 1) {
      const piece = await this.#segment.at(index);
      if (this.#isOver) return;
      if (piece === undefined) break;
      held += piece.slice(skip);
      skip = Math.max(0, skip - piece.length);
      if (!this.#wasAsked && !isSpeakable(held)) continue;
      this.#say(held);
      held = '';
    }
    this.#inputEnded = true;
    this.#context.within(this.#attempt, () => this.#stream.endInput());
    if (this.#wasAsked) this.#watch();
  }

  #say(text: string): void {
    if (!text) return;
    this.#options.onText();
    this.#spoken.push(text);
    this.#lastTextAtMs = performance.now();
    this.#context.within(this.#attempt, () => this.#stream.pushText(text));
    const isFirst = !this.#wasAsked;
    this.#wasAsked = true;
    if (isFirst || this.#audio.hasSound) this.#watch();
  }

  #take({ frame, final, timedTranscripts }: tts.SynthesizedAudio): void {
    const seconds = frame.samplesPerChannel / frame.sampleRate;
    this.#spoken.hear(seconds, timedTranscripts);
    const heard = this.#audio.write(frame);
    if (final) heard.push(...this.#audio.end());
    for (const [index, each] of heard.entries()) this.#options.onAudio(each, final && index === heard.length - 1);
    if (!this.#audio.hasSound) return;
    this.#playedAtMs = Math.max(this.#playedAtMs, performance.now()) + seconds * 1000;
    if (this.#audio.silentSeconds <= longestSilenceSeconds || this.#options.isLast) this.#watch();
    else this.#giveUp('stall');
  }

  /** Waits for the first sound, or for more of it as long as the voice owes any. */
  #watch(): void {
    if (this.#options.isLast) return;
    const { firstAudioTimeoutMs, stallTimeoutMs } = this.#context;
    if (!this.#audio.hasSound) {
      // From the first text on; the end of the input doesn't prolong it.
      if (!this.#inputEnded || !this.#attempt.isWatched) this.#watchFor(firstAudioTimeoutMs, 'timeout');
    } else if (this.#inputEnded || !this.#spoken.isComplete) {
      const dueAtMs = Math.max(this.#playedAtMs, this.#lastTextAtMs) + stallTimeoutMs;
      this.#watchFor(dueAtMs - performance.now(), 'stall');
    } else this.#attempt.rest();
  }

  #watchFor(afterMs: number, late: 'timeout' | 'stall'): void {
    this.#attempt.watch(afterMs, late, () => this.#stream.close());
  }

  #giveUp(late: 'stall'): void {
    this.#attempt.late = late;
    this.#stream.close();
  }
}
