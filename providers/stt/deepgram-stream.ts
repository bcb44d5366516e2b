import { setTimeout as sleep } from 'node:timers/promises';
import { APIConnectionError, type APIConnectOptions, APIError, stt } from '@livekit/agents';
import { AudioBacklog } from './audio-backlog.ts';

/** What both endpoints are sent: 16-bit mono. */
export const sampleRateHz = 16_000;
const bytesPerSecond = sampleRateHz * 2;
/** A refused key is rarely mended sooner, and a vendor may lock out who comes more often. */
const refusalIntervalMs = 5_000;

/** What a stream needs of its recogniser. */
export interface StreamContext {
  connectTimeoutMs: number;
  retryRefusals: boolean;
  /** What is kept for a new connection at most, the latest audio. */
  longestReplaySeconds: number;
  /** The stream will run no more. */
  onEnd(): void;
}

/** What a stream needs of a connection; see `DeepgramConnection`. */
interface Connection {
  readonly ended: Promise<void>;
  readonly sentBytes: number;
  readonly streamClosed: boolean;
  send(audio: Uint8Array): void;
  closeStream(): void;
  close(): void;
}

/**
 * One stream of audio over one connection after another. The input is read by one loop for the whole life of the stream,
 * and kept until a final transcript covers it: a new connection is given the rest again.
 */
export abstract class DeepgramStream<C extends Connection> extends stt.SpeechStream {
  /** Of Deepgram's latest message. */
  protected requestId = '';
  /** A flush was asked for that no final transcript has answered yet. */
  protected flushWanted = false;
  readonly #context: StreamContext;
  readonly #backlog: AudioBacklog;
  #reading: Promise<void> | undefined;
  #offsetSeconds = 0;
  #connection: C | undefined;
  #replayedSeconds = 0;
  #reportedBytes = 0;
  #isSpeaking = false;
  #inputEnded = false;

  constructor(owner: stt.STT, connOptions: APIConnectOptions, context: StreamContext) {
    super(owner, sampleRateHz, connOptions);
    this.#context = context;
    this.#backlog = new AudioBacklog(bytesPerSecond, context.longestReplaySeconds);
    this.abortSignal.addEventListener('abort', () => context.onEnd(), { once: true });
  }

  /** The open connection, once it was given what it has to hear again. */
  protected get connection(): C | undefined {
    return this.#connection;
  }

  protected get isSpeaking(): boolean {
    return this.#isSpeaking;
  }

  protected get inputEnded(): boolean {
    return this.#inputEnded;
  }

  /** Seconds to add to Deepgram's, which count from the start of the connection. */
  protected get offsetSeconds(): number {
    return this.#offsetSeconds + this.#backlog.connectionStartSeconds;
  }

  /** How much audio the present connection was given again. */
  protected get replayedSeconds(): number {
    return this.#replayedSeconds;
  }

  protected abstract open(): Promise<C>;

  /** Asks for a final transcript of what was sent. */
  protected abstract requestFinal(connection: C): void;

  /** Between two utterances, or on a new connection: the moment to change what it is recognised with. */
  protected abstract betweenUtterances(): void;

  /** The last connection closed after the end of the input. */
  protected abstract finish(): void;

  /** One attempt of the framework's retry loop; within it a connection that we closed ourselves is opened anew. */
  protected async run(): Promise<void> {
    if (!this.#reading) {
      // Later the framework adds the time of its retries, but our times count the audio itself.
      this.#offsetSeconds = this.startTimeOffset;
      this.#reading = this.#readInput();
    }
    while (!this.abortSignal.aborted) {
      const connection = await this.open().catch((error: unknown) => this.#refused(error));
      this.#serve(connection);
      try {
        await connection.ended;
      } finally {
        this.#connection = undefined;
        this.#reportUsage(connection);
      }
      if (!connection.streamClosed) continue;
      if (!this.abortSignal.aborted) this.finish();
      break;
    }
    this.#context.onEnd();
  }

  /** A final transcript covers the first `seconds` of the connection's audio; nothing of it will be sent again. */
  protected acknowledge(seconds: number): void {
    this.#backlog.acknowledge(seconds);
  }

  protected startSpeech(): void {
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    this.put({ type: stt.SpeechEventType.START_OF_SPEECH });
  }

  protected endSpeech(): void {
    if (this.#isSpeaking) {
      this.#isSpeaking = false;
      this.put({ type: stt.SpeechEventType.END_OF_SPEECH });
    }
    this.betweenUtterances();
  }

  /** Tells what was sent since the last time. Deepgram bills what it was sent, replays included. */
  protected reportUsage(): void {
    if (this.#connection) this.#reportUsage(this.#connection);
  }

  protected put(event: stt.SpeechEvent): void {
    if (!this.queue.closed) this.queue.put(event);
  }

  async #refused(error: unknown): Promise<never> {
    if (!this.#context.retryRefusals || !(error instanceof APIError) || error.retryable) throw error;
    await sleep(refusalIntervalMs, undefined, { signal: this.abortSignal }).catch(() => {});
    throw new APIConnectionError({ message: error.message });
  }

  async #readInput(): Promise<void> {
    for await (const item of this.input) {
      if (typeof item === 'symbol') {
        this.flushWanted = true;
        if (this.#connection) this.requestFinal(this.#connection);
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

  #serve(connection: C): void {
    this.#connection = connection;
    this.#reportedBytes = 0;
    for (const audio of this.#backlog.replay()) connection.send(audio);
    this.#replayedSeconds = connection.sentBytes / bytesPerSecond;
    if (this.flushWanted) this.requestFinal(connection);
    if (this.#inputEnded) connection.closeStream();
    this.betweenUtterances();
  }

  #reportUsage(connection: C): void {
    const bytes = connection.sentBytes - this.#reportedBytes;
    if (bytes === 0) return;
    this.#reportedBytes = connection.sentBytes;
    this.put({
      type: stt.SpeechEventType.RECOGNITION_USAGE,
      requestId: this.requestId,
      recognitionUsage: { audioDuration: bytes / bytesPerSecond },
    });
  }
}
