import { constants, existsSync } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { lock } from 'proper-lockfile';
import { AppError, ConfigError } from '../core/errors.ts';
import { errorCodeOf } from './errors.ts';

/** A killed process leaves its lock behind; it counts for this long. The time proper-lockfile uses by default. */
const staleMs = 10_000;
const retryMs = 1_000;
const waitMs = staleMs + 2 * retryMs;

/**
 * Makes the folder of an embedded database when it is missing and locks it: two processes on one folder would lose each
 * other's rows without an error. Waits for the lock of a process that was killed to run out.
 * @returns how to give the lock back.
 * @throws ConfigError when the folder can't be used; AppError `conflict` when another process holds it.
 */
export async function prepareDataFolder(
  dataDir: string,
  onWait: (message: string) => void = () => undefined,
): Promise<() => Promise<void>> {
  await requireFolder(dataDir);
  const immediately = await tryLock(dataDir, 0);
  if (immediately) return immediately;
  onWait(`The data folder ${dataDir} is locked: waiting up to ${waitMs / 1_000} s for its process to end`);
  const later = await tryLock(dataDir, waitMs / retryMs);
  if (later) return later;
  throw new AppError('conflict', `The data folder ${dataDir} is in use by another process`);
}

async function tryLock(dataDir: string, retries: number): Promise<(() => Promise<void>) | null> {
  try {
    return await lock(dataDir, {
      stale: staleMs,
      retries: { retries, factor: 1, minTimeout: retryMs, maxTimeout: retryMs },
      onCompromised: (error) => {
        // Another process may write to the folder by now. Going on would lose rows, so the process must end.
        throw new Error(`The lock of the data folder ${dataDir} was lost: another process may have opened it`, {
          cause: error,
        });
      },
    });
  } catch (error) {
    if (errorCodeOf(error) === 'ELOCKED') return null;
    throw unusable(dataDir, `can't be locked (${errorCodeOf(error)}): its parent folder must be writable`);
  }
}

async function requireFolder(dataDir: string): Promise<void> {
  try {
    await makeFolder(resolve(dataDir));
    await access(dataDir, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (await isFile(dataDir)) throw unusable(dataDir, 'is a file: name a folder');
    throw unusable(dataDir, `can't be made or written (${errorCodeOf(error)}): name a folder this user may write`);
  }
}

/** Makes a folder and what is missing above it. Node's own `recursive` never returns where nothing can be made, as in /proc. */
async function makeFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (!existsSync(parent)) await makeFolder(parent);
  await mkdir(folder).catch(async (error: unknown) => {
    if (errorCodeOf(error) !== 'EEXIST' || (await isFile(folder))) throw error;
  });
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ?? false;
}

function unusable(dataDir: string, message: string): ConfigError {
  return new ConfigError([{ field: `data folder ${dataDir}`, message }]);
}
