import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { assetPath } from '../core/assets.ts';
import { systemClock } from '../core/clock.ts';
import { createAccessTokens } from '../core/crypto/access-tokens.ts';
import { parseEncryptionKeys } from '../core/crypto/encryption-keys.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
import { createSessionTokens } from '../core/crypto/session-tokens.ts';
import { newSecret } from '../core/ids.ts';
import type { Releasers } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { openDatabase, openEmbeddedDatabase } from '../db/client.ts';
import { defaultTenant } from '../domain/tenant.ts';
import { freePort, startProcess } from '../scripts/processes.ts';
import { noCache } from '../services/cache.ts';
import { createJobQueue } from '../services/job-queue.ts';
import { createLocalPairingBus } from '../services/pairing-bus.ts';
import { createRooms } from '../services/rooms.ts';
import { createTestDatabase, prepareServer } from '../test/support/postgres.ts';
import { startInstalledServer } from '../test/support/postgres-server.ts';
import { httpLayer, type Layer, rawLayer, serviceLayer } from './data-operations.ts';
import { type SeededUser, type SeedSize, seedData } from './data-seed.ts';

/** The ways of doing the operations that a database leaves open. */
export interface Layers {
  raw?: Layer;
  service?: Layer;
  http: Layer;
}

/** What is measured: layers on a database full of these users. */
export interface Measured {
  layers: Layers;
  users: SeededUser[];
}

const poolSize = 10;
/** No operation asks it for anything. */
const livekit = { url: 'ws://127.0.0.1:1', publicUrl: 'ws://127.0.0.1:1', apiKey: 'bench', apiSecret: newSecret() };

/** Starts a PostgreSQL server, fills a database and serves it by an API process; layer by layer the same can be done here. */
export async function startOnPostgres(size: SeedSize, releasers: Releasers): Promise<Measured> {
  const server = await startInstalledServer({ durable: true });
  releasers.add(() => server.stop());
  await prepareServer(server.url);
  const addresses = await createTestDatabase(server.url);
  const encryptionKey = newSecret();
  const cipher = createFieldCipher(parseEncryptionKeys(encryptionKey));
  const admin = new pg.Client(addresses.adminUrl);
  await admin.connect();
  const users = await seedData(admin, cipher, size, (line) => console.error(line)).finally(() => admin.end());

  const database = await openDatabase({ ...addresses, poolSize });
  releasers.add(() => database.close());
  const jwtSecret = newSecret();
  const service = serviceLayer({
    database,
    cipher,
    cache: noCache,
    queue: createJobQueue(),
    pairingBus: createLocalPairingBus(),
    rooms: createRooms(livekit),
    sessionTokens: createSessionTokens(jwtSecret, systemClock),
    settings: { livekit, agentNames: ['parley'], tokenTtlSeconds: 900, agentJoinTimeoutMs: 8_000 },
    packs: new Map(),
    structureNote: () => ({ patients: [] }),
    clock: systemClock,
    log: createLog('bench', 'silent'),
  });
  const pool = new pg.Pool({ connectionString: addresses.url, max: poolSize, ...{ pipeline: true } });
  // A run that fails leaves connections behind, which the server's end cuts off.
  pool.on('error', () => undefined);
  releasers.add(() => pool.end());

  const http = await serve(
    users,
    {
      program: ['api', 'server.js'],
      args: [],
      env: {
        DATABASE_URL: addresses.url,
        DATABASE_SERVICE_URL: addresses.serviceUrl,
        DATABASE_POOL_SIZE: String(poolSize),
        ENCRYPTION_KEY: encryptionKey,
        JWT_SECRET: jwtSecret,
        CACHE: 'off',
      },
    },
    releasers,
  );
  return { layers: { raw: rawLayer(pool, cipher), service, http }, users };
}

/** Fills a folder of embedded PGlite, and serves it as `npm run dev` does: by an API process that has it to itself. */
export async function startOnPglite(size: SeedSize, releasers: Releasers): Promise<Measured> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  releasers.add(() => rm(dataDir, { recursive: true, force: true }));
  const secrets = { ENCRYPTION_KEY: newSecret(), JWT_SECRET: newSecret(), DEVELOPMENT_TOKEN: newSecret() };
  const cipher = createFieldCipher(parseEncryptionKeys(secrets.ENCRYPTION_KEY));
  const database = await openEmbeddedDatabase({ dataDir });
  const { client } = database;
  const users = await seedData(client, cipher, size, (line) => console.error(line)).finally(() => database.close());
  const args = ['--api-only', '--data-dir', dataDir];
  return {
    layers: { http: await serve(users, { program: ['scripts', 'local.js'], args, env: secrets }, releasers) },
    users,
  };
}

interface Server {
  /** Below `dist`. */
  program: readonly string[];
  args: readonly string[];
  env: Record<string, string> & { JWT_SECRET: string };
}

/** Starts an API process for these users. */
async function serve(users: readonly SeededUser[], server: Server, releasers: Releasers): Promise<Layer> {
  const port = await freePort();
  const api = await startProcess({
    name: 'the API',
    command: process.execPath,
    args: [assetPath('dist', ...server.program), ...server.args],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      API_HOST: '127.0.0.1',
      API_PORT: String(port),
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      RATE_LIMIT_SCALE: '0',
      LOG_LEVEL: 'error',
      ...server.env,
    },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
    // Before it listens it reads an embedded database whole.
    readyTimeoutMs: 300_000,
  });
  releasers.add(() => api.stop());
  const tokens = await tokensFor(users, server.env.JWT_SECRET);
  const http = httpLayer(port, (userId) => tokens.get(userId) as string);
  releasers.add(() => http.end());
  return http;
}

async function tokensFor(users: readonly SeededUser[], jwtSecret: string): Promise<Map<string, string>> {
  const accessTokens = createAccessTokens(jwtSecret, 'HS256', systemClock);
  const tokens = new Map<string, string>();
  for (const { userId } of users) {
    const { token } = await accessTokens.sign({ tenantId: defaultTenant.id, userId, roles: ['student'] });
    tokens.set(userId, token);
  }
  return tokens;
}
