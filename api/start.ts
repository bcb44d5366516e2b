import type { Server } from 'node:http';
import type { Redis } from 'ioredis';
import { systemClock } from '../core/clock.ts';
import type { ApiConfig } from '../core/config/api.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
import { createSessionTokens } from '../core/crypto/session-tokens.ts';
import { AppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { createAccountTools } from '../services/accounts.ts';
import { type Cache, noCache } from '../services/cache.ts';
import type { ServiceSettings, Services } from '../services/context.ts';
import { watchDispatches } from '../services/dispatches.ts';
import { createJobQueue } from '../services/job-queue.ts';
import { loadStructureNote } from '../services/note-structure.ts';
import { loadPacks } from '../services/packs.ts';
import { createLocalPairingBus, type PairingBus } from '../services/pairing-bus.ts';
import { createRooms } from '../services/rooms.ts';
import type { TranscriptionTools } from '../services/transcriptions.ts';
import { developmentUser, ensureUser } from '../services/users.ts';
import { type ApiDependencies, createApp } from './app.ts';
import { createHttpServer } from './http-server.ts';
import { LeaseConnections } from './lease-connections.ts';
import { createAuthenticator } from './middleware/authenticator.ts';
import { servePairingSockets } from './pairing-socket.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { startWatchdog } from './watchdog.ts';

const watchdogIntervalMs = 1_000;
/** Requests still running after this long are cut off when the API stops. */
const drainTimeoutMs = 10_000;

/** What an API process is made of. */
export interface ApiOptions {
  /** `port: 0` takes any free one. */
  settings: ServiceSettings &
    Pick<
      ApiConfig,
      'jwtSecret' | 'accounts' | 'developmentToken' | 'encryptionKeys' | 'http' | 'host' | 'port' | 'packs'
    >;
  /** Open; closing it is left to the caller. */
  database: Services['database'] & { ping(): Promise<void> };
  /** One that every process which writes to the database knows of; absent for none. */
  cache?: Cache;
  /** One that every process which serves pairings hears; absent: this process is alone. */
  pairingBus?: PairingBus;
  /** Where requests are counted; absent: in this process. */
  redis?: Redis;
  /** Absent: recordings are not transcribed. */
  transcription?: TranscriptionTools;
  log: Log;
}

/** A listening API. */
export interface RunningApi {
  /** Where this machine reaches it. */
  url: string;
  port: number;
  /** Reports not ready, lets running requests end, and stops. */
  close(): Promise<void>;
}

/**
 * Serves the API over HTTP and runs its watchdog, after making the development user where there is one.
 * @throws AppError `conflict` when the port is taken.
 */
export async function startApi({
  settings,
  database,
  cache = noCache,
  pairingBus = createLocalPairingBus(),
  redis,
  transcription,
  log,
}: ApiOptions): Promise<RunningApi> {
  let draining = false;
  const packs = loadPacks(settings.packs);
  const services: Services = {
    database,
    cipher: createFieldCipher(settings.encryptionKeys),
    cache,
    queue: createJobQueue(),
    pairingBus,
    rooms: createRooms(settings.livekit),
    sessionTokens: createSessionTokens(settings.jwtSecret, systemClock),
    settings,
    packs,
    structureNote: loadStructureNote(packs),
    transcription,
    clock: systemClock,
    log,
  };
  const actor = { kind: 'system', name: 'api' } as const;
  if (settings.developmentToken !== undefined) await ensureUser({ ...services, actor }, developmentUser);

  const scale = settings.http.rateLimitScale;
  const accounts = createAccountTools(settings, systemClock);
  const { developmentToken, livekit } = settings;
  const authenticator = createAuthenticator({ ...services, accounts, developmentToken, livekit });
  const leaseConnections = new LeaseConnections();
  const dependencies: ApiDependencies = {
    ...services,
    accounts,
    authenticator,
    leaseConnections,
    http: { ...settings.http, limiter: scale > 0 ? createRateLimiter({ redis, scale }) : undefined },
    ping: () => database.ping(),
    isDraining: () => draining,
  };
  const server = createHttpServer(createApp(dependencies));
  const sockets = servePairingSockets(server, { services, authenticator, http: dependencies.http });
  const port = await listen(server, settings.host, settings.port);
  const watchdog = startWatchdog({
    round: () => watchDispatches({ ...services, actor }),
    intervalMs: watchdogIntervalMs,
    log,
  });

  return {
    url: localUrl(settings.host, port),
    port,
    async close() {
      draining = true;
      leaseConnections.close();
      await Promise.all([watchdog.stop(), sockets.close(), closeServer(server)]);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenFailure(error, host, port)));
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new AppError('conflict', `Port ${port} is in use: stop what listens there or set API_PORT`, {
      cause: error,
    });
  }
  return new AppError('unavailable', `Can't listen on ${host}:${port} (${error.code}): set API_HOST and API_PORT`, {
    cause: error,
  });
}

function localUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => server.closeAllConnections(), drainTimeoutMs);
    server.close(() => {
      clearTimeout(cutOff);
      resolve();
    });
  });
}
