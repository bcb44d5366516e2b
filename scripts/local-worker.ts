import getPort from 'get-port';
import type { Environment } from '../core/config/environment.ts';
import { loadWorkerConfig } from '../core/config/worker.ts';
import type { Releasers } from '../core/lifecycle.ts';
import type { LiveKit } from './livekit.ts';
import { entry, freePort, startProcess } from './processes.ts';
import { type VendorPart, vendorParts } from './vendor-stand-ins.ts';

/** What the sandbox's process prints once it listens. */
export interface LocalSandbox {
  sandboxUrl: string;
  voiceEngine: string;
}

/** A worker that is ready for calls. */
export interface LocalWorker {
  agentName: string;
  /** Where it answers `/readyz`. */
  workerUrl: string;
  workerPid: number;
}

/** What a worker works with. */
export interface LocalWorkerOptions {
  env: Environment;
  livekit: Pick<LiveKit, 'url' | 'apiKey' | 'apiSecret'>;
  apiUrl: string;
  /** The stand-ins, for vendors without a key. */
  sandbox?: LocalSandbox;
  progress(line: string): void;
}

/** Vendors as an environment orders them. */
export interface LocalVendors {
  vendors: VendorPart[];
  /** Those whose key is missing. */
  standIns: VendorPart[];
  /** Accounts and addresses by which the stand-ins are found. */
  variables: Environment;
}

/** Whether a vendor has no key. */
export function needsStandIns(env: Environment): boolean {
  return vendorsOf(env).standIns.length > 0;
}

/** What is real for an environment, and how the rest is found. */
export function vendorsOf(env: Environment, sandbox?: LocalSandbox): LocalVendors {
  const vendors = vendorParts(env);
  const standIns = vendors.filter(({ key }) => !env[key]?.trim());
  const variables = Object.fromEntries(
    standIns.flatMap(({ account, baseUrl, path }) => [
      ...Object.entries(account),
      [baseUrl, `${sandbox?.sandboxUrl}${path}`],
    ]),
  );
  return { vendors, standIns, variables };
}

/** Starts the stand-ins of all vendors in a process of their own. */
export async function startLocalSandbox(env: Environment, releasers: Releasers): Promise<LocalSandbox> {
  let address: LocalSandbox | undefined;
  const sandbox = await startProcess({
    name: 'the sandbox',
    ...entry('scripts/sandbox'),
    env: { PATH: env.PATH, SANDBOX_PORT: env.SANDBOX_PORT, SANDBOX_LOG: env.SANDBOX_LOG },
    readyLine: /"sandboxUrl"/,
    onLine: (line) => {
      if (line.includes('"sandboxUrl"')) address = JSON.parse(line) as LocalSandbox;
    },
  });
  releasers.add(() => sandbox.stop());
  if (!address) throw new Error('The sandbox did not say where it listens.');
  return address;
}

/** Starts a worker on a free port, unless the environment says otherwise, and waits until it is ready. */
export async function startLocalWorker(
  { env, livekit, apiUrl, sandbox, progress }: LocalWorkerOptions,
  releasers: Releasers,
): Promise<LocalWorker> {
  const { standIns, variables } = vendorsOf(env, sandbox);
  const workerEnvironment: Environment = {
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: String(await freePort()),
    LOG_LEVEL: 'warn',
    ...env,
    // Elsewhere the native room client logs to standard output.
    NODE_ENV: 'production',
    ...liveKitVariables(livekit),
    API_URL: apiUrl,
    // What a stand-in says is worth nothing to a real voice, nor the other way round.
    ...(standIns.some(({ part }) => part === 'TTS') && { SPEECH_CACHE_DIR: env.SPEECH_CACHE_DIR ?? 'off' }),
    ...variables,
  };
  const { agentName, port } = loadWorkerConfig(workerEnvironment);
  // Another worker there would answer in place of ours.
  if (env.WORKER_PORT && (await getPort({ host: '127.0.0.1', port })) !== port) {
    throw new Error(`Port ${port} (WORKER_PORT) is taken: set another one, or unset it for a free one.`);
  }
  const workerUrl = `http://127.0.0.1:${port}`;
  const worker = await startProcess({
    name: 'the agent worker',
    ...entry('agents/worker'),
    env: workerEnvironment,
    readyUrl: `${workerUrl}/readyz`,
    onLine: env.LOG_LEVEL ? progress : undefined,
  });
  releasers.add(() => worker.stop());
  return { agentName, workerUrl, workerPid: worker.pid };
}

/** How a LiveKit server is found by our own processes. */
export function liveKitVariables({ url, apiKey, apiSecret }: LocalWorkerOptions['livekit']): Environment {
  return { LIVEKIT_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret };
}
