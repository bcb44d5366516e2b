import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { beforeEach, describe, expect, test } from 'vitest';
import { commands, main } from '../../cli/main.ts';
import { assetPath } from '../../core/assets.ts';
import manifest from '../../package.json' with { type: 'json' };

async function run(...args: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main(args, { stdin: PassThrough.from([]), stdout, stderr, env: {} });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), errors: await text(stderr) };
}

describe('parley', () => {
  test.each(['--help', '-h'])('%s lists every command', async (option) => {
    const { code, out, errors } = await run(option);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    for (const [name, { summary }] of Object.entries(commands)) expect(out).toMatch(new RegExp(`${name} +${summary}`));
  });

  test('--version is that of the package', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: `${manifest.version}\n`, errors: '' });
  });

  test.each(['fly', 'toString', '--fly'])('refuses %s with the list and exit code 2', async (name) => {
    const { code, out, errors } = await run(name);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(errors).toMatch(`There is no command "${name}".`);
    expect(errors).toMatch(/Commands:\n {2}demo/);
  });

  test('asks for a command when there is none', async () => {
    const { code, errors } = await run();
    expect(code).toBe(2);
    expect(errors).toMatch(/^Which command\?\n\nUsage: parley/);
  });
});

describe('cli/parley.js', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-cli-'));
    await mkdir(join(folder, 'cli'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await copyFile(assetPath('cli', 'parley.js'), join(folder, 'cli', 'parley.js'));
    return () => rm(folder, { recursive: true });
  });

  const start = (...args: string[]) => spawnSync(join(folder, 'cli', 'parley.js'), args, { encoding: 'utf8' });

  test('runs the compiled command with its arguments and exit code', async () => {
    await mkdir(join(folder, 'dist', 'cli'), { recursive: true });
    await writeFile(
      join(folder, 'dist', 'cli', 'main.js'),
      `export async function main(args, { stdout }) { stdout.write(args.join('+')); return 5; }`,
    );
    expect(start('demo', '--json')).toMatchObject({ status: 5, stdout: 'demo+--json', stderr: '' });
  });

  test('says what to do when nothing is built', () => {
    expect(start('demo')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/`npm run build`/) });
  });
});
