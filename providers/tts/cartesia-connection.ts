import { randomUUID } from 'node:crypto';
import type { WebsocketResponse } from '@cartesia/cartesia-js/resources/tts';
import { APIConnectionError } from '@livekit/agents';
import { WebSocket } from 'ws';
import { CartesiaFailure, type CartesiaSettings, openVendorSocket, type VendorSocket } from './cartesia-sdk.ts';

/** A peer that hasn't answered our close after this long is cut off. */
const closeTimeoutMs = 1_000;

/** What became of a context: all was spoken, we gave it up, or the vendor ended it before all of its input. */
type ContextOutcome = 'complete' | 'cancelled' | 'expired';

/** Words as they were sent, and when each begins and ends, in seconds of its context's audio. */
export interface WordTimes {
  words: string[];
  start: number[];
  end: number[];
}

/** Who hears what a context says. */
interface ContextListener {
  onAudio(pcm: Uint8Array): void;
  onWords(words: WordTimes): void;
}

/** One stretch of speech with one intonation. Its pieces are spoken in the order in which they are sent. */
export class CartesiaContext {
  /** Rejects with `CartesiaFailure`. */
  readonly outcome: Promise<ContextOutcome>;
  readonly #id = randomUUID();
  readonly #socket: CartesiaSocket;
  readonly #listener: ContextListener;
  #settle: { resolve(outcome: ContextOutcome): void; reject(failure: CartesiaFailure): void } | undefined;
  #answeredPieces = 0;
  #unansweredPieces = 0;
  #inputEnded = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: CartesiaSocket, listener: ContextListener) {
    this.#socket = socket;
    this.#listener = listener;
    this.outcome = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    socket.contexts.set(this.#id, this);
    if (!socket.isUsable) this.fail(new CartesiaFailure('The connection to Cartesia was lost'));
  }

  get isOpen(): boolean {
    return this.#settle !== undefined;
  }

  /** How many pieces the vendor has taken: those sent before its latest audio. */
  get answeredPieces(): number {
    return this.#answeredPieces;
  }

  /** Sends text; more may follow. */
  send(text: string): void {
    this.#unansweredPieces += 1;
    this.#socket.generate(this.#id, text, true);
    this.#awaitAnswer();
  }

  /** No more text will follow. */
  endInput(): void {
    this.#inputEnded = true;
    this.#socket.generate(this.#id, '', false);
    this.#awaitAnswer();
  }

  /** Stops speaking; what the vendor still sends is dropped. */
  cancel(): void {
    if (!this.isOpen) return;
    if (this.#answeredPieces + this.#unansweredPieces > 0) this.#socket.cancel(this.#id);
    this.#close()?.resolve('cancelled');
  }

  /** Ends with a failure. */
  fail(failure: CartesiaFailure): void {
    this.#close()?.reject(failure);
  }

  /** Takes a message of the vendor. */
  receive(event: WebsocketResponse): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (event.type === 'done') {
      // Pieces sent after the last audio crossed the vendor's expiry. Where nothing at all was heard, nothing crossed.
      if (this.#answeredPieces === 0) this.#answer();
      this.#close()?.resolve(this.#inputEnded && this.#unansweredPieces === 0 ? 'complete' : 'expired');
    } else if (event.type === 'error') {
      const { status_code: statusCode, error_code: code } = event;
      const message = `Cartesia refused the text with status ${statusCode}${code ? ` (${code})` : ''}`;
      this.fail(new CartesiaFailure(message, { statusCode }));
    } else {
      if (event.type === 'chunk') {
        this.#answer();
        if (event.audio) this.#listener.onAudio(event.audio);
      } else if (event.type === 'timestamps' && event.word_timestamps) this.#listener.onWords(event.word_timestamps);
      this.#awaitAnswer();
    }
  }

  #answer(): void {
    this.#answeredPieces += this.#unansweredPieces;
    this.#unansweredPieces = 0;
  }

  /** Silence is the vendor's fault only while it owes something; else it waits for text as we do. */
  #awaitAnswer(): void {
    if (this.#timer || !this.isOpen || (!this.#inputEnded && this.#unansweredPieces === 0)) return;
    const { chunkTimeoutMs } = this.#socket.settings;
    this.#timer = setTimeout(() => {
      this.#socket.cancel(this.#id);
      this.#socket.retire();
      this.fail(new CartesiaFailure(`Cartesia sent no audio for ${chunkTimeoutMs} ms`, { timedOut: true }));
    }, chunkTimeoutMs);
  }

  #close() {
    clearTimeout(this.#timer);
    const settle = this.#settle;
    this.#settle = undefined;
    this.#socket.remove(this.#id);
    return settle;
  }
}

/** One WebSocket and the contexts that share it. */
class CartesiaSocket {
  readonly settings: CartesiaSettings;
  readonly contexts = new Map<string, CartesiaContext>();
  readonly closed: Promise<void>;
  readonly #vendor: VendorSocket;
  #retired = false;

  constructor(vendor: VendorSocket, settings: CartesiaSettings) {
    this.settings = settings;
    this.#vendor = vendor;
    vendor.on('event', (event) => {
      // Messages of contexts we gave up find nobody. An error that names no context concerns them all.
      if (event.context_id) this.contexts.get(event.context_id)?.receive(event);
      else for (const context of [...this.contexts.values()]) context.receive(event);
    });
    this.closed = new Promise((resolve) => {
      vendor.socket.addEventListener('close', () => {
        resolve();
        for (const context of [...this.contexts.values()]) {
          context.fail(new CartesiaFailure('The connection to Cartesia was lost'));
        }
      });
    });
  }

  /** Whether a new context may begin on it. */
  get isUsable(): boolean {
    return this.#isOpen && !this.#retired;
  }

  get #isOpen(): boolean {
    return this.#vendor.socket.readyState === WebSocket.OPEN;
  }

  /** Sends text of a context; `more` says whether further text may follow. */
  generate(contextId: string, transcript: string, more: boolean): void {
    const { model, voiceId, language, sampleRateHz, speed, pronunciationDictionaryId } = this.settings;
    this.#send({
      context_id: contextId,
      model_id: model,
      voice: { mode: 'id', id: voiceId },
      output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: sampleRateHz },
      language,
      ...(speed !== undefined && { generation_config: { speed } }),
      ...(pronunciationDictionaryId !== undefined && { pronunciation_dict_id: pronunciationDictionaryId }),
      transcript,
      continue: more,
      add_timestamps: true,
      // Pieces are whole clauses already: by default the vendor would wait up to 3 s for more text.
      max_buffer_delay_ms: 0,
    });
  }

  cancel(contextId: string): void {
    this.#send({ context_id: contextId, cancel: true });
  }

  /** Takes no new contexts, because it may be dead; closes with its last one. */
  retire(): void {
    this.#retired = true;
  }

  remove(contextId: string): void {
    this.contexts.delete(contextId);
    if (this.#retired && this.contexts.size === 0) void this.close();
  }

  /** Cancels what is being spoken and waits for the socket's end. */
  async close(): Promise<void> {
    for (const context of [...this.contexts.values()]) context.cancel();
    const { socket } = this.#vendor;
    this.#vendor.close();
    const timer = setTimeout(() => socket instanceof WebSocket && socket.terminate(), closeTimeoutMs);
    await this.closed;
    clearTimeout(timer);
  }

  /** On a socket that is no longer open the SDK would silently connect anew, where no context is known. */
  #send(message: Parameters<VendorSocket['send']>[0]): void {
    if (this.#isOpen) void this.#vendor.send(message);
  }
}

/** The one connection of a voice: opened ahead of its use, shared by all contexts, opened again when it was lost. */
export class CartesiaConnection {
  readonly #settings: CartesiaSettings;
  /** More than one only while a retired one finishes. */
  readonly #sockets = new Set<CartesiaSocket>();
  #opening: Promise<CartesiaSocket> | undefined;
  #closed = false;

  constructor(settings: CartesiaSettings) {
    this.#settings = settings;
  }

  /** Begins to connect when there is no connection. A failure shows when the connection is used. */
  warm(): void {
    if (!this.#closed) this.#usableSocket().catch(() => {});
  }

  /** Begins a context. Throws `CartesiaFailure`, or `APIConnectionError` after `close()`. */
  async startContext(listener: ContextListener): Promise<CartesiaContext> {
    return new CartesiaContext(await this.#usableSocket(), listener);
  }

  /** Opens a connection of its own and closes it, which proves key and host and costs nothing. Throws `CartesiaFailure`. */
  async probe(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const vendor = await openVendorSocket(this.#settings, signal);
    await new CartesiaSocket(vendor, this.#settings).close();
    signal.throwIfAborted();
  }

  /** Cancels what is being spoken and leaves no socket and no timer. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => {});
    await Promise.all([...this.#sockets].map((socket) => socket.close()));
  }

  async #usableSocket(): Promise<CartesiaSocket> {
    if (this.#closed) {
      throw new APIConnectionError({ message: 'This voice was closed', options: { retryable: false } });
    }
    for (const socket of this.#sockets) if (socket.isUsable) return socket;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<CartesiaSocket> {
    const socket = new CartesiaSocket(await openVendorSocket(this.#settings), this.#settings);
    this.#sockets.add(socket);
    void socket.closed.then(() => this.#sockets.delete(socket));
    return socket;
  }
}
