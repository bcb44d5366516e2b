import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { RoomServiceClient } from 'livekit-server-sdk';
import type { Environment } from '../core/config/environment.ts';
import { newSecret } from '../core/ids.ts';
import type { LiveKit, LiveKitOptions } from './livekit.ts';
import { type Child, freePort, startProcess } from './processes.ts';

/** The release that is built, pulled and tested. */
export const liveKitVersion = 'v1.11.0';

/** A port someone asked for, and the setting it came from. */
export interface LiveKitPort {
  number: number;
  /** Named in the error when the port is taken. */
  setting: string;
}

/** Ports of one server: HTTP and WebSocket (TCP), media (UDP). */
export interface ServerPorts {
  http: number;
  udp: number;
}

/** A program that becomes a LiveKit server when it is started with `LIVEKIT_CONFIG`. */
export interface ServerProgram {
  /** Where it came from, to be shown. */
  origin: string;
  command: string;
  /** Set when the command is Docker's client. */
  container?: {
    env: Environment;
    args: (ports: ServerPorts) => string[];
    /** Makes sure the container is gone. */
    remove: () => Promise<void>;
  };
}

const attempts = 5;
const apiKey = 'parley';

/**
 * Starts a server with a random secret on free ports of loopback and waits until it answers. Another process may take
 * a port between the look and the start: the server is then tried again on others.
 * @throws Error when the port asked for is taken, or when the server does not start.
 */
export async function startServer(program: ServerProgram, options: LiveKitOptions): Promise<LiveKit> {
  const { port, progress, apiSecret = newSecret(), webhookUrl, redisUrl } = options;
  for (let attempt = 1; ; attempt += 1) {
    if (port && !(await isFree(port.number))) {
      throw new Error(`Port ${port.number} (${port.setting}) is taken: set another one, or unset it for a free one.`);
    }
    try {
      const ports = { http: port?.number ?? (await freePort()), udp: await freeUdpPort() };
      return await startOnce(program, ports, { apiSecret, webhookUrl, redisUrl });
    } catch (error) {
      if (attempt === attempts || !(error instanceof Error && lostPort.test(error.message))) throw error;
      progress('another process was quicker at a port: trying others');
    }
  }
}

const lostPort = /address already in use|port is already allocated|Only one usage of each socket address/i;

async function startOnce(
  program: ServerProgram,
  ports: ServerPorts,
  { apiSecret, webhookUrl, redisUrl }: { apiSecret: string } & Pick<LiveKitOptions, 'webhookUrl' | 'redisUrl'>,
): Promise<LiveKit> {
  const { container } = program;
  const url = `http://127.0.0.1:${ports.http}`;
  const webhook = webhookUrl && !container ? { webhook: { api_key: apiKey, urls: [webhookUrl] } } : {};
  const redis = redisUrl ? { redis: { address: new URL(redisUrl).host } } : {};
  const settings = { ...configuration(ports, apiSecret, Boolean(container)), ...webhook, ...redis };
  const child = await startProcess({
    name: 'LiveKit',
    command: program.command,
    args: container?.args(ports) ?? [],
    // The configuration goes by the environment: no file with a secret is left behind, whatever happens.
    env: { ...container?.env, LIVEKIT_CONFIG: JSON.stringify(settings) },
    readyUrl: url,
  });
  const stop = async () => {
    // It would wait for everyone to leave their rooms.
    await child.stop(1_000);
    await container?.remove();
  };
  try {
    await new RoomServiceClient(url, apiKey, apiSecret).listRooms();
  } catch (error) {
    await stop();
    throw new Error(foreignServer(child, error));
  }
  return { url: url.replace('http', 'ws'), apiKey, apiSecret, origin: program.origin, pid: child.pid, stop };
}

/** Whoever answers and does not know the secret is another server, on a port that ours lost. */
function foreignServer(child: Child, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return [
    `LiveKit's address already in use by another server, or it is not well (${reason}):`,
    ...child.lastLines(),
  ].join('\n  ');
}

/**
 * Configuration of a server for one machine (github.com/livekit/livekit, `config-sample.yaml`; JSON is YAML). Media
 * goes over UDP alone: the listener for ICE over TCP can't be bound to loopback.
 */
function configuration({ http, udp }: ServerPorts, apiSecret: string, inContainer: boolean): object {
  const loopback = { ips: { includes: ['127.0.0.1/32'] }, enable_loopback_candidate: true };
  return {
    port: http,
    ...(inContainer ? {} : { bind_addresses: ['127.0.0.1'] }),
    keys: { [apiKey]: apiSecret },
    rtc: {
      udp_port: udp,
      tcp_port: 0,
      node_ip: '127.0.0.1',
      use_external_ip: false,
      stun_servers: [],
      ...(inContainer ? {} : loopback),
    },
    // A room waits five minutes for its first guest; one who lost the network has 20 s to come back.
    room: { empty_timeout: 300, departure_timeout: 20 },
    logging: { level: 'warn' },
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
