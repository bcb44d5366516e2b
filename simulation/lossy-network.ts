import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type RelayCounts, type RelayOptions, UdpRelay } from './udp-relay.ts';

const host = '127.0.0.1';
/** The port in an ICE candidate over UDP (RFC 8839, section 5.1), as SDP and trickled candidates have it. */
const candidatePort = /(candidate:\S+ \d+ udp \d+ \S+ )(\d+)( typ )/gi;
const relayAttempts = 50;

/** A way to a LiveKit server on loopback on which the media of whoever takes it gets lost. */
export interface LossyNetwork {
  /** Address to connect to instead of the server's. */
  serverUrl: string;
  counts(): RelayCounts;
  close(): void;
}

/**
 * Stands between a client and a LiveKit server: lets signalling through, and puts a relay's port where the server names its own.
 * The client's own candidates are made useless, or the server would find a way past the relay.
 * @param serverUrl `ws://127.0.0.1:PORT`
 */
export async function openLossyNetwork(serverUrl: string, options: RelayOptions): Promise<LossyNetwork> {
  const relays = new Map<string, Promise<UdpRelay>>();
  const opened: UdpRelay[] = [];
  const relayFor = (mediaPort: string): Promise<UdpRelay> => {
    const opening =
      relays.get(mediaPort) ??
      openRelay(mediaPort, options).then((relay) => {
        opened.push(relay);
        return relay;
      });
    relays.set(mediaPort, opening);
    return opening;
  };
  const fromServer = async (message: string): Promise<string> => {
    const ports = await Promise.all(
      candidatePorts(message).map(async (port) => [port, String((await relayFor(port)).port)] as const),
    );
    const renamed = new Map(ports);
    return withPorts(message, (port) => renamed.get(port) ?? port);
  };
  const fromClient = async (message: string): Promise<string> => withPorts(message, uselessPort);

  const doors = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { authorization } = request.headers;
    const headers = authorization ? { authorization } : {};
    const upstream = new WebSocket(new URL(request.url ?? '/', serverUrl), { headers, perMessageDeflate: false });
    upstream.once('unexpected-response', (_request, { statusCode = 502 }) =>
      socket.end(`HTTP/1.1 ${statusCode} Refused\r\nContent-Length: 0\r\n\r\n`),
    );
    upstream.once('error', () => socket.destroy());
    upstream.once('open', () =>
      doors.handleUpgrade(request, socket, head, (client) => {
        passOn(upstream, client, fromServer);
        passOn(client, upstream, fromClient);
      }),
    );
    // What the server says first would be lost before the client is there.
    upstream.pause();
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    serverUrl: `ws://${host}:${(server.address() as AddressInfo).port}`,
    counts: () => ({
      forwarded: opened.reduce((sum, { counts }) => sum + counts.forwarded, 0),
      dropped: opened.reduce((sum, { counts }) => sum + counts.dropped, 0),
    }),
    close() {
      for (const client of doors.clients) client.terminate();
      server.close();
      server.closeAllConnections();
      for (const relay of opened) relay.close();
    },
  };
}

/** The ports that the candidates of a message name. */
export function candidatePorts(message: string): string[] {
  return [...new Set(Array.from(message.matchAll(candidatePort), ([, , port = '']) => port))];
}

/** A message whose candidates name other ports, of the same length: nothing around them has to change. */
export function withPorts(message: string, rename: (port: string) => string): string {
  return message.replace(candidatePort, (_whole, before: string, port: string, after: string) => {
    return before + rename(port).padStart(port.length, '0') + after;
  });
}

/** The discard port (RFC 863), where nobody listens. */
function uselessPort(): string {
  return '9';
}

/** Messages in their order, though each may have to wait for a relay. */
function passOn(from: WebSocket, to: WebSocket, rewrite: (message: string) => Promise<string>): void {
  let last = Promise.resolve();
  from.on('message', (data: RawData, isBinary: boolean) => {
    // One character a byte: what is not text stays as it is.
    const message = (data as Buffer).toString('latin1');
    last = last.then(async () => {
      const rewritten = Buffer.from(await rewrite(message), 'latin1');
      if (to.readyState === WebSocket.OPEN) to.send(rewritten, { binary: isBinary });
    });
    last.catch(() => to.terminate());
  });
  from.on('close', () => void last.finally(() => to.close()).catch(() => undefined));
  from.on('error', () => to.terminate());
  from.resume();
}

async function openRelay(mediaPort: string, options: RelayOptions): Promise<UdpRelay> {
  const tooLong: UdpRelay[] = [];
  try {
    for (let attempt = 0; attempt < relayAttempts; attempt += 1) {
      const relay = await UdpRelay.open(Number(mediaPort), options);
      if (String(relay.port).length <= mediaPort.length) return relay;
      tooLong.push(relay);
    }
    throw new Error(`no free UDP port has as few digits as ${mediaPort}`);
  } finally {
    for (const relay of tooLong) relay.close();
  }
}
