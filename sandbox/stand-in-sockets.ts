import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SandboxLog } from './log.ts';
import type { Vendor } from './settings.ts';

/** How an upgrade is refused. */
export interface UpgradeRefusal {
  status: number;
  /** Of the status line (default `Refused`). */
  reason?: string;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: object;
}

/** The WebSockets of one stand-in: those that were accepted, and those that wait for an answer that never comes. */
export class StandInSockets {
  readonly #vendor: Vendor;
  readonly #log: SandboxLog;
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #hanging = new Set<Duplex>();
  #count = 0;

  constructor(vendor: Vendor, log: SandboxLog) {
    this.#vendor = vendor;
    this.#log = log;
  }

  /** A number for the connection that is asked for. */
  number(): number {
    this.#count += 1;
    return this.#count;
  }

  /** Completes an upgrade. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, serve: (accepted: WebSocket) => void): void {
    this.#server.handleUpgrade(request, socket, head, serve);
  }

  /** Leaves an upgrade without an answer until the client goes. */
  hang(socket: Duplex, connection: number, details: Record<string, unknown> = {}): void {
    this.#log.add(this.#vendor, 'connection-hung', connection, details);
    this.#hanging.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      this.#hanging.delete(socket);
      this.#log.add(this.#vendor, 'hung-connection-closed', connection);
    });
    // Only a socket that is read notices that its peer has gone.
    socket.resume();
  }

  /** Answers an upgrade with an HTTP error, which the client's WebSocket library reports as a failed handshake. */
  refuse(socket: Duplex, { status, reason = 'Refused', headers = {}, body }: UpgradeRefusal): void {
    const text = body ? JSON.stringify(body) : '';
    const lines = {
      Connection: 'close',
      ...(body && { 'Content-Type': 'application/json' }),
      'Content-Length': String(Buffer.byteLength(text)),
      ...headers,
    };
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}`);
    socket.end([`HTTP/1.1 ${status} ${reason}`, ...head, '', text].join('\r\n'));
  }

  /** Cuts every connection that was accepted. */
  drop(): void {
    for (const client of this.#server.clients) client.terminate();
  }

  /** Ends all of them. */
  close(): void {
    for (const socket of this.#hanging) socket.destroy();
    this.drop();
  }
}
