import { existsSync } from 'node:fs';
import getPort from 'get-port';
import { startApi } from '../api/start.ts';
import { assetPath } from '../core/assets.ts';
import { systemClock } from '../core/clock.ts';
import { type Environment, loadApiConfig, loadWorkerConfig } from '../core/config.ts';
import { newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { openDatabase } from '../db/client.ts';
import { jobs } from '../jobs/registry.ts';
import { startJobs } from '../jobs/start.ts';
import { createRooms } from '../services/rooms.ts';
import { ensureLiveKit, type LiveKit } from './livekit.ts';
import { entry, freePort, startProcess } from './processes.ts';

/** What a stack needs to know; everything missing from `env` is replaced by something local. */
export interface StackOptions {
  env: Environment;
  /** Folder of the embedded database; unused when `DATABASE_URL` is set. */
  dataDir: string;
  progress(line: string): void;
}

/** Everything running on this machine. */
export interface Stack {
  apiUrl: string;
  livekit: LiveKit;
  agentName: string;
  developmentToken: string;
  /** Where the worker answers `/readyz`. */
  workerUrl: string;
  workerPid: number;
  /** The stand-ins; absent when every vendor is real. */
  sandboxUrl?: string;
  ttsIsStandIn: boolean;
  /** Part by part, what is real. */
  parts: { part: string; origin: string }[];
  stop(): Promise<void>;
}

/** Each vendor's variables, and what it does for a call. */
const vendors = [
  { part: 'STT', vendor: 'Deepgram', key: 'DEEPGRAM_API_KEY', baseUrl: 'DEEPGRAM_BASE_URL' },
  { part: 'LLM', vendor: 'Anthropic', key: 'ANTHROPIC_API_KEY', baseUrl: 'ANTHROPIC_BASE_URL' },
  { part: 'TTS', vendor: 'Cartesia', key: 'CARTESIA_API_KEY', baseUrl: 'CARTESIA_BASE_URL' },
] as const;

/** The environment with what `.env` adds to it; a variable that is set already wins, an empty one counts as not set. */
export function localEnvironment(): Environment {
  const file = assetPath('.env');
  if (existsSync(file)) process.loadEnvFile(file);
  return Object.fromEntries(Object.entries(process.env).filter(([, value]) => value?.trim()));
}

/**
 * Starts a LiveKit server, the stand-ins of vendors without a key, API and jobs on an embedded database (in this process)
 * and a worker, each on a free loopback port unless the environment says otherwise.
 * @throws with one message for a person when a part can't be started; nothing is left running then.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const releasers = new Releasers();
  try {
    return await start(options, releasers);
  } catch (error) {
    await releasers.releaseAll();
    throw error;
  }
}

async function start({ env, dataDir, progress }: StackOptions, releasers: Releasers): Promise<Stack> {
  const livekit = await ensureLiveKit({ env, progress });
  releasers.add(() => livekit.stop());

  const standIns = vendors.filter(({ key }) => !env[key]?.trim());
  const sandbox = standIns.length ? await startSandbox(env, releasers) : undefined;
  const api = await startLocalApi({ env, dataDir, livekit, progress }, releasers);

  const workerEnvironment: Environment = {
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: String(await freePort()),
    LOG_LEVEL: 'warn',
    ...env,
    // Elsewhere the native room client logs to standard output.
    NODE_ENV: 'production',
    ...liveKitVariables(livekit),
    API_URL: api.url,
    ...Object.fromEntries(
      standIns.flatMap(({ key, baseUrl }) => [
        [key, 'stand-in'],
        [baseUrl, sandbox?.sandboxUrl],
      ]),
    ),
  };
  const { agentName, port } = loadWorkerConfig(workerEnvironment);
  // Another worker there would answer in place of ours.
  if (env.WORKER_PORT && (await getPort({ host: '127.0.0.1', port })) !== port) {
    throw new Error(`Port ${port} (WORKER_PORT) is taken: set another one, or unset it for a free one.`);
  }
  const workerUrl = `http://127.0.0.1:${port}`;
  const worker = await startProcess({
    name: 'the agent worker',
    ...entry('agents/worker'),
    env: workerEnvironment,
    readyUrl: `${workerUrl}/readyz`,
    onLine: env.LOG_LEVEL ? progress : undefined,
  });
  releasers.add(() => worker.stop());

  return {
    apiUrl: api.url,
    livekit,
    agentName,
    developmentToken: api.developmentToken,
    workerUrl,
    workerPid: worker.pid,
    sandboxUrl: sandbox?.sandboxUrl,
    ttsIsStandIn: standIns.some(({ part }) => part === 'TTS'),
    parts: [
      { part: 'LiveKit', origin: livekit.origin },
      { part: 'database', origin: env.DATABASE_URL ? 'PostgreSQL of DATABASE_URL' : `embedded PGlite in ${dataDir}` },
      ...vendors.map((vendor) => ({
        part: vendor.part,
        origin: standIns.includes(vendor) ? standInOrigin(vendor, sandbox?.voiceEngine) : `${vendor.vendor}, real`,
      })),
    ],
    stop: () => releasers.releaseAll(),
  };
}

/** API and jobs in this process on the data folder, with secrets made up where none are set. */
export async function startLocalApi(
  { env, dataDir, livekit, progress }: StackOptions & { livekit: Pick<LiveKit, 'url' | 'apiKey' | 'apiSecret'> },
  releasers: Releasers,
): Promise<{ url: string; developmentToken: string }> {
  const config = loadApiConfig({
    API_HOST: '127.0.0.1',
    JWT_SECRET: newSecret(),
    DEVELOPMENT_TOKEN: newSecret(),
    LOG_LEVEL: 'warn',
    // Stands for the embedded database, which has none.
    DATABASE_URL: 'postgres://embedded',
    ...env,
    ...liveKitVariables(livekit),
    AGENT_NAMES: env.AGENT_NAME,
  });
  const database = await openDatabase(
    env.DATABASE_URL ? { url: config.databaseUrl, poolSize: config.databasePoolSize } : { dataDir, onWait: progress },
  );
  releasers.add(() => database.close());
  await database.migrate();
  const settings = { ...config, port: env.API_PORT ? config.port : 0 };
  const api = await startApi({ settings, database, log: createLog('api', config.logLevel) });
  releasers.add(() => api.close());
  const running = await startJobs({
    registry: jobs,
    services: {
      db: database.db,
      rooms: createRooms(config.livekit),
      clock: systemClock,
      log: createLog('jobs', config.logLevel),
    },
    databaseUrl: env.DATABASE_URL,
  });
  releasers.add(() => running.close());
  return { url: api.url, developmentToken: config.developmentToken };
}

function standInOrigin({ part, vendor, key }: (typeof vendors)[number], voiceEngine = ''): string {
  const manner = voiceEngine === 'synthetic' ? 'in tones (install espeak-ng for words)' : `through ${voiceEngine}`;
  const voice = part === 'TTS' ? `, speaking ${manner}` : '';
  return `stand-in for ${vendor}${voice} (set ${key} for the real one)`;
}

/** What the sandbox's process prints once it listens. */
interface SandboxAddress {
  sandboxUrl: string;
  voiceEngine: string;
}

async function startSandbox(env: Environment, releasers: Releasers): Promise<SandboxAddress> {
  let address: SandboxAddress | undefined;
  const sandbox = await startProcess({
    name: 'the sandbox',
    ...entry('scripts/sandbox'),
    env: { PATH: env.PATH, SANDBOX_PORT: env.SANDBOX_PORT, SANDBOX_LOG: env.SANDBOX_LOG },
    readyLine: /"sandboxUrl"/,
    onLine: (line) => {
      if (line.includes('"sandboxUrl"')) address = JSON.parse(line) as SandboxAddress;
    },
  });
  releasers.add(() => sandbox.stop());
  if (!address) throw new Error('The sandbox did not say where it listens.');
  return address;
}

function liveKitVariables({ url, apiKey, apiSecret }: Pick<LiveKit, 'url' | 'apiKey' | 'apiSecret'>): Environment {
  return { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret };
}
