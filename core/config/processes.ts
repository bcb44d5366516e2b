import type { z } from 'zod';
import { apiEnvironment, loadApiConfig } from './api.ts';
import type { Environment } from './environment.ts';
import { jobsEnvironment, loadJobsConfig } from './jobs.ts';
import { mcpServerVariables } from './mcp.ts';
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

/** The variables that a process reads in an environment, with their schemas: some settings name others. */
export function variablesOf(name: ProcessName, env: Environment): Record<string, z.ZodType> {
  const { shape } = processes[name].environment;
  return name === 'worker' ? { ...shape, ...mcpServerVariables(env) } : shape;
}

/** Every variable that one of our programs reads in an environment. */
export function knownVariables(env: Environment): ReadonlySet<string> {
  const names = Object.keys(processes) as ProcessName[];
  return new Set([
    ...names.flatMap((name) => Object.keys(variablesOf(name, env))),
    ...Object.keys(ownerVariables),
    ...otherVariables,
    ...internalVariables,
  ]);
}
