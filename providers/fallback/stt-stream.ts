import { setTimeout as sleep } from 'node:timers/promises';
import { APIConnectionError, type APIConnectOptions, APITimeoutError, stt } from '@livekit/agents';
import { failureOf, isVendorsFault, reasonOf, toError } from './event.ts';
import type { VendorHealth } from './health.ts';
import { type Abandoned, Attempt, type FallbackOptions } from './member.ts';
import { OpenAudio } from './stt-audio.ts';
import { StallWatch } from './stt-stall.ts';
import { SpeechTurns } from './stt-turns.ts';

/** Recognisers take this rate, or have the framework change it. */
const sampleRateHz = 16_000;
/** A replay of more than this would be answered too late to be of use. */
const longestReplaySeconds = 30;
/** Between two rounds over members that all fail. */
const pausesMs = [250, 500, 1_000, 2_000, 4_000, 5_000];

/** What a stream works with. */
export interface FallbackStreamContext {
  /** Of the members, in the order in which they are preferred. */
  keys: readonly string[];
  health: VendorHealth;
  stallTimeoutMs: number;
  keepTrying: boolean;
  onFallback: FallbackOptions['onFallback'];
  /** Opens a stream of the member an attempt is of. */
  open(attempt: Attempt): { stream: stt.SpeechStream; givesInterims: boolean };
  /** The stream will run no more. */
  onEnd(): void;
}

interface Live {
  attempt: Attempt;
  stream: stt.SpeechStream;
  /** Whether it has recognised anything. */
  worked: boolean;
  /** We leave it though it did nothing wrong. */
  left: boolean;
}

/** One stream of audio over one member after another. */
export class FallbackSpeechStream extends stt.SpeechStream {
  label = 'fallback.SpeechStream';
  readonly #owner: stt.STT;
  readonly #context: FallbackStreamContext;
  readonly #audio = new OpenAudio(longestReplaySeconds);
  readonly #stall: StallWatch;
  readonly #turns = new SpeechTurns((event) => this.#put(event));
  /** Members that recognised nothing in the sound that is being heard. Only words from another prove that they are to blame. */
  readonly #suspects = new Set<string>();
  #reading: Promise<void> | undefined;
  #offsetSeconds = 0;
  #live: Live | undefined;
  /** Where in the stream a final transcript was asked for that hasn't come. */
  #flushAtSeconds: number | undefined;
  #inputEnded = false;

  constructor(owner: stt.STT, connOptions: APIConnectOptions, context: FallbackStreamContext) {
    super(owner, sampleRateHz, connOptions);
    this.#owner = owner;
    this.#context = context;
    this.#stall = new StallWatch(context.stallTimeoutMs, () => this.#onStall());
    this.abortSignal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  protected override async run(): Promise<void> {
    if (!this.#reading) {
      // Later the framework adds the time of its retries, but our times count the audio itself.
      this.#offsetSeconds = this.startTimeOffset;
      this.#reading = this.#readInput();
    }
    for (let failedRounds = 0; ; failedRounds += 1) {
      const { error, worked } = await this.#round();
      if (!error) break;
      if (!this.#context.keepTrying) throw error;
      if (worked) failedRounds = 0;
      else this.#tellOutage(error);
      const pauseMs = pausesMs[Math.min(failedRounds, pausesMs.length - 1)];
      await sleep(pauseMs, undefined, { signal: this.abortSignal }).catch(() => {});
    }
    this.#stop();
  }

  /** Listens until the input ends, or every member failed since one last worked. */
  async #round(): Promise<{ error?: Error; worked: boolean }> {
    const { keys, health, onFallback } = this.#context;
    const failed = new Set<string>();
    this.#suspects.clear();
    let errors: Error[] = [];
    let anyWorked = false;
    const candidates = () => health.order(keys).filter((key) => !failed.has(key) && !this.#suspects.has(key));
    let [key] = candidates();
    while (key !== undefined) {
      const attempt = new Attempt(key);
      const { abandoned, worked, left } = await this.#listen(attempt);
      if (this.abortSignal.aborted || !(abandoned || left)) return { worked: true };
      anyWorked ||= worked;
      if (worked || left) {
        failed.clear();
        errors = [];
      }
      if (abandoned) {
        errors.push(abandoned.error);
        // A stall may be the fault of what was heard: see `#suspects`.
        if (abandoned.reason !== 'stall') {
          failed.add(key);
          if (isVendorsFault(abandoned.error)) health.failed(key, abandoned.reason);
        }
      }
      // A lone member that fell silent may hear again on another connection.
      const next: string | undefined = candidates()[0] ?? (abandoned?.reason === 'stall' ? key : undefined);
      if (abandoned) {
        const afterMs = performance.now() - attempt.startedAtMs;
        onFallback?.({ port: 'stt', from: key, to: next ?? null, reason: abandoned.reason, afterMs });
      }
      key = next;
    }
    return { error: failureOf(errors, false), worked: anyWorked };
  }

  async #listen(attempt: Attempt): Promise<{ abandoned?: Abandoned; worked: boolean; left: boolean }> {
    let opened: ReturnType<FallbackStreamContext['open']>;
    try {
      opened = this.#context.open(attempt);
    } catch (thrown) {
      return { abandoned: { reason: 'error', error: toError(thrown) }, worked: false, left: false };
    }
    const { stream, givesInterims } = opened;
    const live: Live = { attempt, stream, worked: false, left: false };
    stream.startTimeOffset = this.#offsetSeconds + this.#audio.startSeconds;
    this.#live = live;
    this.#stall.restart(givesInterims);
    if (!this.#audio.hasVoice) this.#turns.end();
    this.#replay(stream);
    for await (const event of stream) {
      if (this.#live !== live) break;
      this.#receive(event, live);
    }
    this.#leave();
    stream.close();
    const { key, error, late } = attempt;
    const { worked, left } = live;
    if (left || (!error && !late && this.#inputEnded)) return { worked, left };
    if (late) {
      const silent = new APITimeoutError({ message: `${key} recognised nothing while somebody spoke` });
      return { abandoned: { reason: late, error: silent }, worked, left };
    }
    const failure = error ?? new APIConnectionError({ message: `${key} ended its transcription too early` });
    return { abandoned: { reason: reasonOf(failure), error: failure }, worked, left };
  }

  #replay(stream: stt.SpeechStream): void {
    let flushAtSeconds = this.#flushAtSeconds;
    for (const { frame, endSeconds } of this.#audio.frames) {
      stream.pushFrame(frame);
      if (flushAtSeconds === undefined || endSeconds < flushAtSeconds) continue;
      stream.flush();
      flushAtSeconds = undefined;
    }
    if (flushAtSeconds !== undefined) stream.flush();
    if (this.#inputEnded) stream.endInput();
  }

  async #readInput(): Promise<void> {
    for await (const item of this.input) {
      if (typeof item === 'symbol') {
        this.#flushAtSeconds = this.#audio.endSeconds;
        this.#hand((stream) => stream.flush());
      } else if (item.samplesPerChannel > 0) {
        const { frame, voiced } = this.#audio.push(item);
        this.#hand((stream) => stream.pushFrame(frame));
        this.#listenFor(voiced, (frame.samplesPerChannel / frame.sampleRate) * 1000);
      }
    }
    this.#inputEnded = true;
    this.#hand((stream) => stream.endInput());
  }

  /** Hands something to the member that is listening. One that is just ending takes nothing; the next gets it from the audio kept. */
  #hand(give: (stream: stt.SpeechStream) => void): void {
    try {
      if (this.#live) give(this.#live.stream);
    } catch (error) {
      if (this.#live) this.#live.attempt.error ??= toError(error);
    }
  }

  #listenFor(voiced: boolean, durationMs: number): void {
    if (voiced) {
      if (this.#stall.voiced(durationMs)) this.#suspects.clear();
      return;
    }
    // What nobody made words of by now nobody will.
    if (this.#audio.hasVoice && this.#stall.silentMs > this.#context.stallTimeoutMs + 1_000) this.#giveUpSound();
    this.#returnWhenQuiet();
  }

  #onStall(): void {
    const live = this.#live;
    if (!live) return;
    const isLone = this.#suspects.size === 0 && this.#context.keys.length === 1;
    this.#suspects.add(live.attempt.key);
    if (isLone || this.#context.keys.some((key) => !this.#suspects.has(key))) {
      live.attempt.late = 'stall';
      this.#leave();
      live.stream.close();
    } else {
      this.#suspects.clear();
      this.#stall.takeForNoise();
      this.#giveUpSound();
    }
  }

  #giveUpSound(): void {
    this.#audio.forget();
    this.#turns.end();
  }

  /** Between utterances the preferred member takes over that is well again. */
  #returnWhenQuiet(): void {
    const live = this.#live;
    if (!live || this.#turns.isSpeaking || this.#inputEnded || this.#flushAtSeconds !== undefined) return;
    if (this.#audio.hasVoice) return;
    const { keys, health } = this.#context;
    const preferred = keys.findIndex((key) => health.isWell(key));
    if (preferred < 0 || preferred >= keys.indexOf(live.attempt.key)) return;
    this.#suspects.clear();
    live.left = true;
    this.#leave();
    live.stream.close();
  }

  #leave(): void {
    this.#live = undefined;
  }

  #stop(): void {
    this.#stall.stop();
    const live = this.#live;
    this.#leave();
    live?.stream.close();
    this.#context.onEnd();
  }

  #receive(event: stt.SpeechEvent, live: Live): void {
    const { INTERIM_TRANSCRIPT, FINAL_TRANSCRIPT, PREFLIGHT_TRANSCRIPT, START_OF_SPEECH, END_OF_SPEECH } =
      stt.SpeechEventType;
    switch (event.type) {
      case START_OF_SPEECH:
        this.#turns.start(event);
        break;
      case END_OF_SPEECH:
        this.#turns.end(event);
        break;
      case INTERIM_TRANSCRIPT:
      case PREFLIGHT_TRANSCRIPT:
      case FINAL_TRANSCRIPT:
        if (event.alternatives?.[0].text) {
          this.#confirm(live);
          this.#turns.start();
          this.#put(event);
        }
        if (event.type === FINAL_TRANSCRIPT) {
          this.#audio.acknowledge((event.alternatives?.[0].endTime ?? 0) - this.#offsetSeconds);
          this.#flushAtSeconds = undefined;
        }
        break;
      default:
        this.#put(event);
    }
  }

  /** Words came: this member is well, and those that heard nothing of the same sound are not. */
  #confirm(live: Live): void {
    const { health } = this.#context;
    live.worked = true;
    this.#stall.answered();
    health.succeeded(live.attempt.key);
    for (const key of this.#suspects) if (key !== live.attempt.key) health.failed(key, 'stall');
    this.#suspects.clear();
  }

  /** Tells the application, which may tell the caller; the stream goes on. */
  #tellOutage(error: Error): void {
    const { label } = this.#owner;
    if (this.abortSignal.aborted || this.#owner.listenerCount('error') === 0) return;
    this.#owner.emit('error', { type: 'stt_error', timestamp: Date.now(), label, error, recoverable: true });
  }

  #put(event: stt.SpeechEvent): void {
    if (!this.queue.closed) this.queue.put(event);
  }
}
