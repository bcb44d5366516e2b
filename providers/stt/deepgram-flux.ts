import type { listen } from '@deepgram/sdk';
import { type APIConnectOptions, asLanguageCode, DEFAULT_API_CONNECT_OPTIONS, stt, voice } from '@livekit/agents';
import type { OpenOptions } from './deepgram-connection.ts';
import { FluxConnection, type FluxMessage, type FluxQuery } from './deepgram-flux-connection.ts';
import { withinLimits } from './deepgram-key-terms.ts';
import { DeepgramRecogniser, type DeepgramRecogniserOptions } from './deepgram-recogniser.ts';
import { DeepgramStream, type StreamContext, sampleRateHz } from './deepgram-stream.ts';

/** Settings of the recogniser. */
export interface DeepgramFluxOptions extends DeepgramRecogniserOptions {
  /** `flux-general-en` for English alone, `flux-general-multi` for ten languages that may change within a conversation. */
  model: string;
  /** BCP 47 tags of the languages to expect; a model for English takes none, and is sent none. */
  languageHints?: readonly string[];
  /** How sure Flux is before it ends a turn: 0.5 to 0.9, or 1 for never (the vendor's default is 0.7). */
  eotThreshold?: number;
  /**
   * How sure Flux is before it gives the transcript of a turn ahead of its end, from which a reply can be begun: 0.3 to 0.9
   * and no more than `eotThreshold`. Nothing is given ahead when absent.
   */
  eagerEotThreshold?: number;
  /** Silence that ends a turn however unsure Flux is: 500 to 60,000 (the vendor's default is 5,000). */
  eotTimeoutMs?: number;
}

/** A turn is transcribed for good at its end only, and may be longer than what Nova leaves open. */
const longestReplaySeconds = 60;
/** The beginning of a word may be in audio that has no transcript yet. */
const onsetSeconds = 1;

/**
 * Streaming speech recognition by Deepgram Flux (`/v2/listen`, developers.deepgram.com/docs/flux), through its own SDK. Flux
 * judges the end of a turn itself: with `turnDetection: 'stt'` nothing else has to. A flush ends the turn at once; where
 * the deployment does not know how, the turn ends as Flux sees fit.
 */
export class DeepgramFluxSTT extends DeepgramRecogniser<FluxStream> {
  label = 'deepgram.FluxSTT';
  readonly #options: DeepgramFluxOptions;
  #canForceEndTurn = true;

  constructor(options: DeepgramFluxOptions) {
    super(options, { keyTerms: true });
    this.#options = options;
  }

  stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const connOptions = options?.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    const timeoutMs = this.#options.connectTimeoutMs ?? connOptions.timeoutMs;
    const stream = new FluxStream(this, connOptions, {
      fallbackLanguage: this.#fallbackLanguage(),
      connectTimeoutMs: timeoutMs,
      retryRefusals: this.#options.retryRefusals ?? false,
      longestReplaySeconds,
      keyTerms: () => this.keyTerms,
      open: (signal, onMessage) => FluxConnection.open(this.client, this.#query(), { timeoutMs, signal, onMessage }),
      forceEndTurn: (connection) => {
        if (this.#canForceEndTurn) connection.forceEndTurn(() => this.#forbidForcedEnds());
      },
      onEnd: () => this.streams.delete(stream),
    });
    this.streams.add(stream);
    return stream;
  }

  /**
   * Terms to expect, the most useful first: as many as Deepgram takes. Running streams take them on at once, on the same
   * connection; should Flux refuse them, those before stay in use.
   */
  override _updateSessionKeyterms(keyTerms: string[]): void {
    super._updateSessionKeyterms(keyTerms);
    this.keyTerms = withinLimits(keyTerms);
    for (const stream of this.streams) stream.configure();
  }

  protected connect(options: OpenOptions<unknown>): Promise<FluxConnection> {
    return FluxConnection.open(this.client, this.#query(), options);
  }

  #forbidForcedEnds(): void {
    this.#canForceEndTurn = false;
    for (const stream of this.streams) stream.forgetFlush();
  }

  get #isEnglish(): boolean {
    return this.#options.model.endsWith('-en');
  }

  #hints(): string[] {
    if (this.#isEnglish) return [];
    // ISO 639-1: Flux knows nothing of regions.
    return [...new Set((this.#options.languageHints ?? []).map((tag) => tag.split('-')[0]?.toLowerCase() ?? ''))];
  }

  /** What is spoken where Flux does not say. */
  #fallbackLanguage(): string {
    const [hint, ...others] = this.#hints();
    if (this.#isEnglish) return 'en';
    return hint && others.length === 0 ? hint : 'und';
  }

  #query(): FluxQuery {
    return {
      model: this.#options.model,
      encoding: 'linear16',
      sample_rate: sampleRateHz,
      language_hint: this.#hints(),
      keyterm: this.keyTerms,
      eot_threshold: this.#options.eotThreshold,
      eager_eot_threshold: this.#options.eagerEotThreshold,
      eot_timeout_ms: this.#options.eotTimeoutMs,
    };
  }
}

interface FluxStreamContext extends StreamContext {
  fallbackLanguage: string;
  keyTerms(): readonly string[];
  open(signal: AbortSignal, onMessage: (message: FluxMessage) => void): Promise<FluxConnection>;
  forceEndTurn(connection: FluxConnection): void;
}

/** A stream over `/v2/listen`: a transcript is that of the whole turn so far, and final at the turn's end. */
class FluxStream extends DeepgramStream<FluxConnection> {
  label = 'deepgram.FluxSpeechStream';
  readonly #context: FluxStreamContext;
  #keyTermsInUse: readonly string[] = [];
  /** What was said of the open turn. */
  #open: stt.SpeechData | undefined;

  constructor(owner: DeepgramFluxSTT, connOptions: APIConnectOptions, context: FluxStreamContext) {
    super(owner, connOptions, context);
    this.#context = context;
  }

  /** Puts the present key terms to use. */
  configure(): void {
    const keyTerms = this.#context.keyTerms();
    if (!this.connection || String(keyTerms) === String(this.#keyTermsInUse)) return;
    this.#keyTermsInUse = keyTerms;
    this.connection.configure(keyTerms);
  }

  /** No flush will be answered. */
  forgetFlush(): void {
    this.flushWanted = false;
  }

  protected override open(): Promise<FluxConnection> {
    this.#keyTermsInUse = this.#context.keyTerms();
    return this.#context.open(this.abortSignal, (message) => {
      if (message.type === 'TurnInfo') this.#receive(message);
    });
  }

  protected override requestFinal(connection: FluxConnection): void {
    this.#context.forceEndTurn(connection);
  }

  protected override betweenUtterances(): void {
    this.configure();
  }

  /** Flux doesn't end the turn that is open at the end of the audio: what it said last is final. */
  protected override finish(): void {
    if (this.#open) this.#endTurn(this.#open);
  }

  #receive(turn: listen.ListenV2TurnInfo): void {
    this.requestId = turn.request_id;
    const data = this.#speechData(turn);
    if (turn.event === 'EndOfTurn') {
      this.acknowledge(turn.audio_window_end);
      this.#endTurn(data);
    } else if (data.text) this.#goOn(turn.event, data);
    else this.#hearSilence(turn.audio_window_end);
  }

  #goOn(event: string, data: stt.SpeechData): void {
    this.startSpeech();
    // Updates come four times a second, whether or not there is anything new.
    const isNews = event !== 'Update' || data.text !== this.#open?.text;
    this.#open = data;
    if (!isNews) return;
    const isEager = event === 'EagerEndOfTurn';
    const type = isEager ? stt.SpeechEventType.PREFLIGHT_TRANSCRIPT : stt.SpeechEventType.INTERIM_TRANSCRIPT;
    this.put({ type, requestId: this.requestId, alternatives: [data] });
  }

  #endTurn(data: stt.SpeechData): void {
    this.flushWanted = false;
    this.#open = undefined;
    if (data.text) {
      this.startSpeech();
      const type = stt.SpeechEventType.FINAL_TRANSCRIPT;
      this.put({ type, requestId: this.requestId, alternatives: [data] });
    }
    this.reportUsage();
    this.endSpeech();
  }

  #hearSilence(untilSeconds: number): void {
    this.acknowledge(untilSeconds - onsetSeconds);
    // A turn that was lost with its connection, and in which a new one hears no words.
    if (this.isSpeaking && untilSeconds > this.replayedSeconds + onsetSeconds) {
      this.#open = undefined;
      this.endSpeech();
    }
  }

  #speechData(turn: listen.ListenV2TurnInfo): stt.SpeechData {
    const offset = this.offsetSeconds;
    const later = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds + offset);
    const words = turn.words.map(({ word, start, end, confidence }) =>
      voice.createTimedString({
        text: word,
        startTime: later(start),
        endTime: later(end),
        confidence,
        startTimeOffset: offset,
      }),
    );
    const languages = turn.languages?.map(asLanguageCode);
    const confidence = turn.words.reduce((sum, word) => sum + word.confidence, 0) / (turn.words.length || 1);
    return {
      language: languages?.[0] ?? asLanguageCode(this.#context.fallbackLanguage),
      sourceLanguages: languages,
      text: turn.transcript,
      startTime: words[0]?.startTime ?? turn.audio_window_start + offset,
      endTime: words.at(-1)?.endTime ?? turn.audio_window_end + offset,
      confidence,
      words,
    };
  }
}
