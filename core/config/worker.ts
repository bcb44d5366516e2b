import { z } from 'zod';
import { defaults } from '../limits.ts';
import { type Environment, integer, logLevel, parseEnvironment, port, text, url } from './environment.ts';
import { type LiveKitConfig, livekitOf, livekitVariables } from './livekit.ts';
import { normalizationVariables } from './normalization.ts';

/** Variables of the process. */
export const workerEnvironment = z.object({
  ...livekitVariables,
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
  ...normalizationVariables,
  LOG_LEVEL: logLevel,
});

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
 * Reads the worker's settings; a job process reads the same ones.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function loadWorkerConfig(env: Environment): WorkerConfig {
  const e = parseEnvironment(workerEnvironment, env);
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
