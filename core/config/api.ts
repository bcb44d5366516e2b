import { z } from 'zod';
import type { EncryptionKeys } from '../crypto/encryption-keys.ts';
import { defaults } from '../limits.ts';
import { type AccountsConfig, accountsOf, accountVariables, requireCompleteAccounts } from './accounts.ts';
import { cacheVariables } from './cache.ts';
import { databaseVariables, encryptionVariables, userDatabaseVariables, withEncryptionKeys } from './data.ts';
import {
  type Environment,
  integer,
  logLevel,
  names,
  parseEnvironment,
  port,
  secret,
  text,
  url,
} from './environment.ts';
import { type HttpConfig, httpOf, httpVariables } from './http.ts';
import { type LiveKitConfig, livekitOf, livekitVariables } from './livekit.ts';
import { normalizationVariables } from './normalization.ts';
import { type TranscriptionConfig, transcriptionOf, transcriptionVariables } from './transcription.ts';

/** Variables of the process. */
export const apiEnvironment = z
  .object({
    ...livekitVariables,
    LIVEKIT_PUBLIC_URL: url('ws', 'wss', 'http', 'https').optional(),
    API_HOST: text.default('0.0.0.0'),
    API_PORT: port.default(8080),
    ...databaseVariables,
    ...userDatabaseVariables,
    ...encryptionVariables,
    ...cacheVariables,
    ...httpVariables,
    JWT_SECRET: secret,
    ...accountVariables,
    DEVELOPMENT_TOKEN: secret.optional(),
    AGENT_NAMES: names.default(['parley']),
    TOKEN_TTL_SECONDS: integer(61, 86_400).default(defaults.tokenTtlSeconds),
    AGENT_JOIN_TIMEOUT_MS: integer(1_000, 60_000).default(defaults.agentJoinTimeoutMs),
    ...normalizationVariables,
    ...transcriptionVariables,
    LOG_LEVEL: logLevel,
  })
  .superRefine(requireCompleteAccounts);

/** Settings of the HTTP door. */
export interface ApiConfig {
  livekit: LiveKitConfig & { /** What clients are told to connect to. */ publicUrl: string };
  host: string;
  port: number;
  database: { url: string; serviceUrl: string; poolSize: number };
  encryptionKeys: EncryptionKeys;
  /** The Redis of the cache and the rate limits; absent where there is none. */
  redisUrl?: string;
  http: HttpConfig;
  jwtSecret: string;
  accounts: AccountsConfig;
  /** Bearer token of the one development user; absent where there is none. */
  developmentToken?: string;
  /** Agents a client may ask for, first one is the default. */
  agentNames: string[];
  tokenTtlSeconds: number;
  /** How long a person in a room waits before their agent is dispatched again. */
  agentJoinTimeoutMs: number;
  /** Names of the normalization packs. */
  packs: string[];
  /** What transcribes recordings; absent where nothing does. */
  transcription?: TranscriptionConfig;
  logLevel: string;
}

/**
 * Reads the HTTP door's settings.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function loadApiConfig(env: Environment): ApiConfig {
  const e = parseEnvironment(apiEnvironment, withEncryptionKeys(env));
  return {
    livekit: { ...livekitOf(e), publicUrl: e.LIVEKIT_PUBLIC_URL ?? e.LIVEKIT_URL },
    host: e.API_HOST,
    port: e.API_PORT,
    database: { url: e.DATABASE_URL, serviceUrl: e.DATABASE_SERVICE_URL, poolSize: e.DATABASE_POOL_SIZE },
    encryptionKeys: e.ENCRYPTION_KEYS,
    redisUrl: e.REDIS_URL,
    http: httpOf(e),
    jwtSecret: e.JWT_SECRET,
    accounts: accountsOf(e),
    developmentToken: e.DEVELOPMENT_TOKEN,
    agentNames: e.AGENT_NAMES,
    tokenTtlSeconds: e.TOKEN_TTL_SECONDS,
    agentJoinTimeoutMs: e.AGENT_JOIN_TIMEOUT_MS,
    packs: e.NORMALIZATION_PACKS,
    transcription: transcriptionOf(e),
    logLevel: e.LOG_LEVEL,
  };
}
