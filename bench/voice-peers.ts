import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assetPath } from '../core/assets.ts';

const run = promisify(execFile);

/** What each Python peer is installed from: the newest of everything but what it pins itself. */
const packages = {
  'livekit-python': [
    'livekit-agents',
    'livekit-plugins-deepgram',
    'livekit-plugins-anthropic',
    'livekit-plugins-cartesia',
    'livekit-plugins-silero',
    'livekit-plugins-turn-detector',
  ],
  pipecat: ['pipecat-ai[livekit,deepgram,anthropic,cartesia,silero]'],
} as const;

const installTimeoutMs = 15 * 60_000;

/** Path of one of the peers' programs. */
export function peerScript(file: string): string {
  return assetPath('bench', 'peers', file);
}

/**
 * Installs a peer from the Python Package Index into a virtual environment of its own, in the user's cache, once.
 * @returns path of its Python
 * @throws Error that says what is missing or what pip said last
 */
export async function installPeer(name: keyof typeof packages, progress: (line: string) => void): Promise<string> {
  const root = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'parley', 'bench-peers');
  const folder = join(root, name);
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, 'installed.txt');
  if (existsSync(stamp)) return python;
  progress(`${name}: installing ${packages[name].join(', ')} into ${folder}`);
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    await run('python3', ['-m', 'venv', folder], { timeout: installTimeoutMs });
    await run(python, ['-m', 'pip', 'install', '--quiet', ...packages[name]], { timeout: installTimeoutMs });
    const { stdout } = await run(python, ['-m', 'pip', 'freeze'], { timeout: installTimeoutMs });
    // Written last and in one piece: an installation that was broken off is begun anew.
    writeFileSync(`${stamp}.part`, stdout);
    renameSync(`${stamp}.part`, stamp);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const reason = stderr?.trim().split('\n').at(-1) || (error instanceof Error ? error.message : String(error));
    throw new Error(`can't be installed: ${reason}`);
  }
  return python;
}

/** Version of the package that a peer is. */
export async function peerVersion(name: keyof typeof packages, python: string): Promise<string> {
  const distribution = packages[name][0].replace(/\[.*/, '');
  const script = `import importlib.metadata as m; print(m.version("${distribution}"))`;
  const { stdout } = await run(python, ['-c', script]);
  return `${distribution} ${stdout.trim()}`;
}
