import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LiveWorker } from './live-stack.ts';

/** Ids of the processes a worker has for calls, warm and busy ones. */
export async function jobProcesses({ process: { pid } }: LiveWorker): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  return stdout.split('\n').flatMap((line) => {
    const [id, parent, ...args] = line.trim().split(/\s+/);
    return Number(parent) === pid && args.some((arg) => arg.endsWith('/agents/job.js')) ? [Number(id)] : [];
  });
}

/** What a worker says of itself, and whether it calls itself ready. */
export async function healthOf(worker: LiveWorker): Promise<{ healthz: number; readyz: number; activeCalls: number }> {
  const healthz = await fetch(`${worker.url}/healthz`);
  const readyz = await fetch(`${worker.url}/readyz`);
  const { activeCalls } = (await healthz.json()) as { activeCalls: number };
  return { healthz: healthz.status, readyz: readyz.status, activeCalls };
}
