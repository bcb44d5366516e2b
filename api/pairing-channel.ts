import type { RawData, WebSocket } from 'ws';
import { closeCodes, type ServerMessage } from '../domain/pairing-messages.ts';

/** Messages of one client in `messageWindowMs`; one that sends more is cut off. */
const messagesPerWindow = 60;
const messageWindowMs = 10_000;

/** Why a connection is closed. */
export type CloseReason = keyof typeof closeCodes;

/** Messages of a pairing on one WebSocket, one at a time in each direction. */
export class PairingChannel {
  readonly #socket: WebSocket;
  readonly #sendTimeoutMs: number;
  #handling = Promise.resolve();
  #window = { startsAtMs: 0, messages: 0 };
  #unansweredPings = 0;
  /** Resolves once it is closed, by whomever. */
  readonly closed: Promise<void>;

  /**
   * @param sendTimeoutMs What the client has for taking one message.
   * @param handle Gets each message as parsed JSON, undefined for what is none, once the one before was handled; doesn't reject.
   */
  constructor(socket: WebSocket, sendTimeoutMs: number, handle: (message: unknown) => Promise<void>) {
    this.#socket = socket;
    this.#sendTimeoutMs = sendTimeoutMs;
    // A close follows each error.
    socket.on('error', () => undefined);
    socket.on('pong', () => {
      this.#unansweredPings = 0;
    });
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary, handle));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Resolves once the message is out of our hands, so that no more than one waits here. */
  async send(message: ServerMessage): Promise<void> {
    const timer = setTimeout(() => {
      this.close('tooSlow');
      // It doesn't read that either.
      this.terminate();
    }, this.#sendTimeoutMs);
    await new Promise<void>((resolve) => this.#socket.send(JSON.stringify(message), () => resolve()));
    clearTimeout(timer);
  }

  /** Asks for a sign of life (RFC 6455, section 5.5.2); ends the connection when the last two were not answered. */
  ping(): void {
    this.#unansweredPings += 1;
    if (this.#unansweredPings > 2) this.terminate();
    else this.#socket.ping();
  }

  /** @param explanation For whoever debugs a client; a close frame holds 123 bytes of it (RFC 6455, section 5.5). */
  close(reason: CloseReason, explanation: string = reason): void {
    this.#socket.close(closeCodes[reason], explanation.replace(/[^ -~]/g, '?').slice(0, 120));
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: RawData, isBinary: boolean, handle: (message: unknown) => Promise<void>): void {
    const nowMs = performance.now();
    if (nowMs - this.#window.startsAtMs > messageWindowMs) this.#window = { startsAtMs: nowMs, messages: 0 };
    this.#window.messages += 1;
    if (this.#window.messages > messagesPerWindow) this.close('tooMany');
    if (isBinary) this.close('badMessage', 'send JSON as text');
    if (!this.isOpen) return;
    this.#handling = this.#handling.then(() => (this.isOpen ? handle(parsedJson(data.toString())) : undefined));
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
