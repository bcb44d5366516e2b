import { APIConnectionError, type APIError } from '@livekit/agents';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { openSarvamSocket, parseSarvamMessage, type SarvamAddress, sarvamError } from '../sarvam-socket.ts';
import type { PieceOptions, PieceSource } from './piecewise.ts';

/** What Sarvam says, as far as it is of use (https://docs.sarvam.ai/api-reference-docs/text-to-speech/stream). */
const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('audio'), data: z.object({ audio: z.string() }) }),
  z.object({ type: z.literal('event'), data: z.object({ event_type: z.string() }) }),
  z.object({ type: z.literal('error'), data: z.object({ code: z.unknown() }).nullish() }),
]);

/** Sarvam closes a connection after a minute without messages. */
const pingEveryMs = 20_000;
/** A piece that is spoken and the one after it: what a reply needs at once. */
const keptSockets = 2;

/** How a voice connects, and what it tells Sarvam first. */
export interface SarvamVoiceSettings {
  address: SarvamAddress;
  /** Of the `config` message. */
  config: Readonly<Record<string, string | number>>;
  connectTimeoutMs: number;
}

/** One configured connection. It speaks one piece at a time, since nothing in its audio says to which text it belongs. */
class SarvamVoiceSocket {
  readonly #socket: WebSocket;
  readonly #ping: NodeJS.Timeout;
  #piece: { onAudio(pcm: Uint8Array): void; resolve(): void; reject(error: APIError): void } | undefined;

  constructor(socket: WebSocket, config: SarvamVoiceSettings['config']) {
    this.#socket = socket;
    socket.on('message', (data) => this.#receive(data));
    socket.once('close', () => {
      clearInterval(this.#ping);
      this.#fail(new APIConnectionError({ message: 'The connection to Sarvam was lost' }));
    });
    this.#ping = setInterval(() => this.#send({ type: 'ping' }), pingEveryMs);
    this.#send({ type: 'config', data: config });
  }

  get isUsable(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Speaks a text to its end. An abort closes the connection: Sarvam has no other way to stop. */
  async speak(text: string, { signal, onAudio }: PieceOptions): Promise<void> {
    const close = () => this.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#piece = { onAudio, resolve, reject };
        this.#send({ type: 'text', data: { text } });
        this.#send({ type: 'flush' });
        if (!this.isUsable) this.#fail(new APIConnectionError({ message: 'The connection to Sarvam was lost' }));
      });
    } finally {
      this.#piece = undefined;
      signal.removeEventListener('abort', close);
    }
  }

  /** Closes at once; what was being spoken fails. */
  close(): void {
    clearInterval(this.#ping);
    this.#socket.terminate();
  }

  #receive(data: unknown): void {
    const parsed = messageSchema.safeParse(parseSarvamMessage(data));
    if (!parsed.success || !this.isUsable) return;
    const message = parsed.data;
    if (message.type === 'audio') this.#piece?.onAudio(Buffer.from(message.data.audio, 'base64'));
    else if (message.type === 'event') {
      if (message.data.event_type === 'final') this.#piece?.resolve();
    } else {
      this.#fail(sarvamError(message.data?.code));
      this.close();
    }
  }

  #fail(error: APIError): void {
    this.#piece?.reject(error);
  }

  #send(message: object): void {
    if (this.isUsable) this.#socket.send(JSON.stringify(message));
  }
}

/** The connections of one voice: opened ahead of their use, kept afterwards, as many as pieces are spoken at once. */
export class SarvamVoiceSockets implements PieceSource {
  readonly #settings: SarvamVoiceSettings;
  readonly #open = new Set<SarvamVoiceSocket>();
  readonly #closed = new AbortController();
  #idle: SarvamVoiceSocket[] = [];
  /** One that nobody waits for yet. */
  #spare: Promise<SarvamVoiceSocket> | undefined;

  constructor(settings: SarvamVoiceSettings) {
    this.#settings = settings;
  }

  /** Begins to connect when no connection is free. A failure shows when one is used. */
  warm(): void {
    this.#idle = this.#idle.filter((socket) => socket.isUsable);
    if (this.#closed.signal.aborted || this.#spare || this.#idle.length > 0) return;
    const spare = this.#connect();
    this.#spare = spare;
    const settle = (socket?: SarvamVoiceSocket) => {
      if (this.#spare !== spare) return;
      this.#spare = undefined;
      if (socket) this.#idle.push(socket);
    };
    spare.then(settle, () => settle());
  }

  /** @throws as `openSarvamSocket` and `sarvamError`. */
  async speak(text: string, options: PieceOptions): Promise<void> {
    const socket = await this.#take();
    try {
      if (!options.signal.aborted) await socket.speak(text, options);
    } finally {
      this.#giveBack(socket);
      // After an interruption the next reply is near, and its connection gone.
      if (options.signal.aborted) this.warm();
    }
  }

  /** Closes all connections, also those that are being opened. */
  close(): void {
    this.#closed.abort();
    for (const socket of this.#open) socket.close();
  }

  async #take(): Promise<SarvamVoiceSocket> {
    for (let socket = this.#idle.pop(); socket; socket = this.#idle.pop()) {
      if (socket.isUsable) return socket;
    }
    const spare = this.#spare;
    this.#spare = undefined;
    return spare ?? this.#connect();
  }

  #giveBack(socket: SarvamVoiceSocket): void {
    if (socket.isUsable && this.#idle.length < keptSockets) this.#idle.push(socket);
    else socket.close();
  }

  async #connect(): Promise<SarvamVoiceSocket> {
    const { address, config, connectTimeoutMs: timeoutMs } = this.#settings;
    const signal = this.#closed.signal;
    const socket = await openSarvamSocket(address, { timeoutMs, signal });
    const voiceSocket = new SarvamVoiceSocket(socket, config);
    this.#open.add(voiceSocket);
    socket.once('close', () => this.#open.delete(voiceSocket));
    // Closed while the handshake's end was on its way here.
    if (signal.aborted) voiceSocket.close();
    return voiceSocket;
  }
}
