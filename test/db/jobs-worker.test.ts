import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, inject, it } from 'vitest';
import { createTestDatabase } from '../support/postgres.ts';
import { settings } from './world.ts';

/** Starts the process; `lines` is what it has written to standard error. */
const run = (env: Record<string, string>) => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'jobs/worker.ts'], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  return { child, exit: once(child, 'close'), lines };
};

describe("the jobs' process", () => {
  const livekit = {
    LIVEKIT_URL: settings.livekit.url,
    LIVEKIT_API_KEY: settings.livekit.apiKey,
    LIVEKIT_API_SECRET: settings.livekit.apiSecret,
  };

  it('names every setting that is missing, and ends', async () => {
    const { exit, lines } = run({});
    expect(await exit).toEqual([1, null]);
    for (const name of [...Object.keys(livekit), 'DATABASE_URL']) {
      expect(lines.join('\n')).toContain(`${name}: is not set`);
    }
    expect(lines.join('\n')).not.toContain('    at ');
  });

  const postgresUrl = inject('postgresUrl');
  it.skipIf(!postgresUrl)('sets its database up, works until it is told to stop, and ends well', async () => {
    const own = await createTestDatabase(postgresUrl ?? '');
    const { child, exit, lines } = run({ ...livekit, DATABASE_URL: own.url });
    try {
      await expect.poll(() => lines.join('\n'), { timeout: 30_000 }).toContain('the jobs run');
      child.kill('SIGTERM');
      expect(await exit, lines.join('\n')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await exit;
      await own.drop();
    }
  });
});
