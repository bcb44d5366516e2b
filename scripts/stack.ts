import { existsSync } from 'node:fs';
import { startApi } from '../api/start.ts';
import { assetPath } from '../core/assets.ts';
import { systemClock } from '../core/clock.ts';
import { loadApiConfig } from '../core/config/api.ts';
import type { Environment } from '../core/config/environment.ts';
import { loadJobsConfig } from '../core/config/jobs.ts';
import type { EncryptionKeys } from '../core/crypto/encryption-keys.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
import { newId, newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import { type Database, openDatabase, openEmbeddedDatabase } from '../db/client.ts';
import { defaultTenant } from '../domain/tenant.ts';
import { prepareEmbeddedQueue } from '../jobs/prepare-queue.ts';
import { jobs } from '../jobs/registry.ts';
import { startJobs } from '../jobs/start.ts';
import { loadSummarizer } from '../providers/llm/load-summarizer.ts';
import { createMailer } from '../providers/mail/mailer.ts';
import { createFileTranscription } from '../providers/stt/files.ts';
import { createAccountTools } from '../services/accounts.ts';
import { rotateKeys } from '../services/encryption.ts';
import { openOwnCache, openSharedCache } from '../services/open-cache.ts';
import { createLocalPairingBus, openSharedPairingBus } from '../services/pairing-bus.ts';
import { createReminderSenders } from '../services/reminder-senders.ts';
import { createRooms } from '../services/rooms.ts';
import { ensureUser } from '../services/users.ts';
import { keptSecrets } from './kept-secrets.ts';
import { ensureLiveKit, type LiveKit } from './livekit.ts';
import { liveKitVariables, needsStandIns, startLocalSandbox, startLocalWorker, vendorsOf } from './local-worker.ts';
import { freePort } from './processes.ts';
import type { VendorPart } from './vendor-stand-ins.ts';

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
  /** The parts that are stand-ins: `STT`, `LLM`, ... */
  standIns: readonly string[];
  /** Part by part, what is real. */
  parts: { part: string; origin: string }[];
  stop(): Promise<void>;
}

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
  const apiPort = env.API_PORT?.trim() || String(await freePort());
  const webhookUrl = `http://127.0.0.1:${apiPort}/webhooks/livekit`;
  const livekit = await ensureLiveKit({ env, progress, webhookUrl });
  releasers.add(() => livekit.stop());

  const sandbox = needsStandIns(env) ? await startLocalSandbox(env, releasers) : undefined;
  const { vendors, standIns, variables } = vendorsOf(env, sandbox);
  const apiEnvironment = { ...env, API_PORT: apiPort, ...variables };
  const api = await startLocalApi({ env: apiEnvironment, dataDir, livekit, progress }, releasers);
  const worker = await startLocalWorker({ env, livekit, apiUrl: api.url, sandbox, progress }, releasers);

  return {
    apiUrl: api.url,
    livekit,
    ...worker,
    developmentToken: api.developmentToken,
    sandboxUrl: sandbox?.sandboxUrl,
    ttsIsStandIn: standIns.some(({ part }) => part === 'TTS'),
    standIns: standIns.map(({ part }) => part),
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

/** Where the API of this process is, and who may ask it. */
export interface LocalApi {
  url: string;
  developmentToken: string;
  /** Makes a new person. @returns their access token */
  newPerson(): Promise<string>;
}

/** API and jobs in this process on the data folder, with secrets made up where none are set. */
export async function startLocalApi(
  { env, dataDir, livekit, progress }: StackOptions & { livekit: Pick<LiveKit, 'url' | 'apiKey' | 'apiSecret'> },
  releasers: Releasers,
): Promise<LocalApi> {
  const { database, place, secrets } = await openLocalDatabase({ env, dataDir, progress }, releasers);
  const variables = {
    API_HOST: '127.0.0.1',
    LOG_LEVEL: 'warn',
    MAIL_TO_LOG: 'true',
    PUBLIC_URL: 'http://localhost:3000',
    ...secrets,
    ...env,
    ...liveKitVariables(livekit),
    AGENT_NAMES: env.AGENT_NAME,
  };
  const config = loadApiConfig(variables);
  if (database.kind === 'pglite') await sealAnew(database, config.encryptionKeys, progress);
  const developmentToken = config.developmentToken ?? newSecret();
  const settings = { ...config, developmentToken, port: env.API_PORT ? config.port : 0 };
  const log = createLog('api', config.logLevel);
  // Nobody else writes to an embedded database.
  const {
    cache,
    redis,
    close: closeCache,
  } = env.DATABASE_URL ? openSharedCache(config.redisUrl, log) : openOwnCache(systemClock);
  releasers.add(closeCache);
  const { redisUrl, database: logins } = config;
  const pairingBus = env.DATABASE_URL
    ? openSharedPairingBus({ redis, redisUrl, databaseUrl: logins.serviceUrl }, log)
    : createLocalPairingBus();
  releasers.add(() => pairingBus.close());
  const transcription = createFileTranscription(config.transcription, log);
  const api = await startApi({ settings, database, cache, pairingBus, redis, transcription, log });
  releasers.add(() => api.close());
  const { mail, models, reminders } = loadJobsConfig(variables);
  const { mailer, close } = createMailer(mail);
  releasers.add(close);
  const jobsLog = createLog('jobs', config.logLevel);
  const running = await startJobs({
    registry: jobs,
    services: {
      database,
      cipher: createFieldCipher(config.encryptionKeys),
      cache,
      pairingBus,
      rooms: createRooms(config.livekit),
      mailer,
      summarizer: await loadSummarizer(models, jobsLog),
      reminderSenders: createReminderSenders(reminders, { hasMail: mail !== null }),
      clock: systemClock,
      log: jobsLog,
    },
    place,
    metrics: new Metrics(),
  });
  releasers.add(() => running.close());
  return { url: api.url, developmentToken, newPerson };

  async function newPerson(): Promise<string> {
    const user = { tenantId: defaultTenant.id, userId: newId(), roles: ['student'] } as const;
    const actor = { kind: 'system', name: 'local' } as const;
    await ensureUser({ database, clock: systemClock, actor }, user);
    const { accessTokens } = createAccountTools(config, systemClock);
    return (await accessTokens.sign(user)).token;
  }
}

/** The embedded database with the secrets kept beside it, or a PostgreSQL server with the ones that are set. */
async function openLocalDatabase({ env, dataDir, progress }: StackOptions, releasers: Releasers) {
  if (env.DATABASE_URL) {
    const secrets: Environment = { JWT_SECRET: newSecret(), DEVELOPMENT_TOKEN: newSecret() };
    const { database: logins } = loadApiConfig({ ...secrets, ...placeholders, ...env });
    const database = await openDatabase(logins);
    releasers.add(() => database.close());
    return { database, place: logins, secrets };
  }
  const database = await openEmbeddedDatabase({ dataDir, onWait: progress });
  releasers.add(() => database.close());
  await prepareEmbeddedQueue(database.client, jobs);
  // Logins stand for the embedded database, which has none.
  const logins = { DATABASE_URL: 'postgres://embedded', DATABASE_SERVICE_URL: 'postgres://embedded' };
  return { database, place: database, secrets: { ...logins, ...(await keptSecrets(dataDir)) } };
}

/** Brings a data folder under its newest key, as after a new one was set, or when a program older than keys has written it. */
async function sealAnew(database: Database, keys: EncryptionKeys, progress: StackOptions['progress']): Promise<void> {
  const actor = { kind: 'system', name: 'local' } as const;
  const { faults } = await rotateKeys({ database, cipher: createFieldCipher(keys), actor });
  for (const fault of faults) progress(fault);
}

/** What is not known yet when the database is opened. */
const placeholders: Environment = {
  LIVEKIT_URL: 'ws://placeholder',
  LIVEKIT_API_KEY: 'placeholder',
  LIVEKIT_API_SECRET: 'placeholder'.repeat(4),
};

function standInOrigin({ part, vendor, key }: VendorPart, voiceEngine = ''): string {
  const manner = voiceEngine === 'synthetic' ? 'in tones (install espeak-ng for words)' : `through ${voiceEngine}`;
  const voice = part === 'TTS' ? `, speaking ${manner}` : '';
  return `stand-in for ${vendor}${voice} (set ${key} for the real one)`;
}
