import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** An event of the Realtime API, from either side. */
export type RealtimeEvent = { type: string } & Record<string, unknown>;

/** A server that says what a test wants it to say, and grants every change of the conversation. */
export class ScriptedServer {
  readonly received: RealtimeEvent[] = [];
  /** Called for each event besides audio and changes of the conversation. */
  answer: (event: RealtimeEvent) => void = () => {};
  readonly #server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  /** Whether it grants changes of the session. */
  isGranting = true;
  connections = 0;

  constructor() {
    this.#server.on('connection', (socket) => {
      this.connections += 1;
      socket.on('message', (data) => this.#receive(JSON.parse(String(data))));
      this.send({ type: 'session.created', session: {} });
    });
  }

  /** Resolves when it can be reached. */
  async listening(): Promise<this> {
    if (!this.#server.address()) await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  send(event: RealtimeEvent): void {
    for (const socket of this.#server.clients) socket.send(JSON.stringify(event));
  }

  /** Speaks a whole reply of text for a response. */
  reply(id: string, text: string, metadata?: unknown): void {
    const part = { response_id: id, item_id: `item_${id}`, output_index: 0, content_index: 0 };
    this.send({ type: 'response.created', response: { id, status: 'in_progress', metadata } });
    this.send({ type: 'response.output_text.delta', ...part, delta: text });
    this.send({ type: 'response.done', response: { id, status: 'completed' } });
  }

  of(type: string): RealtimeEvent[] {
    return this.received.filter((event) => event.type === type);
  }

  /** Cuts the connections. */
  drop(): void {
    for (const socket of this.#server.clients) socket.terminate();
  }

  async close(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #receive(event: RealtimeEvent): void {
    this.received.push(event);
    const { type, item, item_id } = event;
    if (type === 'session.update' && this.isGranting) this.send({ type: 'session.updated', session: {} });
    else if (type === 'conversation.item.create') this.send({ type: 'conversation.item.added', item });
    else if (type === 'conversation.item.delete') this.send({ type: 'conversation.item.deleted', item_id });
    else this.answer(event);
  }
}
