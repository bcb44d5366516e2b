import { type APIConnectOptions, asLanguageCode, DEFAULT_API_CONNECT_OPTIONS, stt } from '@livekit/agents';
import type { Probed } from '../probe.ts';
import type { SarvamAddress } from '../sarvam-socket.ts';
import { AudioBacklog } from './audio-backlog.ts';
import { SarvamConnection, type SarvamTranscript } from './sarvam-connection.ts';
import { SarvamTurns } from './sarvam-turns.ts';

/** Settings of the recogniser. */
export interface SarvamSTTOptions {
  apiKey: string;
  /** `http`, `https`, `ws` or `wss`, may have a path; Sarvam's own when absent. */
  baseUrl?: string;
  /** For example `saaras:v3`. */
  model: string;
  /** A language of India, as `hi-IN`, or `en-IN`; recognised by Sarvam when absent or `unknown`. */
  language?: string;
  /** Default: the time-out of the stream's connection options. */
  connectTimeoutMs?: number;
}

const sampleRateHz = 16_000;
const bytesPerSecond = sampleRateHz * 2;
/** A replay of more than this would be answered too late to be of use. */
const longestReplaySeconds = 30;
/** What Sarvam calls a language that it shall recognise itself. */
const anyLanguage = 'unknown';
const probeTimeoutMs = 5_000;

/**
 * Streaming speech recognition by Sarvam
 * (https://docs.sarvam.ai/api-reference-docs/speech-to-text/transcribe/ws): one final transcript an utterance. It gives no
 * interim ones and no times of words, and takes no key terms: the streaming interface documents no prompt.
 */
export class SarvamSTT extends stt.STT implements Probed {
  label = 'sarvam.STT';
  readonly #options: SarvamSTTOptions;
  readonly #streams = new Set<SarvamStream>();

  constructor(options: SarvamSTTOptions) {
    super({ streaming: true, interimResults: false, alignedTranscript: false });
    this.#options = options;
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'sarvam';
  }

  stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const connOptions = options?.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    const asked = this.#options.language ?? anyLanguage;
    const stream = new SarvamStream(this, connOptions, {
      address: this.#address(),
      language: asked === anyLanguage ? 'und' : asked,
      connectTimeoutMs: this.#options.connectTimeoutMs ?? connOptions.timeoutMs,
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Opens a connection, which needs the key, and closes it. @throws as `openSarvamSocket`. */
  async probe(signal: AbortSignal): Promise<void> {
    const listener = { signal() {}, transcript() {} };
    const timeoutMs = this.#options.connectTimeoutMs ?? probeTimeoutMs;
    const connection = await SarvamConnection.open(this.#address(), { sampleRateHz, timeoutMs, signal, listener });
    connection.close();
  }

  override async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
  }

  protected async _recognize(): Promise<stt.SpeechEvent> {
    throw new Error('SarvamSTT recognises streams only: use stream()');
  }

  #address(): SarvamAddress {
    const { apiKey, baseUrl, model, language = anyLanguage } = this.#options;
    return {
      apiKey,
      baseUrl,
      path: '/speech-to-text/ws',
      query: {
        'language-code': language,
        model,
        mode: 'transcribe',
        input_audio_codec: 'pcm_s16le',
        sample_rate: String(sampleRateHz),
        // An utterance ends after 0.5 s of silence instead of 1 s; the end of the turn is judged elsewhere.
        high_vad_sensitivity: 'true',
        vad_signals: 'true',
        flush_signal: 'true',
      },
    };
  }
}

interface StreamContext {
  address: SarvamAddress;
  /** What transcripts are in that name no language. */
  language: string;
  connectTimeoutMs: number;
  /** The stream will run no more. */
  onEnd(): void;
}

/**
 * One stream of audio over one connection after another. The input is read by one loop for the whole life of the stream,
 * and kept until a final transcript covers it: a new connection is given the rest again.
 */
class SarvamStream extends stt.SpeechStream {
  label = 'sarvam.SpeechStream';
  readonly #context: StreamContext;
  readonly #backlog = new AudioBacklog(bytesPerSecond, longestReplaySeconds);
  readonly #turns: SarvamTurns;
  #reading: Promise<void> | undefined;
  #offsetSeconds = 0;
  #connection: SarvamConnection | undefined;
  #reportedSeconds = 0;
  #requestId = '';
  #inputEnded = false;

  constructor(owner: SarvamSTT, connOptions: APIConnectOptions, context: StreamContext) {
    super(owner, sampleRateHz, connOptions);
    this.#context = context;
    this.#turns = new SarvamTurns({
      speechStarted: () => this.#put({ type: stt.SpeechEventType.START_OF_SPEECH }),
      speechEnded: () => this.#put({ type: stt.SpeechEventType.END_OF_SPEECH }),
      allSaid: () => this.#connection?.close(),
    });
    this.abortSignal.addEventListener('abort', () => context.onEnd(), { once: true });
  }

  /** One attempt of the framework's retry loop. */
  protected async run(): Promise<void> {
    if (!this.#reading) {
      // Later the framework adds the time of its retries, but our times count the audio itself.
      this.#offsetSeconds = this.startTimeOffset;
      this.#reading = this.#readInput();
    }
    try {
      const connection = await SarvamConnection.open(this.#context.address, {
        sampleRateHz,
        timeoutMs: this.#context.connectTimeoutMs,
        signal: this.abortSignal,
        listener: {
          signal: (type) => this.#turns.signal(type, this.#connection?.audioSeconds ?? 0),
          transcript: (transcript) => this.#receive(transcript),
        },
      });
      await this.#serve(connection);
    } catch (error) {
      if (!this.abortSignal.aborted) throw error;
    }
    this.#context.onEnd();
  }

  async #readInput(): Promise<void> {
    for await (const item of this.input) {
      if (typeof item === 'symbol') this.#flush();
      else if (item.samplesPerChannel > 0) {
        // Copied: the frame's memory is not ours, and this may be sent again much later.
        const audio = new Uint8Array(item.data.buffer, item.data.byteOffset, item.data.byteLength).slice();
        this.#backlog.append(audio);
        this.#connection?.send(audio);
      }
    }
    this.#inputEnded = true;
    this.#finish();
  }

  async #serve(connection: SarvamConnection): Promise<void> {
    this.#connection = connection;
    this.#reportedSeconds = 0;
    this.#turns.connected();
    for (const audio of this.#backlog.replay()) connection.send(audio);
    if (this.#turns.flushWanted) this.#flush();
    if (this.#inputEnded) this.#finish();
    try {
      await connection.ended;
    } finally {
      this.#connection = undefined;
      this.#turns.disconnected();
      this.#reportUsage(connection);
    }
  }

  #flush(): void {
    this.#turns.flush(this.#connection?.audioSeconds ?? 0);
    this.#connection?.flush();
  }

  /** Sarvam is not told of the end: it is asked for the last words, and the connection closed when they came. */
  #finish(): void {
    if (!this.#connection) return;
    this.#flush();
    this.#turns.endInput();
  }

  #receive(transcript: SarvamTranscript): void {
    const text = transcript.transcript?.trim() ?? '';
    this.#requestId = transcript.request_id ?? '';
    const covered = this.#turns.transcribed();
    if (text) {
      this.#turns.startSpeech();
      this.#put({
        type: stt.SpeechEventType.FINAL_TRANSCRIPT,
        requestId: this.#requestId,
        alternatives: [this.#speechData(text, transcript, covered?.endSeconds)],
      });
    }
    if (covered) this.#backlog.acknowledge(covered.doneSeconds);
    if (this.#connection) this.#reportUsage(this.#connection);
    this.#turns.settle();
  }

  /** Times are as exact as Sarvam's signals: it tells how long an utterance was, and its end when it has noticed it. */
  #speechData(text: string, transcript: SarvamTranscript, endSeconds: number | undefined): stt.SpeechData {
    const { language_code, language_probability, metrics } = transcript;
    const startOfConnection = this.#offsetSeconds + this.#backlog.connectionStartSeconds;
    const endTime = startOfConnection + (endSeconds ?? this.#connection?.audioSeconds ?? 0);
    return {
      language: asLanguageCode(language_code ?? this.#context.language),
      text,
      startTime: Math.max(startOfConnection, endTime - (metrics?.audio_duration ?? 0)),
      endTime,
      // Sarvam rates the language only, and only where it was to find it out.
      confidence: language_probability ?? 1,
    };
  }

  /** Sarvam bills what it was sent, replays included. */
  #reportUsage(connection: SarvamConnection): void {
    const audioDuration = connection.sentSeconds - this.#reportedSeconds;
    if (audioDuration === 0) return;
    this.#reportedSeconds = connection.sentSeconds;
    this.#put({
      type: stt.SpeechEventType.RECOGNITION_USAGE,
      requestId: this.#requestId,
      recognitionUsage: { audioDuration },
    });
  }

  #put(event: stt.SpeechEvent): void {
    if (!this.queue.closed && !this.abortSignal.aborted) this.queue.put(event);
  }
}
