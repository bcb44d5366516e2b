import { APIConnectionError, type APIError, APIStatusError, APITimeoutError } from '@livekit/agents';

/** What the SDK's sockets of both endpoints have in common. */
interface SdkSocket<Message> {
  readonly readyState: number;
  on(event: 'open', callback: () => void): void;
  on(event: 'message', callback: (message: Message) => void): void;
  on(event: 'close', callback: (event: { code: number }) => void): void;
  on(event: 'error', callback: (error: Error) => void): void;
  connect(): unknown;
  close(): void;
  sendMedia(audio: Uint8Array): void;
  sendCloseStream(message: { type: 'CloseStream' }): void;
}

/** How a connection is opened, and who hears what Deepgram says on it. */
export interface OpenOptions<Message> {
  timeoutMs: number;
  /** Closes the connection, also later on. */
  signal: AbortSignal;
  onMessage(message: Message): void;
}

/** Deepgram asks for a `KeepAlive` every 3 to 5 s while no audio flows (developers.deepgram.com/docs/audio-keep-alive). */
const keepAliveEveryMs = 4_000;
const openState = 1;

/**
 * One connection to Deepgram. It hides what the SDK does with a socket: its own reconnecting is off, and a failure, which
 * the SDK reports as a normal close (1000) and an error, in this order, becomes one `APIError`.
 */
export abstract class DeepgramConnection<Socket extends SdkSocket<Message>, Message> {
  /** Resolves when the connection ended as we asked, rejects with an `APIError` when it was refused or lost. */
  readonly ended: Promise<void>;
  protected readonly socket: Socket;
  readonly #keepAlive: NodeJS.Timeout;
  #settle: { resolve(): void; reject(error: APIError): void } | undefined;
  #isClosing = false;
  #streamClosed = false;
  #sentBytes = 0;
  #sentBytesAtKeepAlive = 0;

  protected constructor(socket: Socket, onMessage: (message: Message) => void) {
    this.socket = socket;
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
    if (!this.isOpen) return;
    this.#sentBytes += audio.length;
    this.socket.sendMedia(audio);
  }

  /** Tells that no audio will follow: the last transcript comes, then Deepgram closes and `ended` resolves. */
  closeStream(): void {
    if (!this.isOpen) return;
    this.#streamClosed = true;
    this.socket.sendCloseStream({ type: 'CloseStream' });
  }

  /** Closes at once; messages that are still on their way are dropped. */
  close(): void {
    this.#isClosing = true;
    this.socket.close();
  }

  protected get isOpen(): boolean {
    return !this.#isClosing && this.socket.readyState === openState;
  }

  /** Says something that costs nothing; called while no audio flows. */
  protected abstract keepAlive(): void;

  /** Closes because of what Deepgram said. */
  protected fail(error: APIError): void {
    this.#end(error);
    this.close();
  }

  /** Connects. Throws as `open` of the subclasses. */
  protected async connect(signal: AbortSignal): Promise<void> {
    const close = () => this.close();
    signal.addEventListener('abort', close, { once: true });
    this.ended.catch(() => {}).finally(() => signal.removeEventListener('abort', close));
    if (signal.aborted) return close();
    const opened = new Promise<void>((resolve) => this.socket.on('open', resolve));
    this.socket.connect();
    await Promise.race([opened, this.ended]);
  }

  #isExpected(code: number): boolean {
    return this.#isClosing || (this.#streamClosed && (code === 1000 || code === 1005));
  }

  #keepOpen(): void {
    if (this.isOpen && this.#sentBytes === this.#sentBytesAtKeepAlive) this.keepAlive();
    this.#sentBytesAtKeepAlive = this.#sentBytes;
  }

  #end(error: APIError | undefined): void {
    clearInterval(this.#keepAlive);
    if (error) this.#settle?.reject(error);
    else this.#settle?.resolve();
    this.#settle = undefined;
  }
}

/** What every connection asks of the SDK: no reconnecting of its own. */
export function sdkOptions(timeoutMs: number) {
  return { reconnectAttempts: 0, connectionTimeoutInSeconds: timeoutMs / 1000 };
}

/**
 * Opens a connection and closes it again, which proves key and host and costs nothing: what is billed is audio.
 * @throws whatever `open` throws, and the signal's reason once it is aborted.
 */
export async function probeConnection(
  open: (signal: AbortSignal) => Promise<{ close(): void; ended: Promise<void> }>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const connection = await open(signal);
  connection.close();
  signal.throwIfAborted();
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
