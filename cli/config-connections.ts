import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { McpFault } from '../agents/mcp/fault.ts';
import { offerOf } from '../agents/mcp/offered-tools.ts';
import type { Environment } from '../core/config/environment.ts';
import type { McpServerConfig } from '../core/config/mcp.ts';
import { type ProcessName, processes } from '../core/config/processes.ts';
import type { TranscriptionConfig } from '../core/config/transcription.ts';
import { AppError, ConfigError, reasonOf } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { openDatabase } from '../db/client.ts';
import { SmtpMailer } from '../providers/mail/smtp.ts';
import { OpenAIFileTranscriber } from '../providers/stt/openai-files.ts';
import { createRooms } from '../services/rooms.ts';

/** What came of a try to connect. */
export interface Connection {
  /** What was tried, with the settings that name it. */
  name: string;
  /** Why it can't be used; null when it can. */
  fault: string | null;
}

type Attempt = [name: string, connect: () => Promise<unknown>];

const timeoutMs = 5_000;

/** Tries everything a process connects to, all at once. Its settings must be right. */
export function tryConnections(name: ProcessName, env: Environment): Promise<Connection[]> {
  return Promise.all(
    attemptsOf(name, env).map(async ([what, connect]) => {
      const gaveUp = new AbortController();
      const late = sleep(timeoutMs, undefined, { signal: gaveUp.signal }).then(() => {
        throw new AppError('unavailable', `no answer within ${timeoutMs / 1_000} s`);
      });
      const fault = await Promise.race([connect(), late]).then(() => null, describe);
      gaveUp.abort();
      late.catch(() => undefined);
      return { name: what, fault };
    }),
  );
}

function attemptsOf(name: ProcessName, env: Environment): Attempt[] {
  switch (name) {
    case 'api': {
      const { database, redisUrl, livekit, transcription } = processes.api.load(env);
      return [
        ['database (DATABASE_URL, DATABASE_SERVICE_URL)', () => useDatabase({ ...database, poolSize: 1 })],
        ...redisAttempt(redisUrl),
        liveKitAttempt(livekit),
        ...(transcription ? [transcriptionAttempt(transcription)] : []),
      ];
    }
    case 'jobs': {
      const { database, redisUrl, livekit, mail } = processes.jobs.load(env);
      return [
        ['database (DATABASE_SERVICE_URL)', () => useDatabase({ ...database, poolSize: 1 })],
        ...redisAttempt(redisUrl),
        liveKitAttempt(livekit),
        ...(mail && mail !== 'log' ? [['mail (SMTP_URL)', () => useMail(mail)] satisfies Attempt] : []),
      ];
    }
    case 'worker': {
      const { livekit, apiUrl, mcpServers } = processes.worker.load(env);
      return [
        liveKitAttempt(livekit),
        ['API (API_URL)', () => askApi(apiUrl)],
        ...mcpServers.map((server): Attempt => [`MCP server ${server.name}`, () => useMcpServer(server)]),
      ];
    }
  }
}

const liveKitAttempt = (livekit: Parameters<typeof createRooms>[0]): Attempt => [
  'LiveKit (LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET)',
  () => createRooms(livekit).existing(['parley-config-check']),
];

const transcriptionAttempt = (config: TranscriptionConfig): Attempt => [
  'OpenAI (OPENAI_API_KEY, OPENAI_BASE_URL, MODEL_ID)',
  () => new OpenAIFileTranscriber({ ...config, log: createLog('config', 'silent') }).check(),
];

const redisAttempt = (url: string | undefined): Attempt[] =>
  url === undefined ? [] : [['Redis (REDIS_URL)', () => useRedis(url)]];

async function useDatabase(options: Parameters<typeof openDatabase>[0]): Promise<void> {
  const database = await openDatabase(options);
  await database.ping().finally(() => database.close());
}

async function useRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: timeoutMs });
  // What went wrong is known from here; without a listener the client would print it as well.
  let reason: unknown;
  redis.on('error', (error) => {
    reason = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw reason ?? error;
  } finally {
    redis.disconnect();
  }
}

async function useMail(options: ConstructorParameters<typeof SmtpMailer>[0]): Promise<void> {
  const mailer = new SmtpMailer(options);
  await mailer.verify().finally(() => mailer.close());
}

async function useMcpServer(server: McpServerConfig): Promise<void> {
  const { McpConnection } = await import('../agents/mcp/connection.ts');
  try {
    const connection = await McpConnection.open({ ...server, timeoutMs: Math.min(server.timeoutMs, timeoutMs) });
    const { missing, leftOut } = offerOf(server, await connection.tools().finally(() => connection.close()));
    if (missing.length) throw new AppError('unavailable', `it has no tool called ${missing.join(', ')}`);
    if (leftOut) throw new AppError('unavailable', `${leftOut} of its tools can not be used as they are described`);
  } catch (error) {
    throw error instanceof McpFault ? new AppError('unavailable', `${error.kind}: ${error.message}`) : error;
  }
}

async function askApi(url: string): Promise<void> {
  const { status } = await fetch(new URL('/readyz', url));
  if (status !== 200) throw new AppError('unavailable', `/readyz answers ${status}`);
}

/** Our own messages are safe to show; of others the code or the name, and of what caused them in the end. */
function describe(error: unknown): string {
  if (error instanceof ConfigError) return error.faults.map(({ field, message }) => `${field}: ${message}`).join('; ');
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return cause === error ? reasonOf(error) : `${reasonOf(error)} (${reasonOf(cause)})`;
}
