import { z } from 'zod';
import type { EncryptionKeys } from '../crypto/encryption-keys.ts';
import { databaseVariables, encryptionVariables, withEncryptionKeys } from './data.ts';
import { type Environment, logLevel, parseEnvironment } from './environment.ts';
import { type LiveKitConfig, livekitOf, livekitVariables } from './livekit.ts';

const jobsEnvironment = z.object({
  ...livekitVariables,
  ...databaseVariables,
  ...encryptionVariables,
  LOG_LEVEL: logLevel,
});

/** Settings of the process that does background work. */
export interface JobsConfig {
  livekit: LiveKitConfig;
  /** `poolSize`: connections of the handlers; the queue has its own. */
  database: { serviceUrl: string; poolSize: number };
  encryptionKeys: EncryptionKeys;
  logLevel: string;
}

/**
 * Reads the settings of the jobs' process.
 * @throws ConfigError naming every missing or wrong variable at once.
 */
export function loadJobsConfig(env: Environment): JobsConfig {
  const e = parseEnvironment(jobsEnvironment, withEncryptionKeys(env));
  return {
    livekit: livekitOf(e),
    database: { serviceUrl: e.DATABASE_SERVICE_URL, poolSize: e.DATABASE_POOL_SIZE },
    encryptionKeys: e.ENCRYPTION_KEYS,
    logLevel: e.LOG_LEVEL,
  };
}
