import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { PairingEvent } from '../../domain/pairing.ts';
import { type ServerMessage, serverMessageSchema } from '../../domain/pairing-messages.ts';

/** How long a client waits for what should come. */
const patienceMs = 20_000;

/** What a client connects with. */
export interface ClientOptions {
  /** Of the API, `http://127.0.0.1:8080`. */
  url: string;
  pairingId: string;
  protocols?: string[];
  origin?: string;
  query?: string;
  autoPong?: boolean;
}

/** A client of a pairing's WebSocket as an app would write it; what the server sends is checked against its schema. */
export class PairingClient {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];
  /** Resolves with the code the connection was closed with. */
  readonly closed: Promise<number>;

  constructor({ url, pairingId, protocols = [], origin, query = '', autoPong = true }: ClientOptions) {
    const address = `${url.replace('http', 'ws')}/api/v1/pairings/${pairingId}/ws${query}`;
    this.socket = new WebSocket(address, protocols, { origin, autoPong });
    this.socket.on('message', (data) => this.messages.push(serverMessageSchema.parse(JSON.parse(String(data)))));
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', () => undefined);
    onTestFinished(() => this.socket.terminate());
  }

  /** Resolves once it is connected. @throws with the HTTP status of a refusal. */
  async opened(): Promise<this> {
    const refused = new Promise<never>((_resolve, reject) => {
      this.socket.once('unexpected-response', (_request, response) => {
        reject(new Error(`refused with ${response.statusCode}`));
        this.socket.terminate();
      });
    });
    await Promise.race([once(this.socket, 'open'), refused]);
    return this;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Waits for a message that is wanted. @throws once the connection is closed, or nothing came in time. */
  async next<T extends ServerMessage['type']>(
    type: T,
    isWanted: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const deadline = Date.now() + patienceMs;
    const matches = (message: ServerMessage): message is Extract<ServerMessage, { type: T }> =>
      message.type === type && isWanted(message as Extract<ServerMessage, { type: T }>);
    for (;;) {
      const found = this.messages.find(matches);
      if (found) return found;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed before a message ${type}`);
      if (Date.now() > deadline) throw new Error(`no message ${type}, only ${JSON.stringify(this.messages)}`);
      await sleep(5);
    }
  }

  /** The event of a type that comes, or came, first. */
  async event(type: PairingEvent['type']): Promise<PairingEvent> {
    return (await this.next('event', ({ event }) => event.type === type)).event;
  }

  /** Sequences of the events that came, in their order. */
  get sequences(): number[] {
    return this.messages.flatMap((message) => (message.type === 'event' ? [message.sequence] : []));
  }
}

/** Connects and says hello; resolves once the server is ready. */
export async function connectClient(options: ClientOptions, hello: object): Promise<PairingClient> {
  const client = await new PairingClient(options).opened();
  client.send({ type: 'hello', ...hello });
  await client.next('ready');
  return client;
}
