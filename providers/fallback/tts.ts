import { type APIConnectOptions, DEFAULT_API_CONNECT_OPTIONS, tts } from '@livekit/agents';
import { SegmentedStream, type SegmentStreamOptions, WholeTextStream } from '../tts/segment-streams.ts';
import { Attempts, checkMembers, type FallbackOptions, watchMembers } from './member.ts';
import type { SpeakerContext, TtsAttempt, TtsMetrics } from './tts-member.ts';
import { SegmentSpeaker } from './tts-speaker.ts';

/** What `FallbackTTS` is made of. */
export interface FallbackTTSOptions extends FallbackOptions {
  /** In the order in which they are preferred. They belong to the composite and are closed with it. */
  members: readonly { key: string; tts: tts.TTS }[];
  /** From the first text to the first sound (default 2 s). The last that is asked gets its adapter's own patience. */
  firstAudioTimeoutMs?: number;
  /** Longest silence in the middle of a text, once what was given out has been played (default 1.5 s), for all but the last. */
  stallTimeoutMs?: number;
}

/** Connections of this many members are opened ahead. */
const warmMembers = 2;

/**
 * Several voices as one, at the sample rate of the first. Where one is late, fails or falls silent, the next says what was not
 * said yet: each segment (the text between two flushes) begins with the preferred member that is well.
 */
export class FallbackTTS extends tts.TTS {
  label = 'fallback.TTS';
  readonly #members: FallbackTTSOptions['members'];
  readonly #attempts = new Attempts<TtsAttempt>();
  readonly #context: Omit<SpeakerContext, 'open'>;
  readonly #endWatch: () => void;
  #answering: tts.TTS;
  #closed = false;

  /** @throws Error when there is no member, two of one key, or one that takes no streams or isn't mono. */
  constructor({
    members,
    health,
    onFallback,
    firstAudioTimeoutMs = 2_000,
    stallTimeoutMs = 1_500,
  }: FallbackTTSOptions) {
    const keys = members.map(({ key }) => key);
    checkMembers('FallbackTTS', keys);
    const first = (members[0] as { tts: tts.TTS }).tts;
    super(first.sampleRate, 1, { streaming: true });
    for (const { key, tts: member } of members) {
      if (member.capabilities.streaming && member.numChannels === 1) continue;
      throw new Error(`FallbackTTS needs mono voices that take streams of text: ${key} is none`);
    }
    this.#members = members;
    this.#answering = first;
    const isClosed = () => this.#closed;
    const within: SpeakerContext['within'] = (attempt, run) => this.#attempts.run(attempt, run);
    const abandon: SpeakerContext['abandon'] = (attempt) => this.#abandon(attempt);
    const waiting = { firstAudioTimeoutMs, stallTimeoutMs, sampleRateHz: first.sampleRate };
    this.#context = { keys, health, onFallback, ...waiting, isClosed, within, abandon };
    this.#endWatch = watchMembers(
      health,
      members.map((member) => [member.key, member.tts]),
    );
    for (const member of members) {
      member.tts.on('error', this.#onError);
      member.tts.on('metrics_collected', this.#onMetrics);
    }
  }

  /** Of the member that spoke last. */
  override get model(): string {
    return this.#answering.model;
  }

  /** Of the member that spoke last. */
  override get provider(): string {
    return this.#answering.provider;
  }

  /** Opens the connections of the first members, so that the one that stands in isn't late either. */
  prewarm(): void {
    for (const { tts: member } of this.#members.slice(0, warmMembers)) {
      if ('prewarm' in member && typeof member.prewarm === 'function') member.prewarm();
    }
  }

  override synthesize(text: string, connOptions?: APIConnectOptions, abortSignal?: AbortSignal): tts.ChunkedStream {
    return new WholeTextStream(text, [text], this, this.#streams(connOptions), { connOptions, abortSignal });
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    return new SegmentedStream(this, 'fine', this.#streams(options?.connOptions), options?.connOptions);
  }

  override _setExpressive(enabled: boolean): void {
    super._setExpressive(enabled);
    for (const member of this.#members) member.tts._setExpressive(enabled);
  }

  /** Ends what is being spoken; nothing can be spoken afterwards. */
  override async close(): Promise<void> {
    this.#closed = true;
    this.#endWatch();
    await Promise.all(this.#members.map((member) => member.tts.close()));
    for (const member of this.#members) {
      member.tts.off('error', this.#onError);
      member.tts.off('metrics_collected', this.#onMetrics);
    }
  }

  #streams(connOptions?: APIConnectOptions): SegmentStreamOptions {
    const context = this.#contextFor(connOptions);
    return { name: 'fallback', begin: (...spoken) => new SegmentSpeaker(context, ...spoken) };
  }

  #contextFor(given: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS): SpeakerContext {
    const connOptions = { ...given, maxRetry: 0 };
    return {
      ...this.#context,
      open: (attempt) => {
        const member = this.#members.find(({ key }) => key === attempt.key) as { tts: tts.TTS };
        this.#answering = member.tts;
        const stream = this.#attempts.run(attempt, () => member.tts.stream({ connOptions }));
        return { stream, sampleRateHz: member.tts.sampleRate };
      },
    };
  }

  #abandon(attempt: TtsAttempt): void {
    attempt.isAbandoned = true;
    if (attempt.metrics) this.#tellUsage(attempt.metrics);
  }

  /** What was sent to a member that was given up. Its audio is counted with the rest, by the stream's own metrics. */
  #tellUsage(metrics: TtsMetrics): void {
    this.emit('metrics_collected', { ...metrics, audioDurationMs: 0, cancelled: true });
  }

  // Not passed on: what becomes of a text is told by the composite's own error, of a member by `onFallback`.
  #onError: tts.TTSCallbacks['error'] = ({ error }) => {
    const attempt = this.#attempts.current;
    if (attempt) attempt.error = error;
  };

  // The stream's own metrics stand for the member that spoke to the end; others are told of as they were measured.
  #onMetrics: tts.TTSCallbacks['metrics_collected'] = (metrics) => {
    const attempt = this.#attempts.current;
    if (!attempt) return;
    attempt.metrics = metrics;
    if (attempt.isAbandoned) this.#tellUsage(metrics);
  };
}
