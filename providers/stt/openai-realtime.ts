import { connect } from 'node:net';
import { APIConnectionError, type APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { OpenAI } from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type {
  RealtimeError,
  RealtimeServerEvent,
  RealtimeTranscriptionSessionCreateRequest,
} from 'openai/resources/realtime/realtime';
import { WebSocket } from 'ws';
import { toFrameworkError } from '../llm/openai-errors.ts';

/** How a transcription is configured. */
export type TranscriptionSession = RealtimeTranscriptionSessionCreateRequest;

/** Rate of the only PCM format the vendor takes; 16-bit mono. */
export const sampleRateHz = 24_000;
/** Of that format. */
export const bytesPerSecond = sampleRateHz * 2;

const defaultBaseUrl = 'https://api.openai.com/v1';
/** A peer that hasn't answered our close after this long is cut off. */
const closeTimeoutMs = 1_000;
/** A connection on which nothing was heard from one ping to the next is dead: the vendor tells no end of a lost one. */
const pingEveryMs = 10_000;

/** How a connection is opened, and who hears what is said on it. */
export interface RealtimeOptions {
  apiKey: string;
  /** `http:`, `https:`, `ws:` or `wss:`, with its `/v1`; the vendor's own when absent. */
  baseUrl: string | undefined;
  session: TranscriptionSession;
  /** Longest time until the vendor has taken the configuration. */
  timeoutMs: number;
  /** Closes the connection, also later on. */
  signal: AbortSignal;
  onEvent(event: RealtimeServerEvent): void;
}

/**
 * One transcription session (https://platform.openai.com/docs/guides/realtime-transcription) on the SDK's own realtime
 * WebSocket. An `error` of the vendor ends it, except for a commit without audio, which is handed on.
 */
export class TranscriptionConnection {
  /** Resolves when the connection ended as we asked, or because its time was up; rejects with an `APIError` else. */
  readonly ended: Promise<void>;
  readonly #vendor: OpenAIRealtimeWS;
  readonly #ping: NodeJS.Timeout;
  #settle: { resolve(): void; reject(error: APIError): void } | undefined;
  #refusal: number | undefined;
  #isClosing = false;
  #heardSincePing = true;
  #sentBytes = 0;

  private constructor({ apiKey, baseUrl, onEvent }: RealtimeOptions) {
    this.ended = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#vendor = openVendorSocket(apiKey, baseUrl ?? defaultBaseUrl, (statusCode) => {
      this.#refusal = statusCode;
    });
    // Without a listener the SDK makes each error an unhandled rejection; events and the close tell all of them.
    this.#vendor.on('error', () => {});
    this.#vendor.on('event', (event) => {
      this.#heardSincePing = true;
      if (this.#isClosing) return;
      if (event.type === 'error' && event.error.code !== 'input_audio_buffer_commit_empty') this.#fault(event.error);
      else onEvent(event);
    });
    const { socket } = this.#vendor;
    socket.on('pong', () => {
      this.#heardSincePing = true;
    });
    socket.once('close', (code) => this.#end(this.#isClosing ? undefined : this.#lost(code)));
    this.#ping = setInterval(() => this.#checkPeer(), pingEveryMs);
  }

  /**
   * Connects and configures the session.
   * @throws APIStatusError when the vendor refuses (401, 400 and 404 are final, 429 and 5xx worth a retry), APITimeoutError
   * after `timeoutMs`, APIConnectionError when it can't be reached.
   */
  static async open(options: RealtimeOptions): Promise<TranscriptionConnection> {
    const { session, timeoutMs, signal, onEvent } = options;
    let configured = () => {};
    const ready = new Promise<void>((resolve) => {
      configured = resolve;
    });
    const connection = new TranscriptionConnection({
      ...options,
      onEvent: (event) => {
        if (event.type === 'session.updated') configured();
        onEvent(event);
      },
    });
    const close = () => connection.close();
    signal.addEventListener('abort', close, { once: true });
    connection.ended.catch(() => {}).finally(() => signal.removeEventListener('abort', close));
    if (signal.aborted) close();
    connection.#vendor.socket.once('open', () => connection.configure(session));
    const timer = setTimeout(() => {
      connection.fail(new APITimeoutError({ message: `OpenAI did not open a session in ${timeoutMs} ms` }));
    }, timeoutMs);
    try {
      await Promise.race([ready, connection.ended]);
    } finally {
      clearTimeout(timer);
    }
    return connection;
  }

  /** Bytes of audio sent, silence of our own included: the vendor's clock. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Changes the session; what is said from now on is recognised by it. */
  configure(session: TranscriptionSession): void {
    if (this.#isOpen) this.#vendor.send({ type: 'session.update', session });
  }

  /** Sends audio; dropped while the connection is going down. */
  send(audio: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#sentBytes += audio.length;
    const base64 = Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength).toString('base64');
    this.#vendor.send({ type: 'input_audio_buffer.append', audio: base64 });
  }

  /** Makes an item of the audio that is none yet; answered by `committed`, or an error when there is no such audio. */
  commit(): void {
    if (this.#isOpen) this.#vendor.send({ type: 'input_audio_buffer.commit' });
  }

  /** Closes at once; events that are still on their way are dropped. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const { socket } = this.#vendor;
    if (socket.readyState === WebSocket.CLOSED) return;
    const timer = setTimeout(() => socket.terminate(), closeTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
    this.#vendor.close();
  }

  /** Closes because of a failure. */
  fail(error: APIError): void {
    this.#end(error);
    this.close();
  }

  get #isOpen(): boolean {
    return !this.#isClosing && this.#vendor.socket.readyState === WebSocket.OPEN;
  }

  #fault(error: RealtimeError): void {
    // The vendor ends every session after an hour.
    if (error.code === 'session_expired') {
      this.#end(undefined);
      this.close();
    } else this.fail(vendorError(error));
  }

  #lost(code: number): APIError {
    if (this.#refusal !== undefined) {
      const message = `OpenAI refused the connection with status ${this.#refusal}`;
      return new APIStatusError({ message, options: { statusCode: this.#refusal } });
    }
    return new APIConnectionError({ message: `The connection to OpenAI was lost (${code})` });
  }

  #checkPeer(): void {
    if (!this.#isOpen) return;
    if (!this.#heardSincePing) {
      this.fail(new APITimeoutError({ message: `OpenAI was silent for ${pingEveryMs} ms` }));
      this.#vendor.socket.terminate();
      return;
    }
    this.#heardSincePing = false;
    this.#vendor.socket.ping();
  }

  #end(error: APIError | undefined): void {
    clearInterval(this.#ping);
    if (error) this.#settle?.reject(error);
    else this.#settle?.resolve();
    this.#settle = undefined;
  }
}

/** The framework's error for one of the vendor's events: type, code and parameter, never its message. */
export function vendorError({ type, code, param }: Partial<RealtimeError>): APIError {
  const error = new OpenAI.APIError(undefined, { type, code, param }, undefined, undefined);
  return toFrameworkError(error, { vendor: 'OpenAI', retryable: true });
}

function openVendorSocket(apiKey: string, baseUrl: string, onRefusal: (statusCode: number) => void): OpenAIRealtimeWS {
  const base = new URL(baseUrl);
  const isPlain = base.protocol === 'http:' || base.protocol === 'ws:';
  return new OpenAIRealtimeWS(
    {
      model: '',
      options: {
        perMessageDeflate: false,
        finishRequest: (request) => {
          // The SDK always names a model in the query, which the vendor refuses for a transcription: its model is
          // part of the session.
          request.path = `${base.pathname.replace(/\/$/, '')}/realtime?intent=transcription`;
          request.prependOnceListener('response', ({ statusCode }) => {
            if (statusCode !== undefined) onRefusal(statusCode);
          });
          request.end();
        },
        // The SDK makes `wss:` of every URL; with a plain connection beneath, what is spoken is `ws:` again.
        ...(isPlain && {
          createConnection: () => connect(Number(base.port || 80), base.hostname.replace(/^\[|\]$/g, '')),
        }),
      },
    },
    { apiKey, baseURL: baseUrl },
  );
}
