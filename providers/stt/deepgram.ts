import { setTimeout as sleep } from 'node:timers/promises';
import { DeepgramClient, type listen } from '@deepgram/sdk';
import {
  APIConnectionError,
  type APIConnectOptions,
  APIError,
  asLanguageCode,
  DEFAULT_API_CONNECT_OPTIONS,
  stt,
  voice,
} from '@livekit/agents';
import { AudioBacklog } from './audio-backlog.ts';
import { DeepgramConnection, type ListenMessage, type ListenQuery } from './deepgram-connection.ts';

/** Settings of the recogniser. */
export interface DeepgramOptions {
  apiKey: string;
  /** `http`, `https`, `ws` or `wss`, without a path; Deepgram's own when absent. */
  baseUrl?: string;
  model: string;
  /** BCP 47 tag, or `multi` to have the language recognised. */
  language: string;
  /** Default: the time-out of the stream's connection options. */
  connectTimeoutMs?: number;
  /** Retries a refusal (401, 400) too, at long intervals: for a recogniser that no other can stand in for. */
  retryRefusals?: boolean;
}

const sampleRateHz = 16_000;
const bytesPerSecond = sampleRateHz * 2;
/** A replay of more than this would be answered too late to be of use. */
const longestReplaySeconds = 30;
/** A refused key is rarely mended sooner, and a vendor may lock out who comes more often. */
const refusalIntervalMs = 5_000;
/** Silence after which Deepgram finalises; the end of the turn is judged elsewhere, so sooner is better. */
const endpointingMs = 25;
/**
 * Deepgram takes 100 key terms and 500 tokens of them (developers.deepgram.com/docs/keyterm#key-term-limits) and stops
 * transcribing above that. It doesn't say what a token is; three characters are fewer than tokens have on average.
 */
const keyTermLimits = { terms: 100, tokens: 500, charactersPerToken: 3 };

/** Streaming speech recognition by Deepgram (`/v1/listen`), through its own SDK. */
export class DeepgramSTT extends stt.STT {
  label = 'deepgram.STT';
  readonly #options: DeepgramOptions;
  readonly #client: DeepgramClient;
  readonly #streams = new Set<DeepgramStream>();
  #keyTerms: string[] = [];

  constructor(options: DeepgramOptions) {
    const keyterms = options.model.startsWith('nova-3');
    super({ streaming: true, interimResults: true, alignedTranscript: 'word', keyterms });
    this.#options = options;
    this.#client = new DeepgramClient({ apiKey: options.apiKey, baseUrl: options.baseUrl });
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'deepgram';
  }

  stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const connOptions = options?.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    const stream = new DeepgramStream(this, connOptions, {
      client: this.#client,
      language: this.#options.language,
      connectTimeoutMs: this.#options.connectTimeoutMs ?? connOptions.timeoutMs,
      retryRefusals: this.#options.retryRefusals ?? false,
      query: () => this.#query(),
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /**
   * Terms to expect, the most useful first: as many as Deepgram takes, and none for models other than Nova-3, which refuse
   * them. Running streams take them on between utterances, on a new connection that is given the audio no final covers yet.
   */
  override _updateSessionKeyterms(keyTerms: string[]): void {
    super._updateSessionKeyterms(keyTerms);
    this.#keyTerms = this.capabilities.keyterms ? withinLimits(keyTerms) : [];
    for (const stream of this.#streams) stream.renewBetweenUtterances();
  }

  override async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
  }

  protected async _recognize(): Promise<stt.SpeechEvent> {
    throw new Error('DeepgramSTT recognises streams only: use stream()');
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
      keyterm: this.#keyTerms,
    };
  }
}

function withinLimits(keyTerms: readonly string[]): string[] {
  let tokens = 0;
  return keyTerms.slice(0, keyTermLimits.terms).filter((term) => {
    tokens += Math.ceil(term.length / keyTermLimits.charactersPerToken);
    return tokens <= keyTermLimits.tokens;
  });
}

interface StreamContext {
  client: DeepgramClient;
  language: string;
  connectTimeoutMs: number;
  retryRefusals: boolean;
  query(): ListenQuery;
  /** The stream will run no more. */
  onEnd(): void;
}

/**
 * One stream of audio over one connection after another. The input is read by one loop for the whole life of the stream,
 * and kept until a final transcript covers it: a new connection is given the rest again.
 */
class DeepgramStream extends stt.SpeechStream {
  label = 'deepgram.SpeechStream';
  readonly #context: StreamContext;
  readonly #backlog = new AudioBacklog(bytesPerSecond, longestReplaySeconds);
  #reading: Promise<void> | undefined;
  #offsetSeconds = 0;
  #connection: DeepgramConnection | undefined;
  #query: ListenQuery | undefined;
  #reportedBytes = 0;
  #requestId = '';
  #isSpeaking = false;
  #flushWanted = false;
  #inputEnded = false;

  constructor(owner: DeepgramSTT, connOptions: APIConnectOptions, context: StreamContext) {
    super(owner, sampleRateHz, connOptions);
    this.#context = context;
    this.abortSignal.addEventListener('abort', () => context.onEnd(), { once: true });
  }

  /** Reconnects with the present key terms, now or at the end of the utterance, if they differ from those in use. */
  renewBetweenUtterances(): void {
    if (this.#isSpeaking || !this.#connection || this.#inputEnded) return;
    if (String(this.#query?.keyterm) !== String(this.#context.query().keyterm)) this.#connection.close();
  }

  /** One attempt of the framework's retry loop; within it the connection is only renewed for key terms. */
  protected async run(): Promise<void> {
    if (!this.#reading) {
      // Later the framework adds the time of its retries, but our times count the audio itself.
      this.#offsetSeconds = this.startTimeOffset;
      this.#reading = this.#readInput();
    }
    while (!this.abortSignal.aborted) {
      this.#query = this.#context.query();
      const connection = await DeepgramConnection.open(this.#context.client, this.#query, {
        timeoutMs: this.#context.connectTimeoutMs,
        signal: this.abortSignal,
        onMessage: (message) => this.#receive(message),
      }).catch((error: unknown) => this.#refused(error));
      this.#serve(connection);
      try {
        await connection.ended;
      } finally {
        this.#connection = undefined;
        this.#reportUsage(connection);
      }
      if (connection.streamClosed) break;
    }
    this.#context.onEnd();
  }

  async #refused(error: unknown): Promise<never> {
    if (!this.#context.retryRefusals || !(error instanceof APIError) || error.retryable) throw error;
    await sleep(refusalIntervalMs, undefined, { signal: this.abortSignal }).catch(() => {});
    throw new APIConnectionError({ message: error.message });
  }

  async #readInput(): Promise<void> {
    for await (const item of this.input) {
      if (typeof item === 'symbol') {
        this.#flushWanted = true;
        this.#connection?.finalize();
      } else if (item.samplesPerChannel > 0) {
        // Copied: the frame's memory is not ours, and this may be sent again much later.
        const audio = new Uint8Array(item.data.buffer, item.data.byteOffset, item.data.byteLength).slice();
        this.#backlog.append(audio);
        this.#connection?.send(audio);
      }
    }
    this.#inputEnded = true;
    this.#connection?.closeStream();
  }

  #serve(connection: DeepgramConnection): void {
    this.#connection = connection;
    this.#reportedBytes = 0;
    for (const audio of this.#backlog.replay()) connection.send(audio);
    if (this.#flushWanted) connection.finalize();
    if (this.#inputEnded) connection.closeStream();
    this.renewBetweenUtterances();
  }

  #receive(message: ListenMessage): void {
    if (message.type === 'SpeechStarted') this.#startSpeech();
    if (message.type === 'Results') this.#receiveResults(message);
  }

  #receiveResults(results: listen.ListenV1Results): void {
    this.#requestId = results.metadata.request_id;
    const data = this.#speechData(results);
    if (data.text) {
      this.#startSpeech();
      this.#put({
        type: results.is_final ? stt.SpeechEventType.FINAL_TRANSCRIPT : stt.SpeechEventType.INTERIM_TRANSCRIPT,
        requestId: this.#requestId,
        alternatives: [data],
      });
    }
    if (!results.is_final) return;
    this.#backlog.acknowledge(results.start + results.duration);
    if (results.from_finalize) this.#flushWanted = false;
    if (this.#connection) this.#reportUsage(this.#connection);
    if (results.speech_final || results.from_finalize || !data.text) this.#endSpeech();
  }

  #speechData(results: listen.ListenV1Results): stt.SpeechData {
    const alternative = results.channel.alternatives[0];
    const languages = alternative?.languages?.map(asLanguageCode);
    const offset = this.#offsetSeconds + this.#backlog.connectionStartSeconds;
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

  #startSpeech(): void {
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    this.#put({ type: stt.SpeechEventType.START_OF_SPEECH });
  }

  #endSpeech(): void {
    if (this.#isSpeaking) {
      this.#isSpeaking = false;
      this.#put({ type: stt.SpeechEventType.END_OF_SPEECH });
    }
    this.renewBetweenUtterances();
  }

  /** Deepgram bills what it was sent, replays included. */
  #reportUsage(connection: DeepgramConnection): void {
    const bytes = connection.sentBytes - this.#reportedBytes;
    if (bytes === 0) return;
    this.#reportedBytes = connection.sentBytes;
    this.#put({
      type: stt.SpeechEventType.RECOGNITION_USAGE,
      requestId: this.#requestId,
      recognitionUsage: { audioDuration: bytes / bytesPerSecond },
    });
  }

  #put(event: stt.SpeechEvent): void {
    if (!this.queue.closed) this.queue.put(event);
  }
}
