import { BlockList } from 'node:net';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { startApi } from '../../api/start.ts';
import { assetPath } from '../../core/assets.ts';
import type { Environment } from '../../core/config/environment.ts';
import { type EncryptionKeys, parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';
import { newSecret } from '../../core/ids.ts';
import { Releasers } from '../../core/lifecycle.ts';
import { defaults } from '../../core/limits.ts';
import { createLog } from '../../core/log.ts';
import type { EmbeddedDatabase } from '../../db/client.ts';
import type { TokenRequest, TokenResponse } from '../../domain/token.ts';
import { anthropicStandIn } from '../../sandbox/anthropic.ts';
import { cartesiaStandIn } from '../../sandbox/cartesia.ts';
import { deepgramStandIn, loadLines } from '../../sandbox/deepgram.ts';
import { openaiRealtimeStandIn } from '../../sandbox/openai-realtime-socket.ts';
import { openaiResponsesStandIn } from '../../sandbox/openai-responses.ts';
import { openaiSpeechStandIn } from '../../sandbox/openai-speech.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { ensureLiveKit, type LiveKit } from '../../scripts/livekit.ts';
import { type Child, freePort, startProcess } from '../../scripts/processes.ts';
import { openSharedCache } from '../../services/open-cache.ts';
import { openTestPglite } from './pglite.ts';

/** A worker under test: its process and where it answers `/readyz`. */
export interface LiveWorker {
  process: Child;
  url: string;
  /** Everything it and its jobs wrote. */
  output: string[];
}

/** Everything a call needs, on loopback: the shared LiveKit server, an API and stand-ins in this process, workers beside it. */
export interface LiveStack {
  livekit: { url: string; apiKey: string; apiSecret: string };
  apiUrl: string;
  developmentToken: string;
  database: EmbeddedDatabase;
  /** What its fields are sealed with. */
  encryptionKeys: EncryptionKeys;
  sandbox: Sandbox;
  /** Agent name of this stack's workers: the LiveKit server is shared with other test files. */
  agentName: string;
  /** Starts a compiled worker and waits until it is ready; `env` adds to or overrides its settings. */
  startWorker(env?: Environment): Promise<LiveWorker>;
  /** Asks the token endpoint as a client would. */
  token(request?: TokenRequest): Promise<TokenResponse>;
  /** Ends the LiveKit server of a stack with webhooks and starts it again where it was; it knows of no room then. */
  restartLiveKit(): Promise<void>;
  /** Ends the API and starts it again where it was. */
  restartApi(): Promise<void>;
  /** Asks the API as the development user. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** What a stack can differ in. */
export interface LiveStackOptions {
  agentJoinTimeoutMs?: number;
  /** Has a LiveKit server of its own, which tells the API what happens in its rooms. */
  webhooks?: boolean;
  /** Redis for the API, and for the LiveKit server of a stack with webhooks. */
  redisUrl?: string;
}

/** A server of the stack's own; `again` is the one that it takes the place of. */
function ownLiveKit(apiPort: number, redisUrl: string | undefined, again?: LiveKit): Promise<LiveKit> {
  return ensureLiveKit({
    redisUrl,
    env: { ...process.env, LIVEKIT_URL: undefined },
    progress: () => {},
    apiSecret: again?.apiSecret,
    port: again && { number: Number(new URL(again.url).port), setting: 'the port of the server before' },
    webhookUrl: `http://127.0.0.1:${apiPort}/webhooks/livekit`,
  });
}

/** Starts a stack without a worker. `stop()` fails when a stand-in was asked something unexpected. */
export async function startLiveStack(options: LiveStackOptions = {}): Promise<LiveStack> {
  const shared = inject('livekit');
  if (!shared) throw new Error('live tests need the shared LiveKit server: guard them with describe.skipIf');
  const releasers = new Releasers();
  const port = await freePort();
  let own = options.webhooks ? await ownLiveKit(port, options.redisUrl) : undefined;
  releasers.add(async () => own?.stop());
  const { url: livekitUrl, apiKey, apiSecret } = own ?? shared;
  const livekit = { url: livekitUrl, apiKey, apiSecret };
  const lines = await loadLines(assetPath('sandbox', 'lines'));
  const sandbox = await startSandbox([
    deepgramStandIn(lines),
    anthropicStandIn,
    cartesiaStandIn,
    openaiRealtimeStandIn(lines),
    openaiResponsesStandIn,
    openaiSpeechStandIn,
  ]);
  releasers.add(() => sandbox.close());
  const database = await openTestPglite();
  releasers.add(() => database.close());
  const developmentToken = newSecret();
  const agentName = `parley-${newSecret().slice(0, 8)}`;
  const settings = {
    livekit: { ...livekit, publicUrl: livekit.url },
    host: '127.0.0.1',
    port,
    jwtSecret: newSecret(),
    accounts: { jwtAlgorithm: 'HS256' as const, issuers: [] },
    encryptionKeys: parseEncryptionKeys(newSecret()),
    developmentToken,
    http: { corsOrigins: ['*'], trustedProxies: new BlockList(), rateLimitScale: 0 },
    agentNames: [agentName],
    tokenTtlSeconds: defaults.tokenTtlSeconds,
    agentJoinTimeoutMs: options.agentJoinTimeoutMs ?? defaults.agentJoinTimeoutMs,
    packs: ['nl-dental' as const],
  };
  const log = createLog('api', 'warn');
  const inRedis = openSharedCache(options.redisUrl, log);
  releasers.add(inRedis.close);
  const openApi = () => startApi({ settings, database, cache: inRedis.cache, redis: inRedis.redis, log });
  let api = await openApi();
  releasers.add(() => api.close());
  const authorization = `Bearer ${developmentToken}`;

  return {
    livekit,
    apiUrl: api.url,
    developmentToken,
    database,
    encryptionKeys: settings.encryptionKeys,
    sandbox,
    agentName,
    async startWorker(env = {}) {
      const port = await freePort();
      const output: string[] = [];
      const worker = await startProcess({
        name: 'the worker under test',
        command: process.execPath,
        args: ['--enable-source-maps', fileURLToPath(new URL('../../dist/agents/worker.js', import.meta.url))],
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          NODE_ENV: 'production',
          LIVEKIT_URL: livekit.url,
          LIVEKIT_API_KEY: livekit.apiKey,
          LIVEKIT_API_SECRET: livekit.apiSecret,
          API_URL: api.url,
          SPEECH_CACHE_DIR: 'off',
          AGENT_NAME: agentName,
          WORKER_HOST: '127.0.0.1',
          WORKER_PORT: String(port),
          WORKER_IDLE_PROCESSES: '1',
          LOG_LEVEL: 'info',
          DEEPGRAM_API_KEY: 'stand-in',
          DEEPGRAM_BASE_URL: sandbox.url,
          ANTHROPIC_API_KEY: 'stand-in',
          ANTHROPIC_BASE_URL: sandbox.url,
          CARTESIA_API_KEY: 'stand-in',
          CARTESIA_BASE_URL: sandbox.url,
          OPENAI_API_KEY: 'stand-in',
          OPENAI_BASE_URL: `${sandbox.url}/openai/v1`,
          ...env,
        },
        readyUrl: `http://127.0.0.1:${port}/readyz`,
        onLine: (line) => output.push(line),
      });
      releasers.add(() => worker.stop(10_000));
      return { process: worker, url: `http://127.0.0.1:${port}`, output };
    },
    async token(request = {}) {
      const response = await fetch(`${api.url}/api/v1/token`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(request),
      });
      if (response.status !== 201)
        throw new Error(`the token endpoint answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as TokenResponse;
    },
    async restartLiveKit() {
      if (!own) throw new Error('the LiveKit server is shared: ask for webhooks');
      await own.stop();
      own = await ownLiveKit(port, options.redisUrl, own);
    },
    async restartApi() {
      await api.close();
      api = await openApi();
    },
    async get(path) {
      const response = await fetch(`${api.url}${path}`, { headers: { authorization } });
      if (!response.ok) throw new Error(`${path} answered ${response.status}`);
      return response.json();
    },
    async stop() {
      await releasers.releaseAll();
      const unexpected = ['unexpected-request', 'stand-in-failed'].flatMap((event) => sandbox.log.events({ event }));
      if (unexpected.length)
        throw new Error(`a stand-in met what it does not expect: ${JSON.stringify(unexpected[0])}`);
    },
  };
}
