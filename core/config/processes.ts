import { apiEnvironment, loadApiConfig } from './api.ts';
import { jobsEnvironment, loadJobsConfig } from './jobs.ts';
import { ownerVariables } from './owner.ts';
import { loadWorkerConfig, workerEnvironment } from './worker.ts';

/** The processes of a deployment: the schema of each one's variables, and what reads them as its entry does. */
export const processes = {
  api: { environment: apiEnvironment, load: loadApiConfig },
  jobs: { environment: jobsEnvironment, load: loadJobsConfig },
  worker: { environment: workerEnvironment, load: loadWorkerConfig },
} as const;

/** Name of a process. */
export type ProcessName = keyof typeof processes;

/** Variables of our programs for development, and of LiveKit's own program. */
const otherVariables = ['LIVEKIT_CONFIG', 'SANDBOX_PORT', 'SANDBOX_LOG'];
/** What a worker tells its own job processes; nobody sets it. */
const internalVariables = ['PARLEY_TELEMETRY_SOCKET'];

/** Every variable that one of our programs reads. */
export const knownVariables: ReadonlySet<string> = new Set([
  ...Object.values(processes).flatMap(({ environment }) => Object.keys(environment.shape)),
  ...Object.keys(ownerVariables),
  ...otherVariables,
  ...internalVariables,
]);
