import pg from 'pg';
import { assetPath } from '../core/assets.ts';
import { systemClock } from '../core/clock.ts';
import { createAccessTokens } from '../core/crypto/access-tokens.ts';
import { parseEncryptionKeys } from '../core/crypto/encryption-keys.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
import { createSessionTokens } from '../core/crypto/session-tokens.ts';
import { newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import { createLog } from '../core/log.ts';
import { openDatabase } from '../db/client.ts';
import { defaultTenant } from '../domain/tenant.ts';
import { countsOf, endWithError } from '../scripts/command-line.ts';
import { freePort, startProcess } from '../scripts/processes.ts';
import { renderTable } from '../scripts/table.ts';
import { noCache } from '../services/cache.ts';
import { createJobQueue } from '../services/job-queue.ts';
import { createLocalPairingBus } from '../services/pairing-bus.ts';
import { createRooms } from '../services/rooms.ts';
import { createTestDatabase, prepareServer } from '../test/support/postgres.ts';
import { startInstalledServer } from '../test/support/postgres-server.ts';
import { closedLoop, type LoopFigures, medianOf } from './closed-loop.ts';
import { httpLayer, type Layer, type Operation, operations, rawLayer, serviceLayer } from './data-operations.ts';
import { type SeededUser, seedData } from './data-seed.ts';

const usage = `npm run bench:data -- [options]

Reads and writes what a user's app and an agent do, on a real PostgreSQL full of made-up users: over HTTP, at the service layer,
and beside both the same by prepared SQL under the same policies. Nothing is cached. Each figure is the median of its rounds.

  --users N             users to make (default 100000)
  --turns-per-user N    turns of each (default 12)
  --operations N        operations a round (default 2000)
  --rounds N            rounds of each, in turn (default 3)
  --json                print the figures as one JSON line on standard output
  --help                show this`;

const concurrencies = [1, 32] as const;
const poolSize = 10;

/** One operation at one concurrency, by layer. */
interface Row {
  operation: Operation;
  concurrency: (typeof concurrencies)[number];
  targetMs: number;
  raw: LoopFigures;
  service: LoopFigures;
  http: LoopFigures;
  serviceToRaw: number;
}

async function main(): Promise<void> {
  const options = countsOf(usage, { users: 100_000, 'turns-per-user': 12, operations: 2_000, rounds: 3 });
  if (!options) return;
  const { users: count, 'turns-per-user': turnsPerUser, operations: perRound, rounds, json } = options;
  const size = { users: count, turnsPerUser };
  const releasers = new Releasers();
  try {
    const { layers, users } = await prepare(size, releasers);
    const rows: Row[] = [];
    for (const operation of Object.keys(operations) as Operation[]) {
      for (const concurrency of concurrencies) {
        console.error(`${operation}, ${concurrency} at once`);
        rows.push(await measure(layers, users, { operation, concurrency, operations: perRound, rounds }));
      }
    }
    if (json) console.log(JSON.stringify({ ...size, rows }));
    else console.log(tableOf(rows));
  } finally {
    await releasers.releaseAll();
  }
}

type Layers = Record<'raw' | 'service' | 'http', Layer>;

async function prepare(
  size: Parameters<typeof seedData>[2],
  releasers: Releasers,
): Promise<{ layers: Layers; users: SeededUser[] }> {
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
  const livekit = { url: 'ws://127.0.0.1:1', publicUrl: 'ws://127.0.0.1:1', apiKey: 'bench', apiSecret: newSecret() };
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

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const api = await startProcess({
    name: 'the API',
    command: process.execPath,
    args: [assetPath('dist', 'api', 'server.js')],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      API_HOST: '127.0.0.1',
      API_PORT: String(port),
      DATABASE_URL: addresses.url,
      DATABASE_SERVICE_URL: addresses.serviceUrl,
      DATABASE_POOL_SIZE: String(poolSize),
      ENCRYPTION_KEY: encryptionKey,
      JWT_SECRET: jwtSecret,
      LIVEKIT_URL: livekit.url,
      LIVEKIT_API_KEY: livekit.apiKey,
      LIVEKIT_API_SECRET: livekit.apiSecret,
      RATE_LIMIT_SCALE: '0',
      CACHE: 'off',
      LOG_LEVEL: 'error',
    },
    readyUrl: `${url}/readyz`,
  });
  releasers.add(() => api.stop());
  const tokens = await tokensFor(users, jwtSecret);
  const http = httpLayer(port, (userId) => tokens.get(userId) as string);
  releasers.add(() => http.end());
  return { layers: { raw: rawLayer(pool, cipher), service, http }, users };
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

async function measure(
  layers: Layers,
  users: readonly SeededUser[],
  options: { operation: Operation; concurrency: (typeof concurrencies)[number]; operations: number; rounds: number },
): Promise<Row> {
  const { operation, concurrency, rounds } = options;
  const figures = { raw: [] as LoopFigures[], service: [] as LoopFigures[], http: [] as LoopFigures[] };
  // A user is drawn anew each time: neighbours in the table would lie in the same page.
  const anyUser = () => users[Math.floor(Math.random() * users.length)] as SeededUser;
  for (const layer of Object.values(layers))
    await closedLoop({ concurrency, operations: 300 }, () => layer[operation](anyUser()));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ['raw', 'service', 'http'] as const) {
      figures[name].push(await closedLoop(options, () => layers[name][operation](anyUser())));
    }
  }
  const [raw, service, http] = [medianOf(figures.raw), medianOf(figures.service), medianOf(figures.http)];
  return {
    operation,
    concurrency,
    targetMs: operations[operation].targetsMs[concurrency],
    raw,
    service,
    http,
    serviceToRaw: Number((service.p50Ms / raw.p50Ms).toFixed(2)),
  };
}

function tableOf(rows: readonly Row[]): string {
  const cell = ({ p50Ms, p99Ms, perSecond }: LoopFigures) => [`${p50Ms} / ${p99Ms}`, String(perSecond)];
  const head = [
    'operation',
    'at once',
    'raw p50 / p99',
    '/s',
    'service',
    '/s',
    'HTTP',
    '/s',
    'service : raw',
    'target',
    '',
  ];
  return renderTable([
    head,
    ...rows.map((row) => [
      row.operation,
      String(row.concurrency),
      ...cell(row.raw),
      ...cell(row.service),
      ...cell(row.http),
      String(row.serviceToRaw),
      `p99 < ${row.targetMs}`,
      row.http.p99Ms < row.targetMs ? 'met' : 'MISSED',
    ]),
  ]);
}

main().then(() => process.exit(0), endWithError);
