import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import getPort from 'get-port';
import { expect, onTestFinished } from 'vitest';
import { settings } from '../db/world.ts';

/** A program of ours under TypeScript; what is left of it when the test is over is killed. */
export interface TestProgram {
  child: ChildProcess;
  /** Code and signal it ended with. */
  exit: Promise<unknown[]>;
  /** What it has written, line by line. */
  lines: string[];
}

/** Settings of LiveKit's that name no server. */
export const liveKitVariables = {
  LIVEKIT_URL: settings.livekit.url,
  LIVEKIT_API_KEY: settings.livekit.apiKey,
  LIVEKIT_API_SECRET: settings.livekit.apiSecret,
};

/** Keys of the tests' databases, as a setting. */
export const encryptionVariables = { ENCRYPTION_KEYS: `test:${'ab'.repeat(32)}` };

/** Runs a file with nothing but these settings. */
export function runFile(file: string, env: Record<string, string>): TestProgram {
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', (line) => lines.push(line));
  const exit = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  return { child, exit, lines };
}

/** Runs the jobs' process on a database, and waits until it works. */
export async function runJobsProgram(
  database: { serviceUrl: string },
  env: Record<string, string> = {},
): Promise<TestProgram & { url: string }> {
  const port = await getPort({ host: '127.0.0.1' });
  const program = runFile('jobs/worker.ts', {
    ...liveKitVariables,
    ...encryptionVariables,
    DATABASE_SERVICE_URL: database.serviceUrl,
    JOBS_HOST: '127.0.0.1',
    JOBS_PORT: String(port),
    ...env,
  });
  await expect.poll(() => program.lines.join('\n'), { timeout: 30_000 }).toContain('the jobs run');
  return { ...program, url: `http://127.0.0.1:${port}` };
}

/** Ends a program as a machine does that loses its power. */
export async function killProgram({ child, exit }: TestProgram): Promise<void> {
  child.kill('SIGKILL');
  expect(await exit).toEqual([null, 'SIGKILL']);
}
