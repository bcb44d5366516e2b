import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../core/config/environment.ts';
import type { Releasers } from '../core/lifecycle.ts';
import type { TokenResponse } from '../domain/token.ts';
import { ensureLiveKit, type LiveKit } from '../scripts/livekit.ts';
import { type Child, entry, freePort, startProcess } from '../scripts/processes.ts';
import { startLocalApi } from '../scripts/stack.ts';
import { vendorParts } from '../scripts/vendor-stand-ins.ts';
import type { Entrance } from './faults-call.ts';
import { vendorOrder } from './faults-plan.ts';

/** Everything but the workers, which a bench starts and ends itself. */
export interface WorkerStack {
  sandboxUrl: string;
  livekit: LiveKit;
  apiUrl: string;
  developmentToken: string;
  /** Starts a worker with one warm process. */
  startWorker(): Promise<Child>;
  /** A way into a new room with an agent. */
  entrance(): Promise<Entrance & { sessionId: string }>;
  /** Starts a worker for one call: what one has learnt about its vendors is not to help the next. */
  enter(): Promise<Entrance & { stop(): Promise<void> }>;
}

/** Starts a LiveKit server, the stand-ins and an API. Vendors and databases that `env` names are not used. */
export async function startWorkerStack(
  env: Environment,
  releasers: Releasers,
  progress: (line: string) => void,
): Promise<WorkerStack> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  releasers.add(() => rm(folder, { recursive: true, force: true }));
  const own = { PATH: env.PATH, HOME: env.HOME, XDG_CACHE_HOME: env.XDG_CACHE_HOME, ...vendorOrder };
  const livekit = await ensureLiveKit({ env: own, progress });
  releasers.add(() => livekit.stop());
  const sandboxUrl = await startSandbox(env, releasers);
  const vendors = Object.fromEntries(
    vendorParts(own).flatMap(({ account, baseUrl, path }) => [
      ...Object.entries(account),
      [baseUrl, `${sandboxUrl}${path}`],
    ]),
  );
  const apiEnvironment = { ...own, ...vendors };
  const api = await startLocalApi({ env: apiEnvironment, dataDir: join(folder, 'data'), livekit, progress }, releasers);

  const startWorker = async () => {
    const port = await freePort();
    const worker = await startProcess({
      name: 'the agent worker',
      ...entry('agents/worker'),
      env: {
        ...apiEnvironment,
        NODE_ENV: 'production',
        LOG_LEVEL: 'warn',
        WORKER_HOST: '127.0.0.1',
        WORKER_PORT: String(port),
        WORKER_IDLE_PROCESSES: '1',
        LIVEKIT_URL: livekit.url,
        LIVEKIT_API_KEY: livekit.apiKey,
        LIVEKIT_API_SECRET: livekit.apiSecret,
        API_URL: api.url,
        SPEECH_CACHE_DIR: join(folder, 'speech'),
      },
      readyUrl: `http://127.0.0.1:${port}/readyz`,
    });
    releasers.add(() => worker.stop());
    return worker;
  };
  const entrance = () => entranceOf(api);
  return {
    sandboxUrl,
    livekit,
    apiUrl: api.url,
    developmentToken: api.developmentToken,
    startWorker,
    entrance,
    async enter() {
      const worker = await startWorker();
      return { ...(await entrance()), stop: () => worker.stop() };
    },
  };
}

async function startSandbox({ PATH, SANDBOX_LOG }: Environment, releasers: Releasers): Promise<string> {
  let sandboxUrl = '';
  const sandbox = await startProcess({
    name: 'the stand-ins',
    ...entry('scripts/sandbox'),
    env: { PATH, SANDBOX_LOG },
    readyLine: /"sandboxUrl"/,
    onLine: (line) => {
      if (line.includes('"sandboxUrl"')) ({ sandboxUrl } = JSON.parse(line) as { sandboxUrl: string });
    },
  });
  releasers.add(() => sandbox.stop());
  return sandboxUrl;
}

async function entranceOf(api: { url: string; developmentToken: string }): Promise<Entrance & { sessionId: string }> {
  const response = await fetch(`${api.url}/api/v1/token`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.developmentToken}` },
  });
  if (response.status !== 201) throw new Error(`the token route answered ${response.status}: ${await response.text()}`);
  const { server_url, participant_token, session_id } = (await response.json()) as TokenResponse;
  return { serverUrl: server_url, token: participant_token, sessionId: session_id };
}
