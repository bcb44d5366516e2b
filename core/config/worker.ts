import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError, type FieldFault } from '../errors.ts';
import { defaults } from '../limits.ts';
import { type Environment, integer, logLevel, parseEnvironment, port, text, url } from './environment.ts';
import { type LiveKitConfig, livekitOf, livekitVariables } from './livekit.ts';
import { type McpServerConfig, mcpVariables, readMcpServers } from './mcp.ts';
import { normalizationVariables } from './normalization.ts';
import { type VendorsConfig, vendorsOf, vendorsVariables } from './vendors.ts';

/**
 * How a spoken turn is found to be over. `vad`: silence alone. `text`: silence, and longer after words that a turn seldom ends
 * with. `model`: the local end-of-turn model decides between the two delays. `stt`: the recogniser says so. `manual`: the client
 * does, by push to talk.
 */
export const turnDetections = ['text', 'vad', 'model', 'stt', 'manual'] as const;

/** One of the ways in which a turn is found to be over. */
export type TurnDetection = (typeof turnDetections)[number];

/** `name=value` pairs as OpenTelemetry has them: separated by commas, values percent-encoded. */
const headers = text.transform((value, context) => {
  try {
    const pairs = value.split(',').map((pair) => {
      const [, name, encoded] = /^\s*([\w-]+)\s*=\s*(\S*)\s*$/.exec(pair) ?? [];
      if (name === undefined || encoded === undefined) throw new URIError();
      return [name, decodeURIComponent(encoded)];
    });
    return Object.fromEntries(pairs) as Record<string, string>;
  } catch {
    context.addIssue({ code: 'custom', message: 'needs pairs such as "api-key=secret", separated by ","' });
    return z.NEVER;
  }
});

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
  EVENT_LOOP_WARN_MS: integer(0, 60_000).default(250),
  ...vendorsVariables,
  ...mcpVariables,
  TURN_DETECTION: z.enum(turnDetections).default('text'),
  ENDPOINTING_MODE: z.enum(['dynamic', 'fixed']).default('dynamic'),
  ENDPOINTING_MIN_DELAY_MS: integer(0, 10_000).default(defaults.endpointingMinDelayMs),
  ENDPOINTING_MAX_DELAY_MS: integer(0, 30_000).default(defaults.endpointingMaxDelayMs),
  SPECULATION: z.enum(['off', 'final', 'interim']).default('interim'),
  FILLER_AFTER_MS: integer(0, 60_000).default(defaults.fillerAfterMs),
  APOLOGY_AFTER_MS: integer(1_000, 60_000).default(defaults.apologyAfterMs),
  USER_AWAY_MS: integer(1_000, 3_600_000).default(defaults.userAwayMs),
  CALL_MAX_MS: integer(60_000, 86_400_000).default(defaults.callMaxMs),
  SPEECH_CACHE_DIR: text.optional(),
  XDG_CACHE_HOME: text.optional(),
  ...normalizationVariables,
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers.optional(),
  OTEL_SERVICE_NAME: text.default('parley-agents'),
  LOG_LEVEL: logLevel,
});

/** How turns are taken. */
export interface TurnsConfig {
  detection: TurnDetection;
  /** Whether the shortest silence that ends a turn grows for a person who pauses to think. */
  endpointingMode: 'dynamic' | 'fixed';
  endpointingMinDelayMs: number;
  endpointingMaxDelayMs: number;
  /** Whether replies are begun ahead of the end of a turn: never, at its final transcripts, or at interim ones too. */
  speculation: 'off' | 'final' | 'interim';
  /** From the end of a turn: to a filler (0: none), and to an apology where nothing was said. */
  fillerAfterMs: number;
  apologyAfterMs: number;
  /** Silence of both sides after which the person is asked whether they are still there. */
  userAwayMs: number;
  /** The longest call. */
  callMaxMs: number;
  /** Normalization packs applied to what a person says or types. */
  packs: string[];
}

/** Where spans of turns are exported to, by OTLP over HTTP. */
export interface OpenTelemetryConfig {
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  serviceName: string;
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
  /** How long an event loop stands still before that is logged (0: nobody looks). Each process looks five times as often. */
  eventLoopWarnMs: number;
  vendors: VendorsConfig;
  /** Servers whose tools agents may use. */
  mcpServers: McpServerConfig[];
  turns: TurnsConfig;
  /** Folder of recordings of the lines that agents repeat; absent: they are recorded anew in each call. */
  speechCacheDir?: string;
  /** Absent: no spans are exported. */
  openTelemetry?: OpenTelemetryConfig;
  logLevel: string;
}

/**
 * Reads the worker's settings; a job process reads the same ones.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function loadWorkerConfig(env: Environment): WorkerConfig {
  const vendors = attempt(() => vendorsOf(parseEnvironment(z.object(vendorsVariables), env)));
  const mcpServers = attempt(() => readMcpServers(env));
  const rest = attempt(() => parseEnvironment(workerEnvironment, env));
  // Which keys are missing is known only once the orders are read: all faults are told together all the same.
  if (!vendors.value || !mcpServers.value || !rest.value) {
    throw new ConfigError(distinct([...rest.faults, ...vendors.faults, ...mcpServers.faults]));
  }
  const e = rest.value;
  return {
    livekit: livekitOf(e),
    apiUrl: e.API_URL,
    agentName: e.AGENT_NAME,
    host: e.WORKER_HOST,
    port: e.WORKER_PORT,
    maxCalls: e.WORKER_MAX_CALLS,
    idleProcesses: e.WORKER_IDLE_PROCESSES,
    drainTimeoutMs: e.WORKER_DRAIN_TIMEOUT_MS,
    eventLoopWarnMs: e.EVENT_LOOP_WARN_MS,
    vendors: vendors.value,
    mcpServers: mcpServers.value,
    turns: {
      detection: e.TURN_DETECTION,
      endpointingMode: e.ENDPOINTING_MODE,
      endpointingMinDelayMs: e.ENDPOINTING_MIN_DELAY_MS,
      endpointingMaxDelayMs: e.ENDPOINTING_MAX_DELAY_MS,
      speculation: e.SPECULATION,
      fillerAfterMs: e.FILLER_AFTER_MS,
      apologyAfterMs: e.APOLOGY_AFTER_MS,
      userAwayMs: e.USER_AWAY_MS,
      callMaxMs: e.CALL_MAX_MS,
      packs: e.NORMALIZATION_PACKS,
    },
    speechCacheDir: speechCacheDirOf(e),
    openTelemetry: e.OTEL_EXPORTER_OTLP_ENDPOINT
      ? {
          endpoint: e.OTEL_EXPORTER_OTLP_ENDPOINT,
          headers: e.OTEL_EXPORTER_OTLP_HEADERS ?? {},
          serviceName: e.OTEL_SERVICE_NAME,
        }
      : undefined,
    logLevel: e.LOG_LEVEL,
  };
}

function speechCacheDirOf(e: { SPEECH_CACHE_DIR?: string; XDG_CACHE_HOME?: string }): string | undefined {
  if (e.SPEECH_CACHE_DIR === 'off') return undefined;
  return e.SPEECH_CACHE_DIR ?? join(e.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'parley', 'speech');
}

function attempt<T>(read: () => T): { value?: T; faults: FieldFault[] } {
  try {
    return { value: read(), faults: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { faults: [...error.faults] };
    throw error;
  }
}

function distinct(faults: readonly FieldFault[]): FieldFault[] {
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
}
