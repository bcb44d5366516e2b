import type { DeepgramClient, listen } from '@deepgram/sdk';
import { APIConnectionError, type APIError, APIStatusError, APITimeoutError } from '@livekit/agents';

type ListenClient = DeepgramClient['listen']['v1'];
type Socket = Awaited<ReturnType<ListenClient['connect']>>;

/** Query of `/v1/listen`. */
export type ListenQuery = Pick<
  Parameters<ListenClient['connect']>[0],
  | 'channels'
  | 'encoding'
  | 'endpointing'
  | 'interim_results'
  | 'keyterm'
  | 'language'
  | 'model'
  | 'punctuate'
  | 'sample_rate'
  | 'vad_events'
>;

/** Whatever Deepgram says on a connection. */
export type ListenMessage =
  | listen.ListenV1Results
  | listen.ListenV1Metadata
  | listen.ListenV1UtteranceEnd
  | listen.ListenV1SpeechStarted;

/** Deepgram asks for a `KeepAlive` every 3 to 5 s while no audio flows (developers.deepgram.com/docs/audio-keep-alive). */
const keepAliveEveryMs = 4_000;
const openState = 1;

/**
 * One connection to Deepgram. It hides what the SDK does with a socket: its own reconnecting is off, and a failure, which
 * the SDK reports as a normal close (1000) and an error, in this order, becomes one `APIError`.
 */
export class DeepgramConnection {
  /** Resolves when the connection ended as we asked, rejects with an `APIError` when it was refused or lost. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #keepAlive: NodeJS.Timeout;
  #settle: { resolve(): void; reject(error: APIError): void } | undefined;
  #isClosing = false;
  #streamClosed = false;
  #sentBytes = 0;
  #sentBytesAtKeepAlive = 0;

  private constructor(socket: Socket, onMessage: (message: ListenMessage) => void) {
    this.#socket = socket;
    this.ended = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    socket.on('message', (message) => {
      if (!this.#isClosing) onMessage(message);
    });
    socket.on('error', (error) => this.#end(failureOf(error)));
    // Not at once: the error that explains the close follows in the same turn.
    socket.on('close', ({ code }) => queueMicrotask(() => this.#end(this.#isExpected(code) ? undefined : lost(code))));
    this.#keepAlive = setInterval(() => this.#keepOpen(), keepAliveEveryMs);
  }

  /**
   * Connects. An abort closes the connection, also later on.
   * @throws APIStatusError when Deepgram refuses (401 and 400 are final, 429 and 5xx worth a retry), APITimeoutError after
   * `timeoutMs`, APIConnectionError when it can't be reached.
   */
  static async open(
    client: DeepgramClient,
    query: ListenQuery,
    options: { timeoutMs: number; signal: AbortSignal; onMessage: (message: ListenMessage) => void },
  ): Promise<DeepgramConnection> {
    const socket = await client.listen.v1.connect({
      ...query,
      reconnectAttempts: 0,
      connectionTimeoutInSeconds: options.timeoutMs / 1000,
    });
    const connection = new DeepgramConnection(socket, options.onMessage);
    const close = () => connection.close();
    options.signal.addEventListener('abort', close, { once: true });
    connection.ended.catch(() => {}).finally(() => options.signal.removeEventListener('abort', close));
    if (options.signal.aborted) close();
    else {
      const opened = new Promise<void>((resolve) => socket.on('open', resolve));
      socket.connect();
      await Promise.race([opened, connection.ended]);
    }
    return connection;
  }

  /** Bytes of audio sent. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Whether the end of the audio was told. */
  get streamClosed(): boolean {
    return this.#streamClosed;
  }

  /** Sends audio; dropped while the connection is going down. */
  send(audio: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#sentBytes += audio.length;
    this.#socket.sendMedia(audio);
  }

  /** Asks for a final transcript of what was sent. */
  finalize(): void {
    if (this.#isOpen) this.#socket.sendFinalize({ type: 'Finalize' });
  }

  /** Tells that no audio will follow: the last transcript comes, then Deepgram closes and `ended` resolves. */
  closeStream(): void {
    if (!this.#isOpen) return;
    this.#streamClosed = true;
    this.#socket.sendCloseStream({ type: 'CloseStream' });
  }

  /** Closes at once; messages that are still on their way are dropped. */
  close(): void {
    this.#isClosing = true;
    this.#socket.close();
  }

  get #isOpen(): boolean {
    return !this.#isClosing && this.#socket.readyState === openState;
  }

  #isExpected(code: number): boolean {
    return this.#isClosing || (this.#streamClosed && (code === 1000 || code === 1005));
  }

  #keepOpen(): void {
    if (this.#isOpen && this.#sentBytes === this.#sentBytesAtKeepAlive)
      this.#socket.sendKeepAlive({ type: 'KeepAlive' });
    this.#sentBytesAtKeepAlive = this.#sentBytes;
  }

  #end(error: APIError | undefined): void {
    clearInterval(this.#keepAlive);
    if (error) this.#settle?.reject(error);
    else this.#settle?.resolve();
    this.#settle = undefined;
  }
}

/** The SDK keeps nothing of a refused handshake but the text of the `ws` library, so the status is read from that. */
function failureOf(error: Error): APIError {
  if (error.message === 'TIMEOUT')
    return new APITimeoutError({ message: 'Deepgram did not answer the connection in time' });
  const status = Number(/^Unexpected server response: (\d{3})$/.exec(error.message)?.[1]);
  if (!status) return new APIConnectionError({ message: `Could not connect to Deepgram: ${error.message}` });
  return new APIStatusError({
    message: `Deepgram refused the connection with HTTP ${status}`,
    options: { statusCode: status },
  });
}

function lost(code: number): APIError {
  return new APIConnectionError({ message: `Deepgram closed the connection (${code})` });
}
