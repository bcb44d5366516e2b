import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { assetPath } from '../core/assets.ts';
import { Releasers } from '../core/lifecycle.ts';
import { endWithError } from './command-line.ts';
import { cacheFolder, executableEnding, findOnPath, runLong } from './livekit-programs.ts';
import { entry, startProcess } from './processes.ts';
import { renderTable } from './table.ts';

const usage = `npm run sandbox:conformance -- [options]

Has the clients that vendors publish for Python, and LiveKit's plugins for them, talk to the stand-ins of the sandbox: what was
written for the real vendor has to work with its stand-in. Installs them from PyPI by name (sandbox/conformance/requirements.txt)
into a virtual environment in the user's cache folder, once; needs Python 3.11 or newer. Prints a table and exits with 1 when a
check failed or a client could not be installed.

  --json     print one line of JSON instead of the table
  --help     show this`;

/** The outcome of one check, as the Python program prints it. */
interface Row {
  client: string;
  /** Empty when the client is not installed. */
  version: string;
  check: string;
  passed: boolean;
  /** Why it failed; empty when it passed. */
  detail: string;
  /** What the client can't do, or how it was helped; often empty. */
  note: string;
}

const installTimeoutMs = 10 * 60_000;
const checksTimeoutMs = 10 * 60_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const python = await installClients();
  const rows = await runChecks(python);
  const failed = rows.filter(({ passed }) => !passed).length;
  const passed = rows.length - failed;
  if (values.json) console.log(JSON.stringify({ passed, failed, checks: rows }));
  else console.log(`${tableOf(rows)}\n\n${passed} passed, ${failed} failed`);
  return failed || !passed ? 1 : 0;
}

/**
 * Makes the virtual environment, or reuses the one that was made from the same list.
 * @returns path of its Python
 * @throws Error when there is no Python, or none that can make an environment
 */
async function installClients(): Promise<string> {
  const list = assetPath('sandbox', 'conformance', 'requirements.txt');
  const wanted = await readFile(list, 'utf8');
  const folder = join(cacheFolder(process.env), 'conformance');
  const [programs, ending] = process.platform === 'win32' ? ['Scripts', executableEnding] : ['bin', ''];
  const python = join(folder, programs, `python${ending}`);
  const stamp = join(folder, 'installed.txt');
  if (existsSync(python) && (await readFile(stamp, 'utf8').catch(() => '')) === wanted) return python;

  const systemPython = (await findOnPath('python3', process.env)) ?? (await findOnPath('python', process.env));
  if (!systemPython) throw new Error('There is no python3 on PATH: install Python 3.11 or newer');
  const step = (name: string, command: string, args: readonly string[]) =>
    runLong({ name, command, args, env: process.env, timeoutMs: installTimeoutMs }, console.error);
  const install = (name: string, ...what: string[]) =>
    step(`installing ${name}`, python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...what]);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await step('making a Python environment', systemPython, ['-m', 'venv', folder]);
  try {
    await install('the clients', '-r', list);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    await installOneByOne(wanted, install);
    return python;
  }
  // Written last and in one piece: an installation that was broken off is begun anew.
  await writeFile(`${stamp}.part`, wanted);
  await rename(`${stamp}.part`, stamp);
  return python;
}

/** One package that can't be had doesn't keep the others from being tried; its own checks fail, and the next run tries again. */
async function installOneByOne(
  list: string,
  install: (name: string, ...what: string[]) => Promise<void>,
): Promise<void> {
  const packages = list.split('\n').filter((line) => line && !line.startsWith('#'));
  for (const each of packages) {
    await install(each, each).catch((error: unknown) => console.error(error instanceof Error ? error.message : error));
  }
}

/** Starts the stand-ins and has the Python program try its clients on them. */
async function runChecks(python: string): Promise<Row[]> {
  const releasers = new Releasers();
  try {
    let sandboxUrl = '';
    const sandbox = await startProcess({
      name: 'the sandbox',
      ...entry('scripts/sandbox'),
      env: { PATH: process.env.PATH },
      readyLine: /"sandboxUrl"/,
      onLine: (line) => {
        if (line.includes('"sandboxUrl"')) ({ sandboxUrl } = JSON.parse(line) as { sandboxUrl: string });
      },
    });
    releasers.add(() => sandbox.stop());
    const rows: Row[] = [];
    await runLong(
      {
        name: 'trying the clients',
        command: python,
        args: [assetPath('sandbox', 'conformance', 'main.py'), sandboxUrl],
        // Nothing of the caller's: a key, an address or a proxy of a real vendor must not be found.
        env: { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1' },
        timeoutMs: checksTimeoutMs,
        onLine: (line) => {
          if (line.startsWith('{"client"')) rows.push(JSON.parse(line) as Row);
        },
      },
      console.error,
    );
    return rows.sort((a, b) => a.client.localeCompare(b.client, 'en'));
  } finally {
    await releasers.releaseAll();
  }
}

function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ client, version, check, passed, detail, note }) => [
    `${client} ${version}`.trim(),
    check,
    passed ? 'passed' : 'FAILED',
    [detail, note].filter(Boolean).join('; '),
  ]);
  return renderTable([['client', 'check', 'outcome', 'why, or what to know'], ...cells]);
}

main().then((code) => process.exit(code), endWithError);
