import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../core/config/environment.ts';
import { startProcess } from './processes.ts';

/** How an executable's file name ends here. */
export const executableEnding = process.platform === 'win32' ? '.exe' : '';

/** Looks a program up as a shell would. */
export async function findOnPath(name: string, env: Environment): Promise<string | undefined> {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const file = join(folder, name + executableEnding);
    const executable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return file;
  }
  return undefined;
}

/** First line a quick command prints; undefined when it fails or takes longer than 15 s. */
export async function programVersion(
  command: string,
  args: readonly string[],
  env: Environment,
): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { env, timeout: 15_000 });
    return stdout.trim().split('\n', 1)[0];
  } catch {
    return undefined;
  }
}

/** A command that may take minutes. */
export interface LongCommand {
  /** What it does, for progress lines and errors. */
  name: string;
  command: string;
  args: readonly string[];
  env: Environment;
  timeoutMs: number;
  /** Sees each line the command writes, on either stream. */
  onLine?: (line: string) => void;
}

/**
 * Runs a command to its end and reports the elapsed time every five seconds.
 * @throws Error with its last lines when it fails, with its name when it takes too long.
 */
export async function runLong(options: LongCommand, progress: (line: string) => void): Promise<void> {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1000);
  progress(options.name);
  const child = await startProcess(options);
  const report = setInterval(() => progress(`${options.name}: ${seconds()} s`), 5_000);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    void child.stop();
  }, options.timeoutMs);
  const { code } = await child.exited;
  clearInterval(report);
  clearTimeout(limit);
  if (late) throw new Error(`${options.name} took longer than ${options.timeoutMs / 60_000} minutes`);
  if (code !== 0) throw new Error(`${options.name} failed: ${child.lastLines().slice(-3).join(' | ')}`);
  progress(`${options.name}: done after ${seconds()} s`);
}

/** The user's cache folder for Parley, by the habit of the platform; it may not exist yet. */
export function cacheFolder(env: Environment): string {
  const home = env.HOME ?? homedir();
  const byPlatform: Partial<Record<NodeJS.Platform, string>> = {
    darwin: join(home, 'Library', 'Caches'),
    win32: env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'),
  };
  return join(env.XDG_CACHE_HOME || (byPlatform[process.platform] ?? join(home, '.cache')), 'parley');
}
