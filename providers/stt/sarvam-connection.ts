import { APIConnectionError, type APIError } from '@livekit/agents';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { openSarvamSocket, parseSarvamMessage, type SarvamAddress, sarvamError } from '../sarvam-socket.ts';

/**
 * What Sarvam says on a connection, as far as it is of use
 * (https://docs.sarvam.ai/api-reference-docs/speech-to-text/transcribe/ws).
 */
const messageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('data'),
    data: z.object({
      request_id: z.string().nullish(),
      transcript: z.string().nullish(),
      language_code: z.string().nullish(),
      language_probability: z.number().nullish(),
      metrics: z.object({ audio_duration: z.number().nullish() }).nullish(),
    }),
  }),
  z.object({ type: z.literal('events'), data: z.object({ signal_type: z.string().nullish() }) }),
  z.object({ type: z.literal('error'), data: z.object({ code: z.unknown() }).nullish() }),
]);

type SarvamMessage = z.infer<typeof messageSchema>;

/** A transcript and what came with it. */
export type SarvamTranscript = Extract<SarvamMessage, { type: 'data' }>['data'];

/** What a connection tells. */
export interface SarvamListener {
  /** The vendor's detector of speech. A transcript follows the end. */
  signal(type: 'START_SPEECH' | 'END_SPEECH'): void;
  transcript(transcript: SarvamTranscript): void;
}

/**
 * Sarvam closes a connection that gets no audio for a minute and knows no message that keeps it open, so it is sent a
 * little silence (https://docs.sarvam.ai/api/api-guides-tutorials/speech-to-text/best-practices). Clients have seen it
 * close after 20 s.
 */
const keepAliveEveryMs = 8_000;
const keepAliveMs = 100;

/** One connection to Sarvam's streaming recogniser: 16-bit mono audio up, signals and transcripts down. */
export class SarvamConnection {
  /** Resolves when the connection ended as we asked, rejects with an `APIError` when it was lost or Sarvam reports one. */
  readonly ended: Promise<void>;
  readonly #socket: WebSocket;
  readonly #sampleRateHz: number;
  readonly #keepAlive: NodeJS.Timeout;
  #settle: { resolve(): void; reject(error: APIError): void } | undefined;
  #audioBytes = 0;
  #silenceBytes = 0;
  #audioBytesAtKeepAlive = 0;

  private constructor(socket: WebSocket, sampleRateHz: number, listener: SarvamListener) {
    this.#socket = socket;
    this.#sampleRateHz = sampleRateHz;
    this.ended = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    socket.on('message', (data) => this.#receive(data, listener));
    socket.once('close', (code) => this.#end(lost(code)));
    this.#keepAlive = setInterval(() => this.#keepOpen(), keepAliveEveryMs);
  }

  /**
   * Connects. An abort closes the connection, also later on.
   * @throws as `openSarvamSocket`.
   */
  static async open(
    address: SarvamAddress,
    options: { sampleRateHz: number; timeoutMs: number; signal: AbortSignal; listener: SarvamListener },
  ): Promise<SarvamConnection> {
    const { signal } = options;
    const socket = await openSarvamSocket(address, options);
    const connection = new SarvamConnection(socket, options.sampleRateHz, options.listener);
    const close = () => connection.close();
    signal.addEventListener('abort', close, { once: true });
    connection.ended.catch(() => {}).finally(() => signal.removeEventListener('abort', close));
    if (signal.aborted) close();
    return connection;
  }

  /** Seconds of audio sent, without the silence that keeps the connection open. */
  get audioSeconds(): number {
    return this.#audioBytes / 2 / this.#sampleRateHz;
  }

  /** Seconds of everything sent. */
  get sentSeconds(): number {
    return this.audioSeconds + this.#silenceBytes / 2 / this.#sampleRateHz;
  }

  /** Sends audio; dropped while the connection is going down. */
  send(audio: Uint8Array): void {
    if (!this.#settle) return;
    this.#audioBytes += audio.length;
    this.#sendAudio(audio);
  }

  /** Asks for a transcript of what was sent, without waiting for silence. */
  flush(): void {
    this.#send({ type: 'flush' });
  }

  /** Closes at once; messages that are still on their way are dropped. */
  close(): void {
    this.#end(undefined);
  }

  #receive(data: unknown, listener: SarvamListener): void {
    const parsed = messageSchema.safeParse(parseSarvamMessage(data));
    if (!this.#settle || !parsed.success) return;
    const message = parsed.data;
    if (message.type === 'data') listener.transcript(message.data);
    else if (message.type === 'error') this.#end(sarvamError(message.data?.code));
    else if (message.data.signal_type === 'START_SPEECH' || message.data.signal_type === 'END_SPEECH') {
      listener.signal(message.data.signal_type);
    }
  }

  #keepOpen(): void {
    if (this.#audioBytes === this.#audioBytesAtKeepAlive) {
      const silence = new Uint8Array((2 * this.#sampleRateHz * keepAliveMs) / 1000);
      this.#silenceBytes += silence.length;
      this.#sendAudio(silence);
    }
    this.#audioBytesAtKeepAlive = this.#audioBytes;
  }

  /** Raw samples go under this name of an encoding too: what they are is said in the query. */
  #sendAudio(audio: Uint8Array): void {
    const data = Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString('base64');
    this.#send({ audio: { data, sample_rate: this.#sampleRateHz, encoding: 'audio/wav' } });
  }

  #send(message: object): void {
    if (this.#settle && this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #end(error: APIError | undefined): void {
    const settle = this.#settle;
    if (!settle) return;
    this.#settle = undefined;
    clearInterval(this.#keepAlive);
    // A close handshake would be answered after everything that is still being recognised.
    this.#socket.terminate();
    if (error) settle.reject(error);
    else settle.resolve();
  }
}

function lost(code: number): APIError {
  return new APIConnectionError({ message: `Sarvam closed the connection (${code})` });
}
