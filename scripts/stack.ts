import { existsSync } from 'node:fs';
import { startApi } from '../api/start.ts';
import { assetPath } from '../core/assets.ts';
import type { Environment } from '../core/config.ts';
import { newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import { defaults } from '../core/limits.ts';
import { createLog } from '../core/log.ts';
import { openDatabase } from '../db/client.ts';
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

/** The environment with what `.env` adds to it; a variable that is set already wins. */
export function localEnvironment(): Environment {
  const file = assetPath('.env');
  if (existsSync(file)) process.loadEnvFile(file);
  return { ...process.env };
}

/**
 * Starts a LiveKit server, the stand-ins of vendors without a key, the API on an embedded database (in this process) and a
 * worker, each on a free loopback port unless the environment says otherwise.
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

  const agentName = env.AGENT_NAME ?? 'parley';
  const workerPort = env.WORKER_PORT ? Number(env.WORKER_PORT) : await freePort();
  const worker = await startProcess({
    name: 'the agent worker',
    ...entry('agents/worker'),
    env: {
      ...env,
      // Elsewhere the native room client logs to standard output.
      NODE_ENV: 'production',
      ...liveKitVariables(livekit),
      API_URL: api.url,
      AGENT_NAME: agentName,
      WORKER_HOST: env.WORKER_HOST ?? '127.0.0.1',
      WORKER_PORT: String(workerPort),
      LOG_LEVEL: env.LOG_LEVEL ?? 'warn',
      ...Object.fromEntries(
        standIns.flatMap(({ key, baseUrl }) => [
          [key, 'stand-in'],
          [baseUrl, sandbox?.sandboxUrl],
        ]),
      ),
    },
    readyUrl: `http://127.0.0.1:${workerPort}/readyz`,
    onLine: env.LOG_LEVEL ? progress : undefined,
  });
  releasers.add(() => worker.stop());

  return {
    apiUrl: api.url,
    livekit,
    agentName,
    developmentToken: api.developmentToken,
    workerUrl: `http://127.0.0.1:${workerPort}`,
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

/** The API in this process on the data folder, with secrets made up where none are set. */
export async function startLocalApi(
  { env, dataDir, livekit, progress }: StackOptions & { livekit: Pick<LiveKit, 'url' | 'apiKey' | 'apiSecret'> },
  releasers: Releasers,
): Promise<{ url: string; developmentToken: string }> {
  const database = await openDatabase(
    env.DATABASE_URL ? { url: env.DATABASE_URL, poolSize: 5 } : { dataDir, onWait: progress },
  );
  releasers.add(() => database.close());
  await database.migrate();
  const { url, apiKey, apiSecret } = livekit;
  const developmentToken = env.DEVELOPMENT_TOKEN ?? newSecret();
  const settings: Parameters<typeof startApi>[0]['settings'] = {
    livekit: { url, apiKey, apiSecret, publicUrl: env.LIVEKIT_PUBLIC_URL ?? url },
    host: env.API_HOST ?? '127.0.0.1',
    port: Number(env.API_PORT ?? 0),
    jwtSecret: env.JWT_SECRET ?? newSecret(),
    developmentToken,
    agentNames: [env.AGENT_NAME ?? 'parley'],
    tokenTtlSeconds: defaults.tokenTtlSeconds,
    agentJoinTimeoutMs: Number(env.AGENT_JOIN_TIMEOUT_MS ?? defaults.agentJoinTimeoutMs),
  };
  const api = await startApi({ settings, database, log: createLog('api', env.LOG_LEVEL ?? 'warn') });
  releasers.add(() => api.close());
  return { url: api.url, developmentToken };
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

function liveKitVariables({ url, apiKey, apiSecret }: LiveKit): Environment {
  return { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret };
}
