import { type Frame, FrameAnalyser, frameMs } from './frames.ts';
import type { SpeechLibrary } from './library.ts';
import { type HeardWord, UtteranceMatcher, unknownSpeechNotice } from './utterance-matcher.ts';

/** What was said in a stretch of the received audio; times are milliseconds of received audio. */
export interface Transcript {
  startMs: number;
  endMs: number;
  words: HeardWord[];
  /** Voiced audio in it. */
  voicedMs: number;
  /** When its last voiced audio arrived, epoch milliseconds; null without any. */
  lastVoicedAtMs: number | null;
}

/** What a listener tells. Transcripts follow each other without a gap: one starts where the last final one ended. */
export interface SpeechHandler {
  speechStarted(atMs: number): void;
  interim(transcript: Transcript): void;
  /** The speaker may be done: nothing voiced for `pauseMs`. Told once, until `resumed`. */
  paused?(transcript: Transcript): void;
  /** More speech after `paused`, in the same utterance. */
  resumed?(transcript: Transcript): void;
  /** `flushed` when it was asked for; an utterance without known or unknown speech in it has no words. */
  final(transcript: Transcript, flushed: boolean): void;
}

/** When an utterance is over; read anew for each. */
export interface SpeechTiming {
  /** From the arrival of the last voiced audio to the final transcript. */
  finalMs: number;
  /** Silence that has to arrive as well. */
  silenceMs: number;
  /** From the arrival of the last voiced audio to `paused`; never told when absent. */
  pauseMs?: number;
}

/** Weaker stretches inside a word must not end an utterance. */
const bridgedMs = 60;
const startAfterMs = 60;
const interimEveryMs = 100;

interface Utterance {
  matcher: UtteranceMatcher;
  startMs: number;
  voicedMs: number;
  lastVoicedAt: number;
  silentMs: number;
  announced: boolean;
  paused: boolean;
  wordsSent: number;
}

/** Hears utterances in one stream of 16-bit mono audio that arrives in pieces of any size, in real time or faster. */
export class SpeechListener {
  readonly #library: SpeechLibrary;
  readonly #analyser: FrameAnalyser;
  readonly #timing: () => SpeechTiming;
  readonly #handler: SpeechHandler;
  #halfSample: Buffer = Buffer.alloc(0);
  #utterance: Utterance | undefined;
  #timer: NodeJS.Timeout | undefined;
  #positionMs = 0;
  #voicedMs = 0;
  #finalUntilMs = 0;

  constructor(library: SpeechLibrary, sampleRateHz: number, timing: () => SpeechTiming, handler: SpeechHandler) {
    this.#library = library;
    this.#analyser = new FrameAnalyser(sampleRateHz);
    this.#timing = timing;
    this.#handler = handler;
  }

  /** Audio received, in whole frames. */
  get positionMs(): number {
    return this.#positionMs;
  }

  /** Voiced audio received. */
  get voicedMs(): number {
    return this.#voicedMs;
  }

  /** Whether speech is being heard that no final transcript covers yet. */
  get isHearing(): boolean {
    return this.#utterance !== undefined;
  }

  /** Takes in little-endian samples. */
  push(audio: Buffer): void {
    const bytes = Buffer.concat([this.#halfSample, audio]);
    const whole = bytes.length - (bytes.length % 2);
    this.#halfSample = bytes.subarray(whole);
    const samples = new Int16Array(Uint8Array.from(bytes.subarray(0, whole)).buffer);
    for (const frame of this.#analyser.frames(samples)) this.#hear(frame);
    this.#finishWhenDue();
  }

  /** Ends the utterance that is being heard and gives a final transcript, an empty one if there is none. */
  flush(): void {
    this.#finish(true);
  }

  /** Stops the timer; nothing is told any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#utterance = undefined;
  }

  #hear(frame: Frame): void {
    const { silenceMs, finalMs } = this.#timing();
    if (frame.voiced) {
      // Audio that comes faster than real time ends utterances by its own clock.
      if (this.#utterance && this.#utterance.silentMs >= Math.max(silenceMs, finalMs, bridgedMs)) this.#finish(false);
      this.#utterance ??= {
        matcher: new UtteranceMatcher(this.#library),
        startMs: this.#positionMs,
        voicedMs: 0,
        lastVoicedAt: 0,
        silentMs: 0,
        announced: false,
        paused: false,
        wordsSent: 0,
      };
      this.#utterance.lastVoicedAt = performance.now();
      this.#utterance.voicedMs += frameMs;
      this.#utterance.silentMs = 0;
      this.#voicedMs += frameMs;
    }
    this.#positionMs += frameMs;
    const utterance = this.#utterance;
    if (!utterance) return;
    if (!frame.voiced) utterance.silentMs += frameMs;
    utterance.matcher.add(frame);
    if (frame.voiced && utterance.paused) {
      utterance.paused = false;
      this.#handler.resumed?.(this.#transcript(utterance, this.#wordsOf(utterance)));
    }
    if (!utterance.announced && utterance.voicedMs >= startAfterMs) {
      utterance.announced = true;
      this.#handler.speechStarted(utterance.startMs);
    }
    if (frame.voiced && utterance.matcher.durationMs % interimEveryMs === 0) this.#tellInterim(utterance);
  }

  #tellInterim(utterance: Utterance): void {
    const { words } = utterance.matcher.heard();
    if (words.length === utterance.wordsSent) return;
    utterance.wordsSent = words.length;
    this.#handler.interim(this.#transcript(utterance, words));
  }

  #finishWhenDue(): void {
    clearTimeout(this.#timer);
    const utterance = this.#utterance;
    if (!utterance) return;
    const { silenceMs, finalMs, pauseMs = finalMs } = this.#timing();
    const passedMs = performance.now() - utterance.lastVoicedAt;
    const isSilent = utterance.silentMs >= Math.max(silenceMs, bridgedMs);
    if (isSilent && passedMs >= pauseMs && passedMs < finalMs && !utterance.paused) {
      utterance.paused = true;
      this.#handler.paused?.(this.#transcript(utterance, this.#wordsOf(utterance)));
    }
    if (passedMs < finalMs) {
      const dueInMs = (passedMs < pauseMs ? pauseMs : finalMs) - passedMs;
      this.#timer = setTimeout(() => this.#finishWhenDue(), dueInMs);
    } else if (isSilent) this.#finish(false);
  }

  #finish(flushed: boolean): void {
    clearTimeout(this.#timer);
    const utterance = this.#utterance;
    this.#utterance = undefined;
    this.#handler.final(this.#transcript(utterance, utterance ? this.#wordsOf(utterance) : []), flushed);
    this.#finalUntilMs = this.#positionMs;
  }

  #wordsOf(utterance: Utterance): HeardWord[] {
    const { words, unknown } = utterance.matcher.heard();
    if (!unknown) return words;
    const notice = unknownSpeechNotice.split(' ');
    const spanMs = utterance.matcher.durationMs - utterance.silentMs;
    return notice.map((word, index) => ({
      word,
      startMs: (spanMs * index) / notice.length,
      endMs: (spanMs * (index + 1)) / notice.length,
      language: 'en',
    }));
  }

  #transcript(utterance: Utterance | undefined, words: HeardWord[]): Transcript {
    const offsetMs = utterance?.startMs ?? 0;
    return {
      startMs: this.#finalUntilMs,
      endMs: this.#positionMs,
      words: words.map((word) => ({ ...word, startMs: word.startMs + offsetMs, endMs: word.endMs + offsetMs })),
      voicedMs: utterance?.voicedMs ?? 0,
      lastVoicedAtMs: utterance ? performance.timeOrigin + utterance.lastVoicedAt : null,
    };
  }
}
