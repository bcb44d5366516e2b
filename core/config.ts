import { z } from 'zod';
import { ConfigError } from './errors.ts';
import { defaults } from './limits.ts';

/** Environment as an entry file hands it over; nothing below an entry file reads `process.env`. */
export type Environment = Record<string, string | undefined>;

const text = z.string().trim().min(1);
const secret = z.string().min(32, 'needs at least 32 characters, for example from `openssl rand -hex 32`');
const integer = (low: number, high: number) =>
  z.coerce
    .number({ error: `needs a whole number from ${low} to ${high}` })
    .int()
    .min(low)
    .max(high);
const port = integer(1, 65_535);
const names = text.transform((value) =>
  value
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean),
);
const url = (...protocols: string[]) =>
  text.refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)), {
    error: `needs a URL that begins with ${protocols.map((p) => `${p}://`).join(' or ')}`,
  });
const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info');

const livekit = {
  LIVEKIT_URL: url('ws', 'wss', 'http', 'https'),
  LIVEKIT_API_KEY: text,
  LIVEKIT_API_SECRET: secret,
};

const database = {
  DATABASE_URL: url('postgres', 'postgresql'),
  DATABASE_POOL_SIZE: integer(1, 100).default(10),
};

const apiEnvironment = z.object({
  ...livekit,
  LIVEKIT_PUBLIC_URL: url('ws', 'wss', 'http', 'https').optional(),
  API_HOST: text.default('0.0.0.0'),
  API_PORT: port.default(8080),
  ...database,
  JWT_SECRET: secret,
  DEVELOPMENT_TOKEN: secret,
  AGENT_NAMES: names.default(['parley']),
  TOKEN_TTL_SECONDS: integer(61, 86_400).default(defaults.tokenTtlSeconds),
  AGENT_JOIN_TIMEOUT_MS: integer(1_000, 60_000).default(defaults.agentJoinTimeoutMs),
  LOG_LEVEL: logLevel,
});

const jobsEnvironment = z.object({
  ...livekit,
  ...database,
  LOG_LEVEL: logLevel,
});

const workerEnvironment = z.object({
  ...livekit,
  API_URL: url('http', 'https'),
  AGENT_NAME: text.default('parley'),
  WORKER_HOST: text.default('0.0.0.0'),
  WORKER_PORT: port.default(8081),
  WORKER_MAX_CALLS: integer(1, 1_000).default(20),
  WORKER_IDLE_PROCESSES: integer(1, 64).default(2),
  WORKER_DRAIN_TIMEOUT_MS: integer(1_000, 86_400_000).default(defaults.drainTimeoutMs),
  DEEPGRAM_API_KEY: text,
  DEEPGRAM_BASE_URL: url('http', 'https', 'ws', 'wss').optional(),
  DEEPGRAM_MODEL: text.default('nova-3'),
  DEEPGRAM_LANGUAGE: text.default('multi'),
  ANTHROPIC_API_KEY: text,
  ANTHROPIC_BASE_URL: url('http', 'https').optional(),
  ANTHROPIC_MODEL: text.default('claude-haiku-4-5'),
  CARTESIA_API_KEY: text,
  CARTESIA_BASE_URL: url('http', 'https').optional(),
  CARTESIA_MODEL: text.default('sonic-3'),
  CARTESIA_VOICE_ID: text.default('f786b574-daa5-4673-aa0c-cbe3e8534c02'),
  TURN_DETECTION: z.enum(['vad', 'model']).default('vad'),
  ENDPOINTING_MIN_DELAY_MS: integer(0, 10_000).default(defaults.endpointingMinDelayMs),
  ENDPOINTING_MAX_DELAY_MS: integer(0, 30_000).default(defaults.endpointingMaxDelayMs),
  NORMALIZATION_PACKS: names.default(['nl-dental']),
  LOG_LEVEL: logLevel,
});

/** Where the LiveKit server is and how to sign for it. */
export interface LiveKitConfig {
  url: string;
  apiKey: string;
  apiSecret: string;
}

/** Settings of the HTTP door. */
export interface ApiConfig {
  livekit: LiveKitConfig & { /** What clients are told to connect to. */ publicUrl: string };
  host: string;
  port: number;
  databaseUrl: string;
  databasePoolSize: number;
  jwtSecret: string;
  /** Bearer token of the one development user. */
  developmentToken: string;
  /** Agents a client may ask for, first one is the default. */
  agentNames: string[];
  tokenTtlSeconds: number;
  /** How long a person in a room waits before their agent is dispatched again. */
  agentJoinTimeoutMs: number;
  logLevel: string;
}

/** Settings of the process that does background work. */
export interface JobsConfig {
  livekit: LiveKitConfig;
  databaseUrl: string;
  /** Connections of the handlers; the queue has its own. */
  databasePoolSize: number;
  logLevel: string;
}

/** Key, address and model of one vendor; `baseUrl` unset means the vendor's own. */
export interface VendorConfig {
  apiKey: string;
  baseUrl?: string;
  model: string;
}

/** The vendors a voice turn needs. */
export interface VendorsConfig {
  deepgram: VendorConfig & { /** BCP 47 tag or `multi`. */ language: string };
  anthropic: VendorConfig;
  cartesia: VendorConfig & { voiceId: string };
}

/** How a spoken turn is found to be over. */
export interface TurnsConfig {
  /** `vad`: silence alone. `model`: the local end-of-turn model decides between the two delays. */
  detection: 'vad' | 'model';
  endpointingMinDelayMs: number;
  endpointingMaxDelayMs: number;
  /** Normalization packs applied to what a person says or types. */
  packs: string[];
}

/** Settings of the LiveKit worker and of each of its job processes. */
export interface WorkerConfig {
  livekit: LiveKitConfig;
  apiUrl: string;
  agentName: string;
  host: string;
  port: number;
  maxCalls: number;
  idleProcesses: number;
  drainTimeoutMs: number;
  vendors: VendorsConfig;
  turns: TurnsConfig;
  logLevel: string;
}

/**
 * Reads the HTTP door's settings.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function loadApiConfig(env: Environment): ApiConfig {
  const e = parse(apiEnvironment, env);
  return {
    livekit: { ...livekitOf(e), publicUrl: e.LIVEKIT_PUBLIC_URL ?? e.LIVEKIT_URL },
    host: e.API_HOST,
    port: e.API_PORT,
    databaseUrl: e.DATABASE_URL,
    databasePoolSize: e.DATABASE_POOL_SIZE,
    jwtSecret: e.JWT_SECRET,
    developmentToken: e.DEVELOPMENT_TOKEN,
    agentNames: e.AGENT_NAMES,
    tokenTtlSeconds: e.TOKEN_TTL_SECONDS,
    agentJoinTimeoutMs: e.AGENT_JOIN_TIMEOUT_MS,
    logLevel: e.LOG_LEVEL,
  };
}

/**
 * Reads the settings of the jobs' process.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function loadJobsConfig(env: Environment): JobsConfig {
  const e = parse(jobsEnvironment, env);
  return {
    livekit: livekitOf(e),
    databaseUrl: e.DATABASE_URL,
    databasePoolSize: e.DATABASE_POOL_SIZE,
    logLevel: e.LOG_LEVEL,
  };
}

/**
 * Reads the worker's settings; a job process reads the same ones.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function loadWorkerConfig(env: Environment): WorkerConfig {
  const e = parse(workerEnvironment, env);
  return {
    livekit: livekitOf(e),
    apiUrl: e.API_URL,
    agentName: e.AGENT_NAME,
    host: e.WORKER_HOST,
    port: e.WORKER_PORT,
    maxCalls: e.WORKER_MAX_CALLS,
    idleProcesses: e.WORKER_IDLE_PROCESSES,
    drainTimeoutMs: e.WORKER_DRAIN_TIMEOUT_MS,
    vendors: {
      deepgram: {
        apiKey: e.DEEPGRAM_API_KEY,
        baseUrl: e.DEEPGRAM_BASE_URL,
        model: e.DEEPGRAM_MODEL,
        language: e.DEEPGRAM_LANGUAGE,
      },
      anthropic: { apiKey: e.ANTHROPIC_API_KEY, baseUrl: e.ANTHROPIC_BASE_URL, model: e.ANTHROPIC_MODEL },
      cartesia: {
        apiKey: e.CARTESIA_API_KEY,
        baseUrl: e.CARTESIA_BASE_URL,
        model: e.CARTESIA_MODEL,
        voiceId: e.CARTESIA_VOICE_ID,
      },
    },
    turns: {
      detection: e.TURN_DETECTION,
      endpointingMinDelayMs: e.ENDPOINTING_MIN_DELAY_MS,
      endpointingMaxDelayMs: e.ENDPOINTING_MAX_DELAY_MS,
      packs: e.NORMALIZATION_PACKS,
    },
    logLevel: e.LOG_LEVEL,
  };
}

function livekitOf(e: Record<keyof typeof livekit, string>): LiveKitConfig {
  return { url: e.LIVEKIT_URL, apiKey: e.LIVEKIT_API_KEY, apiSecret: e.LIVEKIT_API_SECRET };
}

function parse<T extends z.ZodObject>(schema: T, env: Environment): z.infer<T> {
  // `KEY=` in a .env file means "not set" to everyone who writes one.
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const result = schema.safeParse(present);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => {
      const field = issue.path.join('.');
      return { field, message: field in present ? issue.message : 'is not set' };
    }),
  );
}
