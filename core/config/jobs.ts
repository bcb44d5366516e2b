import { z } from 'zod';
import type { EncryptionKeys } from '../crypto/encryption-keys.ts';
import { cacheVariables } from './cache.ts';
import { databaseVariables, encryptionVariables, withEncryptionKeys } from './data.ts';
import { type Environment, logLevel, parseEnvironment, port, text } from './environment.ts';
import { type LiveKitConfig, livekitOf, livekitVariables } from './livekit.ts';
import { type MailConfig, mailOf, mailVariables, requireCompleteMail } from './mail.ts';
import { type RemindersConfig, remindersOf, reminderVariables } from './reminders.ts';
import { type ModelsConfig, modelsOf, modelsVariables } from './vendors.ts';

/** Variables of the process. */
export const jobsEnvironment = z
  .object({
    ...livekitVariables,
    JOBS_HOST: text.default('0.0.0.0'),
    JOBS_PORT: port.default(8082),
    ...databaseVariables,
    ...encryptionVariables,
    ...cacheVariables,
    ...mailVariables,
    ...modelsVariables,
    ...reminderVariables,
    LOG_LEVEL: logLevel,
  })
  .superRefine(requireCompleteMail);

/** Settings of the process that does background work. */
export interface JobsConfig {
  livekit: LiveKitConfig;
  /** Where health and metrics are served. */
  host: string;
  port: number;
  /** `poolSize`: connections of the handlers; the queue has its own. */
  database: { serviceUrl: string; poolSize: number };
  encryptionKeys: EncryptionKeys;
  /** The Redis of the API's cache, which writes must reach; absent where there is none. */
  redisUrl?: string;
  mail: MailConfig;
  /** What sums sessions up. */
  models: ModelsConfig;
  reminders: RemindersConfig;
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
    host: e.JOBS_HOST,
    port: e.JOBS_PORT,
    database: { serviceUrl: e.DATABASE_SERVICE_URL, poolSize: e.DATABASE_POOL_SIZE },
    encryptionKeys: e.ENCRYPTION_KEYS,
    redisUrl: e.REDIS_URL,
    mail: mailOf(e),
    models: modelsOf(e),
    reminders: remindersOf(e),
    logLevel: e.LOG_LEVEL,
  };
}
