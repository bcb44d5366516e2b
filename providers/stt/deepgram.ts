import type { listen } from '@deepgram/sdk';
import { type APIConnectOptions, asLanguageCode, DEFAULT_API_CONNECT_OPTIONS, stt, voice } from '@livekit/agents';
import type { OpenOptions } from './deepgram-connection.ts';
import { withinLimits } from './deepgram-key-terms.ts';
import { ListenConnection, type ListenMessage, type ListenQuery } from './deepgram-listen.ts';
import { DeepgramRecogniser, type DeepgramRecogniserOptions } from './deepgram-recogniser.ts';
import { DeepgramStream, type StreamContext, sampleRateHz } from './deepgram-stream.ts';

/** Settings of the recogniser. */
export interface DeepgramOptions extends DeepgramRecogniserOptions {
  /** BCP 47 tag, or `multi` to have the language recognised. */
  language: string;
}

/** A replay of more than this would be answered too late to be of use. */
const longestReplaySeconds = 30;
/** Silence after which Deepgram finalises; the end of the turn is judged elsewhere, so sooner is better. */
const endpointingMs = 25;

/** Streaming speech recognition by Deepgram (`/v1/listen`), through its own SDK. */
export class DeepgramSTT extends DeepgramRecogniser<ListenStream> {
  label = 'deepgram.STT';
  readonly #options: DeepgramOptions;

  constructor(options: DeepgramOptions) {
    super(options, { keyTerms: options.model.startsWith('nova-3') });
    this.#options = options;
  }

  stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const connOptions = options?.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    const connectTimeoutMs = this.#options.connectTimeoutMs ?? connOptions.timeoutMs;
    const stream = new ListenStream(this, connOptions, {
      language: this.#options.language,
      connectTimeoutMs,
      retryRefusals: this.#options.retryRefusals ?? false,
      longestReplaySeconds,
      query: () => this.#query(),
      open: (query, signal, onMessage) =>
        ListenConnection.open(this.client, query, { timeoutMs: connectTimeoutMs, signal, onMessage }),
      onEnd: () => this.streams.delete(stream),
    });
    this.streams.add(stream);
    return stream;
  }

  /**
   * Terms to expect, the most useful first: as many as Deepgram takes, and none for models other than Nova-3, which refuse
   * them. Running streams take them on between utterances, on a new connection that is given the audio no final covers yet.
   */
  override _updateSessionKeyterms(keyTerms: string[]): void {
    super._updateSessionKeyterms(keyTerms);
    this.keyTerms = this.capabilities.keyterms ? withinLimits(keyTerms) : [];
    for (const stream of this.streams) stream.renewBetweenUtterances();
  }

  protected connect(options: OpenOptions<unknown>): Promise<ListenConnection> {
    return ListenConnection.open(this.client, this.#query(), options);
  }

  #query(): ListenQuery {
    return {
      model: this.#options.model,
      language: this.#options.language,
      encoding: 'linear16',
      sample_rate: sampleRateHz,
      channels: 1,
      interim_results: 'true',
      vad_events: 'true',
      punctuate: 'true',
      endpointing: endpointingMs,
      keyterm: this.keyTerms,
    };
  }
}

interface ListenStreamContext extends StreamContext {
  language: string;
  query(): ListenQuery;
  open(query: ListenQuery, signal: AbortSignal, onMessage: (message: ListenMessage) => void): Promise<ListenConnection>;
}

/** A stream over `/v1/listen`. */
class ListenStream extends DeepgramStream<ListenConnection> {
  label = 'deepgram.SpeechStream';
  readonly #context: ListenStreamContext;
  #query: ListenQuery | undefined;

  constructor(owner: DeepgramSTT, connOptions: APIConnectOptions, context: ListenStreamContext) {
    super(owner, connOptions, context);
    this.#context = context;
  }

  /** Reconnects with the present key terms, now or at the end of the utterance, if they differ from those in use. */
  renewBetweenUtterances(): void {
    if (this.isSpeaking || !this.connection || this.inputEnded) return;
    if (String(this.#query?.keyterm) !== String(this.#context.query().keyterm)) this.connection.close();
  }

  protected override open(): Promise<ListenConnection> {
    this.#query = this.#context.query();
    return this.#context.open(this.#query, this.abortSignal, (message) => this.#receive(message));
  }

  protected override requestFinal(connection: ListenConnection): void {
    connection.finalize();
  }

  protected override betweenUtterances(): void {
    this.renewBetweenUtterances();
  }

  protected override finish(): void {}

  #receive(message: ListenMessage): void {
    if (message.type === 'SpeechStarted') this.startSpeech();
    if (message.type === 'Results') this.#receiveResults(message);
  }

  #receiveResults(results: listen.ListenV1Results): void {
    this.requestId = results.metadata.request_id;
    const data = this.#speechData(results);
    if (data.text) {
      this.startSpeech();
      this.put({
        type: results.is_final ? stt.SpeechEventType.FINAL_TRANSCRIPT : stt.SpeechEventType.INTERIM_TRANSCRIPT,
        requestId: this.requestId,
        alternatives: [data],
      });
    }
    if (!results.is_final) return;
    this.acknowledge(results.start + results.duration);
    if (results.from_finalize) this.flushWanted = false;
    this.reportUsage();
    if (results.speech_final || results.from_finalize || !data.text) this.endSpeech();
  }

  #speechData(results: listen.ListenV1Results): stt.SpeechData {
    const alternative = results.channel.alternatives[0];
    const languages = alternative?.languages?.map(asLanguageCode);
    const offset = this.offsetSeconds;
    const words = (alternative?.words ?? []).map(({ word, punctuated_word, start, end, confidence }) =>
      voice.createTimedString({
        text: punctuated_word ?? word,
        startTime: start + offset,
        endTime: end + offset,
        confidence,
        startTimeOffset: offset,
      }),
    );
    const spoken = this.#context.language === 'multi' ? 'und' : this.#context.language;
    return {
      language: languages?.[0] ?? asLanguageCode(spoken),
      sourceLanguages: languages,
      text: alternative?.transcript ?? '',
      startTime: words[0]?.startTime ?? results.start + offset,
      endTime: words.at(-1)?.endTime ?? results.start + results.duration + offset,
      confidence: alternative?.confidence ?? 0,
      words,
    };
  }
}
