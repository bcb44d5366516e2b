import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import getPort from 'get-port';
import type { Environment } from '../core/config/environment.ts';

/** What to start and how to know that it works. */
export interface ProcessOptions {
  /** For messages. */
  name: string;
  command: string;
  args: readonly string[];
  /** The child's whole environment; nothing is inherited. */
  env: Environment;
  /** Ready once a line of its output matches. */
  readyLine?: RegExp;
  /** Ready once a GET of this URL answers with a 2xx status. */
  readyUrl?: string;
  /** 30 s unless told. */
  readyTimeoutMs?: number;
  /** Sees each line the child writes, on either stream. */
  onLine?: (line: string) => void;
}

/** How a process ended: one of the two is null. */
export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A supervised child. It leads a process group of its own: a Ctrl-C in the terminal reaches the parent alone. */
export interface Child {
  name: string;
  pid: number;
  /** Resolves once it has ended and all its output was read; never rejects. */
  exited: Promise<ProcessExit>;
  /** The last lines it wrote, oldest first. */
  lastLines(): string[];
  /** Sends SIGTERM, after the grace period SIGKILL to its whole group, and waits for the end. */
  stop(gracePeriodMs?: number): Promise<void>;
}

const posix = process.platform !== 'win32';
const keptLines = 20;

/**
 * Starts a child and waits until it is ready; with neither `readyLine` nor `readyUrl` it is ready once it runs. The
 * child and what it started itself end with it and with this process, even when this process is killed by force
 * (there except on Windows).
 * @throws Error when the command can't be started, ends before it is ready or isn't ready in time; the message holds the
 * child's last lines.
 */
export async function startProcess(options: ProcessOptions): Promise<Child> {
  const { name } = options;
  const child = spawn(options.command, options.args, {
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: posix,
    windowsHide: true,
  });
  const lines: string[] = [];
  let sawReadyLine = () => {};
  const readyLine = new Promise<void>((resolve) => {
    sawReadyLine = resolve;
  });
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      options.onLine?.(line);
      if (options.readyLine?.test(line)) sawReadyLine();
    });
  }
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new Error(`${name} can't be started: ${error instanceof Error ? error.message : error}`);
  }

  const pid = child.pid as number;
  const release = endWithThisProcess(pid);
  child.once('exit', () => {
    release();
    // Its own children would hold its output open, and nobody supervises them any more.
    killGroup(pid);
  });

  const supervised: Child = {
    name,
    pid,
    exited,
    lastLines: () => [...lines],
    async stop(gracePeriodMs = 5_000) {
      child.kill('SIGTERM');
      // A second signal ends ours at once, with their files put away; whoever doesn't heed it is killed.
      const hurry = setTimeout(() => child.kill('SIGTERM'), gracePeriodMs);
      const force = setTimeout(() => killGroup(pid), gracePeriodMs + 500);
      await exited;
      clearTimeout(hurry);
      clearTimeout(force);
    },
  };
  const conditions: ((signal: AbortSignal) => Promise<void>)[] = [];
  if (options.readyLine) conditions.push(() => readyLine);
  if (options.readyUrl) conditions.push((signal) => answers(options.readyUrl as string, signal));
  if (conditions.length) await untilReady(supervised, conditions, options.readyTimeoutMs ?? 30_000);
  return supervised;
}

/** A free TCP port of 127.0.0.1. */
export function freePort(): Promise<number> {
  return getPort({ host: '127.0.0.1' });
}

/**
 * How to run one of the project's own programs, named from the root without its ending (`agents/worker`), in the form
 * the caller itself runs in: compiled from `dist/`, or TypeScript under tsx.
 */
export function entry(path: string): { command: string; args: string[] } {
  const compiled = import.meta.url.endsWith('.js');
  const file = fileURLToPath(new URL(`../${path}${compiled ? '.js' : '.ts'}`, import.meta.url));
  if (compiled) return { command: process.execPath, args: ['--enable-source-maps', file] };
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return { command: process.execPath, args: ['--import', loader, file] };
}

/**
 * For a program that was started with an IPC channel: once its parent is gone it stops as on SIGTERM, and after ten
 * seconds in any case. Without a channel it does nothing.
 */
export function exitWithParent(): void {
  if (!process.channel) return;
  process.once('disconnect', () => {
    setTimeout(() => process.exit(1), 10_000).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  // Listening for `disconnect` must not keep a finished program alive.
  process.channel.unref();
}

async function untilReady(
  child: Child,
  conditions: readonly ((signal: AbortSignal) => Promise<void>)[],
  timeoutMs: number,
): Promise<void> {
  const over = new AbortController();
  const tail = () => [':', ...child.lastLines()].join('\n  ');
  try {
    await Promise.race([
      Promise.all(conditions.map((condition) => condition(over.signal))),
      child.exited.then(({ code, signal }) => {
        throw new Error(`${child.name} ended (${signal ?? `exit code ${code}`}) before it was ready${tail()}`);
      }),
      delay(timeoutMs, undefined, { signal: over.signal }).then(() => {
        throw new Error(`${child.name} was not ready after ${timeoutMs / 1000} s${tail()}`);
      }),
    ]);
  } catch (error) {
    await child.stop();
    throw error;
  } finally {
    over.abort();
  }
}

async function answers(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]) });
      await response.body?.cancel();
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await delay(50);
  }
}

const guarded = new Set<number>();

/** Ends the group when this process ends, however it ends. Returns the undoing. */
function endWithThisProcess(pid: number): () => void {
  if (guarded.size === 0) process.on('exit', killAll);
  guarded.add(pid);
  const stopGuard = posix ? startGuard(pid) : () => {};
  return () => {
    stopGuard();
    guarded.delete(pid);
    if (guarded.size === 0) process.off('exit', killAll);
  };
}

function killAll(): void {
  for (const pid of guarded) killGroup(pid);
}

/**
 * A shell that waits for the end of its standard input, which comes when this process is gone: the only notice there is
 * of a SIGKILL or a signal that nobody handles. It then ends the group, politely first.
 */
function startGuard(pid: number): () => void {
  const script =
    'read _; kill -TERM "-$1"; for _ in 1 2 3; do sleep 1; kill -0 "-$1" || exit 0; done; kill -KILL "-$1"';
  const guard = spawn('/bin/sh', ['-c', script, 'guard', String(pid)], {
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => {}); // No shell: everything but a SIGKILL is still covered.
  guard.unref();
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  return () => guard.kill('SIGKILL');
}

function killGroup(pid: number): void {
  try {
    process.kill(posix ? -pid : pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}
