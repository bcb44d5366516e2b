import type { Blob as MediaBlob } from '@google/genai';
import { type llm, shortuuid } from '@livekit/agents';
import { type AudioFrame, AudioResampler } from '@livekit/rtc-node';
import { AudioBacklog } from '../stt/audio-backlog.ts';

/** What the Live API listens to (ai.google.dev/gemini-api/docs/live-guide): 16-bit samples, one channel. */
const inputSampleRateHz = 16_000;

/** What is told of the person. */
export interface SpeechListener {
  speechStarted(): void;
  speechStopped(): void;
  transcript(event: llm.InputTranscriptionCompleted): void;
}

/** A replay of more than this would be answered too late to be of use. */
const longestReplaySeconds = 30;
/** So long after the last words of somebody who gets no answer their turn is taken for over. */
const quietMs = 3_000;

/**
 * The person's side: their audio, kept until it was answered, and their words. The vendor tells of speech by its words only, in
 * pieces that may still come while the reply does.
 */
export class UserSpeech {
  readonly #listener: SpeechListener;
  readonly #audio = new AudioBacklog(inputSampleRateHz * 2, longestReplaySeconds);
  readonly #serverListens: boolean;
  /** Turns whose end we know, not answered yet. */
  #committed: Uint8Array[] = [];
  #resampler: AudioResampler | undefined;
  #resampledRateHz = 0;
  #itemId = shortuuid('GI_');
  #words = '';
  #startedAtMs = 0;
  #isSpeaking = false;
  #isComplete = false;
  #quiet: NodeJS.Timeout | undefined;

  /** @param serverListens Whether the server finds the turns; otherwise `commit` says where they end. */
  constructor(serverListens: boolean, listener: SpeechListener) {
    this.#serverListens = serverListens;
    this.#listener = listener;
  }

  /** Takes in a frame of any sample rate and gives it in chunks of ours. */
  append(frame: AudioFrame): Uint8Array[] {
    const frames = frame.sampleRate === inputSampleRateHz ? [frame] : this.#resample(frame);
    const chunks = frames.filter(({ samplesPerChannel }) => samplesPerChannel > 0).map(copyOf);
    for (const chunk of chunks) this.#audio.append(chunk);
    return chunks;
  }

  /** What was not answered yet, for a new connection, which will transcribe it anew. */
  replay(): readonly Uint8Array[] {
    this.#words = '';
    return this.#serverListens ? this.#audio.replay() : this.#committed;
  }

  /** Whether there is a turn that ended by our own word and was not answered. */
  get hasCommitted(): boolean {
    return this.#committed.length > 0;
  }

  /** Ends a turn by our own word. */
  commit(): void {
    this.#committed.push(...this.#audio.replay());
    this.forgetAudio();
  }

  /** Forgets the audio of the turn that is being heard. */
  forgetAudio(): void {
    this.#audio.acknowledge(Number.POSITIVE_INFINITY);
  }

  /** Somebody speaks; their words come later. */
  started(): void {
    this.#speaking();
  }

  /** Words that may still change. `isLate`: the reply has begun, so that they are no new speech. */
  guessed(words: string, { isLate }: { isLate: boolean }): void {
    if (!words.trim()) return;
    if (!isLate) this.#speaking();
    this.#tell(`${this.#words} ${words}`);
  }

  /** The next words, the last ones of this turn with `isLast`. */
  heard(words: string, { isLate, isLast }: { isLate: boolean; isLast: boolean }): void {
    if (words) {
      if (!isLate) this.#speaking();
      this.#words += words;
      this.#tell(this.#words);
    }
    this.#isComplete ||= isLast;
    if (this.#isComplete && isLate) this.finish();
  }

  /** A reply begins: the turn is over, but for words that are still on their way. */
  answered(): void {
    this.#committed = [];
    if (this.#serverListens) this.forgetAudio();
    this.#stop();
    if (this.#isComplete) this.finish();
  }

  /** Ends the turn: its words are final. */
  finish(): void {
    this.#stop();
    const itemId = this.#itemId;
    const transcript = this.#words.trim();
    const turnStartedAt = this.#startedAtMs || Date.now();
    this.#startedAtMs = 0;
    this.#itemId = shortuuid('GI_');
    this.#words = '';
    this.#isComplete = false;
    if (transcript) this.#listener.transcript({ itemId, transcript, isFinal: true, turnStartedAt });
  }

  /** Nothing is told any more. */
  close(): void {
    clearTimeout(this.#quiet);
    this.#resampler?.close();
    this.#resampler = undefined;
  }

  #stop(): void {
    clearTimeout(this.#quiet);
    if (!this.#isSpeaking) return;
    this.#isSpeaking = false;
    this.#listener.speechStopped();
  }

  #speaking(): void {
    if (!this.#isSpeaking) {
      this.#isSpeaking = true;
      this.#startedAtMs ||= Date.now();
      this.#listener.speechStarted();
    }
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.finish(), quietMs);
  }

  #tell(words: string): void {
    const transcript = words.trim();
    const turnStartedAt = this.#startedAtMs || Date.now();
    this.#listener.transcript({ itemId: this.#itemId, transcript, isFinal: false, turnStartedAt });
  }

  #resample(frame: AudioFrame): AudioFrame[] {
    if (this.#resampledRateHz !== frame.sampleRate) {
      this.#resampler?.close();
      this.#resampledRateHz = frame.sampleRate;
      this.#resampler = new AudioResampler(frame.sampleRate, inputSampleRateHz, 1);
    }
    return this.#resampler?.push(frame) ?? [];
  }
}

/** A frame's memory isn't ours. */
function copyOf({ data }: AudioFrame): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

/** A chunk as the API takes it. */
export function toAudioBlob(chunk: Uint8Array): MediaBlob {
  const data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('base64');
  return { data, mimeType: `audio/pcm;rate=${inputSampleRateHz}` };
}
