import { type APIConnectOptions, getBaseLanguage, stt } from '@livekit/agents';
import type { Normalized, Normalizer } from '../../domain/normalization/result.ts';
import { normalizeWords } from './normalize-words.ts';
import { Speculation, type SpeculationOptions } from './speculate.ts';

/** What was heard or typed, what is shown, read and kept instead, and what lies between the two. */
export interface NormalizedText extends Pick<Normalized, 'raw' | 'text' | 'edits' | 'warnings'> {
  /** Name of the pack that did it; null when none is for its language. */
  pack: string | null;
}

/** A transcript as it goes on to the session. */
export interface NormalizedTranscript extends NormalizedText {
  /** BCP 47 tag the recogniser reported; empty when it didn't. */
  language: string;
  final: boolean;
}

/** What a `NormalizedSTT` is made of. */
interface NormalizedSTTOptions {
  /** The recogniser to decorate. It belongs to the decorator and is closed with it. */
  stt: stt.STT;
  /** The normalizers of the moment: they change when a lexicon does. */
  normalizers(): readonly Normalizer[];
  /** Called with each transcript that says something, just before the session gets it. */
  onTranscript?: (transcript: NormalizedTranscript) => void;
  /** Whether words are but a sign of listening to the agent just now: then nobody is told of them. */
  isListening?(text: string): boolean;
  /** Tells of stable interim transcripts as preflight ones; absent: only those of the recogniser are. */
  speculation?: SpeculationOptions;
}

/**
 * Normalizes a text with the first pack that is for its language.
 * @param language BCP 47 tag; empty, `und` or `multi` means unknown, and then every pack is for it
 */
export function normalizeText(normalizers: readonly Normalizer[], text: string, language = ''): NormalizedText {
  const normalizer = normalizers.find((pack) => isUnknown(language) || isSameLanguage(pack.language, language));
  if (!normalizer) return { raw: text, text, edits: [], warnings: [], pack: null };
  const { text: written, edits, warnings } = normalizer.normalize(text);
  return { raw: text, text: written, edits, warnings, pack: normalizer.pack };
}

/** Whether a BCP 47 tag says nothing about what was spoken. */
export function isUnknown(language: string): boolean {
  return ['', 'und', 'multi'].includes(getBaseLanguage(language));
}

/** Whether two BCP 47 tags are of one language, wherever it is spoken. */
export function isSameLanguage(one: string, other: string): boolean {
  return getBaseLanguage(one) === getBaseLanguage(other);
}

/**
 * A recogniser whose interim, preflight and final transcripts are normalized, so that the transcript shown, the text the
 * LLM reads and the record agree. Everything else is the decorated recogniser's own: capabilities, model, retries,
 * errors, metrics, key terms.
 */
export class NormalizedSTT extends stt.STT {
  readonly label: string;
  readonly #stt: stt.STT;
  readonly #options: NormalizedSTTOptions;
  readonly #streams = new Set<NormalizedStream>();

  constructor(options: NormalizedSTTOptions) {
    super(options.stt.capabilities);
    this.#stt = options.stt;
    this.#options = options;
    this.label = `NormalizedSTT<${options.stt.label}>`;
    this.#stt.on('metrics_collected', this.#forwardMetrics);
    this.#stt.on('error', this.#forwardError);
  }

  override get capabilities(): stt.STTCapabilities {
    return this.#stt.capabilities;
  }

  override get model(): string {
    return this.#stt.model;
  }

  override get provider(): string {
    return this.#stt.provider;
  }

  /** Not the base's own, which would count the decorated recogniser's metrics once more. */
  override async recognize(...input: Parameters<stt.STT['recognize']>): Promise<stt.SpeechEvent> {
    return this.#normalize(await this.#stt.recognize(...input));
  }

  protected override _recognize(...input: Parameters<stt.STT['recognize']>): Promise<stt.SpeechEvent> {
    return this.recognize(...input);
  }

  override stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const stream = new NormalizedStream(this, this.#stt.stream(options), {
      normalize: (event) => (this.#isListening(event) ? undefined : this.#normalize(event)),
      speculation: this.#options.speculation,
      onInputEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Asks for final transcripts of what the open streams were given. */
  flush(): void {
    for (const stream of this.#streams) stream.flush();
  }

  override _updateSessionKeyterms(keyterms: string[]): void {
    this.#stt._updateSessionKeyterms(keyterms);
  }

  override _pushConversationItem(...item: Parameters<stt.STT['_pushConversationItem']>): void {
    this.#stt._pushConversationItem(...item);
  }

  /** Has the decorated recogniser connect early if it can; the framework's base class knows no such thing. */
  prewarm(): void {
    if ('prewarm' in this.#stt && typeof this.#stt.prewarm === 'function') this.#stt.prewarm();
  }

  override async close(): Promise<void> {
    await this.#stt.close();
    this.#stt.off('metrics_collected', this.#forwardMetrics);
    this.#stt.off('error', this.#forwardError);
  }

  #forwardMetrics: stt.STTCallbacks['metrics_collected'] = (metrics) => void this.emit('metrics_collected', metrics);
  #forwardError: stt.STTCallbacks['error'] = (error) => void this.emit('error', error);

  #isListening({ type, alternatives }: stt.SpeechEvent): boolean {
    const isTranscript = type === stt.SpeechEventType.FINAL_TRANSCRIPT || isPartial(type);
    return isTranscript && (this.#options.isListening?.(alternatives?.[0].text ?? '') ?? false);
  }

  #normalize(event: stt.SpeechEvent): stt.SpeechEvent {
    const final = event.type === stt.SpeechEventType.FINAL_TRANSCRIPT;
    if (!event.alternatives || !(final || isPartial(event.type))) return event;
    const [first, ...others] = event.alternatives;
    const best = normalizeText(this.#options.normalizers(), first.text, first.language);
    if (best.raw.trim() !== '') this.#options.onTranscript?.({ ...best, language: first.language, final });
    const rest = others.map((other) =>
      rewritten(other, normalizeText(this.#options.normalizers(), other.text, other.language)),
    );
    return { ...event, alternatives: [rewritten(first, best), ...rest] };
  }
}

interface NormalizedStreamOptions {
  /** Undefined: it is dropped. */
  normalize(event: stt.SpeechEvent): stt.SpeechEvent | undefined;
  speculation?: SpeculationOptions;
  /** It takes nothing more. */
  onInputEnd(): void;
}

/**
 * Hands audio and control straight to the decorated stream and rewrites what comes out. Retries, time offset, usage and
 * the end of the stream stay with that one; the base class's own queues are left idle.
 */
class NormalizedStream extends stt.SpeechStream {
  readonly label: string;
  readonly #stream: stt.SpeechStream;
  readonly #events: Pick<stt.SpeechStream, 'next'>;
  readonly #speculation: Speculation | undefined;
  readonly #onInputEnd: () => void;

  constructor(
    owner: stt.STT,
    stream: stt.SpeechStream,
    { normalize, speculation, onInputEnd }: NormalizedStreamOptions,
  ) {
    super(owner);
    this.#onInputEnd = onInputEnd;
    this.label = `NormalizedStream<${stream.label}>`;
    this.#stream = stream;
    const normalized = {
      async next(): Promise<IteratorResult<stt.SpeechEvent>> {
        for (;;) {
          const result = await stream.next();
          if (result.done) return result;
          const value = normalize(result.value);
          if (value) return { done: false, value };
        }
      },
    };
    this.#speculation = speculation && new Speculation(normalized, speculation);
    this.#events = this.#speculation ?? normalized;
  }

  override get _failed(): boolean {
    return this.#stream._failed;
  }

  override get startTimeOffset(): number {
    return this.#stream.startTimeOffset;
  }

  override set startTimeOffset(seconds: number) {
    this.#stream.startTimeOffset = seconds;
  }

  override updateInputStream(...source: Parameters<stt.SpeechStream['updateInputStream']>): void {
    this.#stream.updateInputStream(...source);
  }

  override detachInputStream(): void {
    this.#stream.detachInputStream();
  }

  override pushFrame(...frame: Parameters<stt.SpeechStream['pushFrame']>): void {
    this.#stream.pushFrame(...frame);
  }

  override flush(): void {
    this.#stream.flush();
  }

  override endInput(): void {
    this.#onInputEnd();
    this.#stream.endInput();
  }

  override next(): Promise<IteratorResult<stt.SpeechEvent>> {
    return this.#events.next();
  }

  override close(): void {
    this.#onInputEnd();
    this.#speculation?.close();
    this.#stream.close();
    super.close();
  }

  protected override async run(): Promise<void> {}
}

function isPartial(type: stt.SpeechEventType): boolean {
  return type === stt.SpeechEventType.INTERIM_TRANSCRIPT || type === stt.SpeechEventType.PREFLIGHT_TRANSCRIPT;
}

function rewritten(heard: stt.SpeechData, normalized: NormalizedText): stt.SpeechData {
  return { ...heard, text: normalized.text, words: heard.words && normalizeWords(heard.words, normalized) };
}
