import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import type { Environment } from '../../core/config/environment.ts';

/** Whether it can be seen what a program leaves running: that is read from `/proc`. */
export const programsAreVisible = process.platform === 'linux';
if (!programsAreVisible)
  process.stderr.write('SKIPPED: tests of whole programs. What they leave is read from /proc.\n');

/** A program of ours as a person runs it: from a folder that is empty but for what it leaves there. */
export interface Program {
  pid: number;
  /** What it wrote so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with its exit code, or the signal that ended it, once its output is complete. */
  ended: Promise<number | NodeJS.Signals>;
  /** Signals it and what shares its process group, as a terminal does on Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void;
  /** What still runs of everything it started, directly or not: `<pid> <command line>` each. */
  left(): Promise<string[]>;
  /** What it left in its folder, which is also its temporary one. */
  files(): Promise<string[]>;
}

/**
 * Runs a JavaScript file of the project, named from the root; needs Linux. Settings not in `env` are set to nothing, as in
 * a copy of `.env.example`, so that neither a developer's `.env` nor the environment of the tests counts. What is left
 * when the test is over is killed.
 */
export async function runProgram(file: string, args: readonly string[], env: Environment = {}): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-program-'));
  const { PATH, HOME, XDG_CACHE_HOME } = process.env;
  const child = spawn(process.execPath, ['--enable-source-maps', assetPath(file), ...args], {
    cwd: folder,
    env: { PATH, HOME, XDG_CACHE_HOME, TMPDIR: folder, ...(await emptySettings()), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const pid = child.pid as number;
  onTestFinished(async () => {
    for (const line of await processesIn(folder)) process.kill(Number.parseInt(line, 10), 'SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      output[name] += piece;
    });
  }
  return {
    pid,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended: new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal ?? -1))),
    signalGroup: (signal) => void process.kill(-pid, signal),
    left: () => processesIn(folder),
    files: () => readdir(folder),
  };
}

/** Waits until nothing that a program started runs any more. @throws after ten seconds, naming what does. */
export async function expectNothingLeft(program: Program): Promise<void> {
  await expect.poll(() => program.left(), { timeout: 10_000 }).toEqual([]);
}

async function emptySettings(): Promise<Environment> {
  const example = await readFile(assetPath('.env.example'), 'utf8');
  return Object.fromEntries([...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => [name, '']));
}

/** Processes that work in a folder. A child inherits it, also one that has left the group or lost its parent. */
async function processesIn(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      try {
        if ((await readlink(`/proc/${pid}/cwd`)) !== folder) return [];
        return [`${pid} ${(await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')}`];
      } catch {
        return []; // It has ended, or is somebody else's.
      }
    }),
  );
  return found.flat();
}
