import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnvironment } from '../api/environment.ts';
import { createHttpServer } from '../api/http-server.ts';
import { admit } from '../api/middleware/admit.ts';
import { createAuthenticator } from '../api/middleware/authenticator.ts';
import { body } from '../api/middleware/body.ts';
import { checks } from '../api/middleware/checks.ts';
import { onError, onInvalid } from '../api/middleware/errors.ts';
import { setHeaders } from '../api/middleware/headers.ts';
import { knownQuery } from '../api/middleware/known-query.ts';
import { preface } from '../api/middleware/preface.ts';
import { createRequestCounts } from '../api/middleware/rate-limits.ts';
import { optionalJson } from '../api/optional-json.ts';
import { createRateLimiter } from '../api/rate-limiter.ts';
import { startApi } from '../api/start.ts';
import { systemClock } from '../core/clock.ts';
import { loadApiConfig } from '../core/config/api.ts';
import { createFieldCipher } from '../core/crypto/field-cipher.ts';
import { createSessionTokens } from '../core/crypto/session-tokens.ts';
import { createLog } from '../core/log.ts';
import { openDatabase } from '../db/client.ts';
import { tokenRequestSchema } from '../domain/token.ts';
import { createAccountTools } from '../services/accounts.ts';
import { noCache } from '../services/cache.ts';
import { createJobQueue } from '../services/job-queue.ts';
import { signJoinToken } from '../services/join-tokens.ts';
import { createLocalPairingBus } from '../services/pairing-bus.ts';
import { developmentUser } from '../services/users.ts';

/** Ways of answering the token route. */
type Manner = 'bare' | 'route' | 'full';

const config = loadApiConfig({ ...process.env, RATE_LIMIT_SCALE: '1000000' });
const session = { userId: developmentUser.userId, roomName: 'room-bench', agentName: 'parley', dispatchMetadata: '{}' };
const answer = (participantToken: string) => ({
  server_url: config.livekit.publicUrl,
  participant_token: participantToken,
  room_name: session.roomName,
  session_id: developmentUser.userId,
});

/** Node's own server: reads JSON, signs, answers. */
const bare: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const token = await signJoinToken(config, session, JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(answer(token)));
  });
};

/** The API's own way to a token, with everything before and after it but the session's row. */
function route(): Server {
  const log = createLog('bench', 'error');
  const cipher = createFieldCipher(config.encryptionKeys);
  const limiter = createRateLimiter({ scale: config.http.rateLimitScale });
  const app = new OpenAPIHono<ApiEnvironment>({ defaultHook: onInvalid });
  const counts = createRequestCounts({ trustedProxies: config.http.trustedProxies, limiter, cipher });
  const authenticator = createAuthenticator({
    developmentToken: config.developmentToken,
    sessionTokens: createSessionTokens(config.jwtSecret, systemClock),
    accounts: createAccountTools(config, systemClock),
    livekit: config.livekit,
    database: { transaction: () => Promise.reject(new Error('no row is read or written here')) },
    cipher,
    cache: noCache,
    queue: createJobQueue(),
    pairingBus: createLocalPairingBus(),
    clock: systemClock,
    log,
  });
  app.onError(onError(log, counts));
  app.use(checks(preface(config.http.corsOrigins), body, knownQuery(app), counts.byAddress));
  app.use('/api/*', checks(admit({ authenticator, counts })));
  app.post('/api/v1/token', async (c) => {
    const token = await signJoinToken(config, session, await optionalJson(c, tokenRequestSchema));
    setHeaders(c, { 'cache-control': 'no-store' });
    return c.json(answer(token), 201);
  });
  return createHttpServer(app);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function start(manner: Manner): Promise<number> {
  if (manner === 'bare') return listen(createServer(bare));
  if (manner === 'route') return listen(route());
  const database = await openDatabase(config.database);
  const log = createLog('bench', 'error');
  const api = await startApi({ settings: { ...config, host: '127.0.0.1', port: 0 }, database, log });
  return api.port;
}

// Started with an IPC channel by the bench: says where it listens, and on demand what it has cost so far.
process.on('message', () => process.send?.({ cpuMicroseconds: cpuMicroseconds() }));
process.once('disconnect', () => process.exit(0));
process.send?.({ port: await start(process.argv[2] as Manner) });

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
