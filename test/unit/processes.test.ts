import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { entry, freePort, type ProcessOptions, startProcess } from '../../scripts/processes.ts';

/** A child that runs a line of JavaScript. */
function script(code: string, more: Partial<ProcessOptions> = {}): ProcessOptions {
  return { name: 'the child', command: process.execPath, args: ['-e', code], env: {}, ...more };
}

const forever = 'setInterval(() => {}, 1000);';
const stubborn = `process.on('SIGTERM', () => console.log('no')); ${forever} console.log('ready');`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const untilGone = (pid: number) => vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 15_000 });

describe('startProcess', () => {
  test('waits for a line, passes lines on and sees the end', async () => {
    const lines: string[] = [];
    const code = `console.log('one'); console.error('now ready'); setTimeout(() => process.exit(7), 100);`;
    const child = await startProcess(script(code, { readyLine: /ready$/, onLine: (line) => lines.push(line) }));
    expect(await child.exited).toEqual({ code: 7, signal: null });
    expect(lines.sort()).toEqual(['now ready', 'one']);
    expect(child.lastLines().sort()).toEqual(['now ready', 'one']);
  });

  test('waits for a URL to answer 2xx', async () => {
    const port = await freePort();
    const code = `let asked = 0;
      require('node:http').createServer((_, response) => response.writeHead(++asked < 3 ? 503 : 200).end(String(asked)))
        .listen(${port}, '127.0.0.1');`;
    const child = await startProcess(script(code, { readyUrl: `http://127.0.0.1:${port}` }));
    onTestFinished(() => child.stop());
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('4');
  });

  test('gives the child exactly the environment it was told', async () => {
    const child = await startProcess(script('console.log(Object.keys(process.env).join())', { env: { ONLY: 'this' } }));
    await child.exited;
    expect(child.lastLines()).toEqual(['ONLY']);
  });

  test('says why a child ended before it was ready, with its last lines only', async () => {
    const code = `for (let i = 1; i <= 30; i++) console.log('line ' + i); process.exit(3);`;
    const started = startProcess(script(code, { readyLine: /never/ }));
    await expect(started).rejects.toThrow(/the child ended \(exit code 3\) before it was ready:\n {2}line 11\n/);
    await expect(started).rejects.toThrow(/line 30$/);
  });

  test('stops a child that is not ready in time', async () => {
    let pid = 0;
    const code = `console.log(process.pid); ${forever}`;
    const onLine = (line: string) => {
      pid = Number(line);
    };
    await expect(startProcess(script(code, { readyLine: /never/, readyTimeoutMs: 1_000, onLine }))).rejects.toThrow(
      /was not ready after 1 s/,
    );
    expect(pid).toBeGreaterThan(0);
    expect(isAlive(pid)).toBe(false);
  });

  test('names a command that does not exist', async () => {
    await expect(startProcess({ name: 'x', command: '/no/such/program', args: [], env: {} })).rejects.toThrow(
      /^x can't be started: .*ENOENT/,
    );
  });
});

describe('stop', () => {
  test('lets a child end in its own way', async () => {
    const code = `process.on('SIGTERM', () => process.exit(9)); ${forever} console.log('ready');`;
    const child = await startProcess(script(code, { readyLine: /ready/ }));
    await child.stop();
    expect(await child.exited).toEqual({ code: 9, signal: null });
    await child.stop();
  });

  test('kills one that does not, with what it started itself', async () => {
    const code = `const { spawn } = require('node:child_process');
      const own = spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}], { stdio: ['ignore', 'pipe', 'inherit'] });
      process.on('SIGTERM', () => {});
      own.stdout.once('data', () => console.log('ready ' + own.pid));`;
    const child = await startProcess(script(code, { readyLine: /ready/ }));
    const own = Number(child.lastLines().at(-1)?.split(' ')[1]);
    expect(isAlive(own)).toBe(true);
    await child.stop(300);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await untilGone(own);
  });
});

describe('a child does not outlive its parent', () => {
  let folder: string;
  const module = JSON.stringify(new URL('../../scripts/processes.ts', import.meta.url).href);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parley-processes-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Starts a parent with a stubborn child; resolves with both pids once the child runs. */
  async function family(name: string, then: string) {
    const file = join(folder, `${name}.mts`);
    await writeFile(
      file,
      `import { startProcess } from ${module};
      const child = await startProcess({ name: 'child', command: process.execPath, env: {},
        args: ['-e', ${JSON.stringify(stubborn)}], readyLine: /ready/ });
      console.log(child.pid);
      ${then}`,
    );
    const { command, args } = entry('unused');
    const parent = spawn(command, [...args.slice(0, -1), file], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line]: unknown[] = await once(createInterface({ input: parent.stdout }), 'line');
    return { parent, child: Number(line) };
  }

  test.concurrent.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'killed by %s',
    async (signal) => {
      const { parent, child } = await family(signal, '');
      expect(isAlive(child)).toBe(true);
      parent.kill(signal);
      await untilGone(child);
    },
    30_000,
  );

  test.concurrent.each([
    ['exit', 'process.exit(0);'],
    ['error', `setTimeout(() => { throw new Error('unexpected'); });`],
  ])(
    'ended by %s',
    async (name, code) => {
      const { child } = await family(name, code);
      await untilGone(child);
    },
    30_000,
  );
});

test('freePort gives a port that can be listened on', async () => {
  const server = createServer().listen(await freePort(), '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
});

test('entry names a program in the form this one runs in', () => {
  const { command, args } = entry('agents/worker');
  expect(command).toBe(process.execPath);
  expect(args[0]).toBe('--import');
  expect(args.at(-1)).toBe(fileURLToPath(new URL('../../agents/worker.ts', import.meta.url)));
});
