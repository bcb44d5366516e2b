import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { seededRandom } from './seeded-random.ts';

const host = '127.0.0.1';

/** How a network misbehaves. */
export interface RelayOptions {
  /** Share of packets that is lost, in each direction. */
  drop: number;
  /** Decides which. */
  seed: number;
}

/** Packets that came by. */
export interface RelayCounts {
  forwarded: number;
  dropped: number;
}

/** Says of one packet after the other whether it is lost, the same for the same seed. */
export function dropper({ drop, seed }: RelayOptions): () => boolean {
  const random = seededRandom(seed);
  return () => random() < drop;
}

/** A relay for UDP on loopback: each sender gets a socket of its own towards the target, as behind a router. */
export class UdpRelay {
  readonly counts: RelayCounts = { forwarded: 0, dropped: 0 };
  readonly port: number;
  readonly #door: Socket;
  readonly #targetPort: number;
  readonly #lines = new Map<string, Socket>();
  readonly #outward: () => boolean;
  readonly #inward: () => boolean;

  private constructor(door: Socket, targetPort: number, options: RelayOptions) {
    this.#door = door;
    this.#targetPort = targetPort;
    this.port = door.address().port;
    this.#outward = dropper(options);
    this.#inward = dropper({ ...options, seed: options.seed + 1 });
    door.on('message', (packet, sender) => this.#fromSender(packet, sender));
  }

  /** Opens a relay to a port of loopback. */
  static async open(targetPort: number, options: RelayOptions): Promise<UdpRelay> {
    const door = createSocket('udp4');
    door.bind(0, host);
    await once(door, 'listening');
    return new UdpRelay(door, targetPort, options);
  }

  close(): void {
    for (const socket of [this.#door, ...this.#lines.values()]) socket.close();
  }

  #fromSender(packet: Buffer, { port, address }: RemoteInfo): void {
    if (this.#isLost(this.#outward)) return;
    const key = `${address}:${port}`;
    let line = this.#lines.get(key);
    if (!line) {
      line = createSocket('udp4');
      line.on('message', (answer) => {
        if (!this.#isLost(this.#inward)) this.#door.send(answer, port, address);
      });
      // A port that nobody listens on any more is told by an error; packets may get lost anyway.
      line.on('error', () => {});
      this.#lines.set(key, line);
    }
    line.send(packet, this.#targetPort, host);
  }

  #isLost(drops: () => boolean): boolean {
    const isLost = drops();
    this.counts[isLost ? 'dropped' : 'forwarded'] += 1;
    return isLost;
  }
}
