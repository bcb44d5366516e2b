import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { afterAll, beforeAll } from 'vitest';
import { cacheFolder } from '../../scripts/livekit-programs.ts';

/** Longer than any file of spoken calls takes, several times over. */
const patienceMs = 1_200_000;
/** A run that was killed holds the others up for this long. */
const staleMs = 60_000;

let release: (() => Promise<void>) | undefined;

// Spoken calls are told by their sound, twenty begin at once and some are measured. Two checkouts of one machine take turns at it, a file
// each, or each would measure the other.
beforeAll(async () => {
  const folder = cacheFolder(process.env);
  await mkdir(folder, { recursive: true });
  const deadlineMs = Date.now() + patienceMs;
  for (let tries = 0; !release; tries += 1) {
    release = await takeTurn(join(folder, 'voice-tests'));
    if (release) return;
    if (Date.now() > deadlineMs) throw new Error(`the spoken calls of another checkout hold ${folder} for too long`);
    if (tries === 0) process.stderr.write('voice: waiting for the spoken calls of another checkout\n');
    await sleep(300 + 700 * Math.random());
  }
}, patienceMs + 10_000);

afterAll(() => release?.());

async function takeTurn(file: string): Promise<(() => Promise<void>) | undefined> {
  // A run that was suspended may lose its turn; two then run at once, which costs patience and nothing else.
  const options = { realpath: false, stale: staleMs, onCompromised: () => undefined };
  return lock(file, options).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOCKED') return undefined;
    throw error;
  });
}
