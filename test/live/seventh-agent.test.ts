import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { assetPath } from '../../core/assets.ts';

const shared = inject('livekit');
const timeoutMs = 300_000;
const heading = '## A seventh agent in ten minutes';
/** Neither is part of what somebody edits, and both are large. */
const leftOut = ['node_modules', '.git'];

/** A block of the guide: what stands in it, its language and the file it is about. */
interface Block {
  language: string;
  file: string;
  text: string;
}

async function blocksOfGuide(): Promise<Block[]> {
  const document = await readFile(assetPath('docs', 'agents.md'), 'utf8');
  const [, guide = ''] = document.split(heading);
  return [...guide.matchAll(/^```(\w+) ?(\S*)\n([\s\S]*?)^```$/gm)].map(([, language = '', file = '', text = '']) => ({
    language,
    file,
    text,
  }));
}

/** Does what a block with `-` and `+` says. @throws Error when its place is not to be found, or found twice */
function changed(source: string, { file, text }: Block): string {
  const lines = text.trimEnd().split('\n');
  const without = (mark: string) =>
    lines
      .filter((line) => !line.startsWith(mark))
      .map((line) => line.slice(1))
      .join('\n');
  const pieces = source.split(`\n${without('+')}\n`);
  if (pieces.length !== 2) throw new Error(`${file} has the place of this block ${pieces.length - 1} times:\n${text}`);
  return pieces.join(`\n${without('-')}\n`);
}

async function copyOfProject(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-seventh-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const root = assetPath('.');
  await cp(root, folder, {
    recursive: true,
    filter: (path) => !leftOut.includes(relative(root, path).split('/')[0] as string),
  });
  await symlink(assetPath('node_modules'), join(folder, 'node_modules'));
  return folder;
}

describe.skipIf(!shared)('the guide to a seventh agent', () => {
  test('works when it is followed to the letter', { timeout: timeoutMs }, async () => {
    const blocks = await blocksOfGuide();
    const folder = await copyOfProject();
    for (const block of blocks.filter(({ file }) => file)) {
      const path = join(folder, block.file);
      const text = block.language === 'diff' ? changed(await readFile(path, 'utf8'), block) : block.text;
      await writeFile(path, text, { flag: block.language === 'diff' ? 'w' : 'wx' });
    }
    const commands = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => text.trim().split('\n'));
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LIVEKIT_URL: shared?.url,
      LIVEKIT_API_KEY: shared?.apiKey,
      LIVEKIT_API_SECRET: shared?.apiSecret,
    };
    const printed: string[] = [];
    for (const command of commands) {
      const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder, env, timeout: timeoutMs });
      printed.push(stdout);
    }
    const [document, simulated, planted] = printed;
    expect(document).toMatch(/openapi.json/);
    expect(simulated).toMatch(/^quiz +passed/m);
    expect(planted).toMatch(/^quiz +passed .*quiz-does-not-start/m);
    // What somebody has added this way passes what a change of theirs has to pass.
    const files = blocks.filter(({ file }) => /\.[jt]s$/.test(file)).map(({ file }) => file);
    await promisify(execFile)('npx', ['biome', 'ci', '--error-on-warnings', ...new Set(files)], { cwd: folder, env });
  });
});
