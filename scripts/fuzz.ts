import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AccessToken } from 'livekit-server-sdk';
import { newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import type { Claim } from '../domain/session.ts';
import type { TokenResponse } from '../domain/token.ts';
import { endWithError } from './command-line.ts';
import { cacheFolder, findOnPath, runLong } from './livekit-programs.ts';
import { startLocalApi } from './stack.ts';

/** The release this is known to work with (schemathesis on PyPI). */
const release = '4.32.5';

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
];

const usage = `npm run fuzz -- [options]

Holds the API against its own OpenAPI document with schemathesis, on an embedded database that is gone afterwards: whatever
is sent, by a person or by an agent in a call, no answer may be a failure of the server or one the document doesn't describe.
Installs schemathesis ${release} from PyPI into the user's cache folder unless it is on PATH; needs Python 3.10 or newer.

  --examples N   requests to try for each operation (default 40)
  --seed N       what the requests are made from (default 1)
  --help         show this`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      examples: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const command = await schemathesis();
  const releasers = new Releasers();
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-fuzz-'));
    releasers.add(() => rm(dataDir, { recursive: true, force: true }));
    // No LiveKit server: what needs one has to cope without.
    const livekit = { url: 'ws://127.0.0.1:1', apiKey: 'fuzz', apiSecret: newSecret() };
    const env = {
      RATE_LIMIT_SCALE: '0',
      LOG_LEVEL: 'error',
      OPENAI_API_KEY: 'fuzz',
      OPENAI_BASE_URL: 'http://127.0.0.1:1/v1',
    };
    const { url, developmentToken } = await startLocalApi(
      { env, dataDir, livekit, progress: console.error },
      releasers,
    );
    const run = async (token: string, output: 'inherit' | 'pipe') => {
      const args = [
        ...['run', `${url}/openapi.json`, '--header', `Authorization: Bearer ${token}`, '--no-color'],
        ...['--checks', checks.join(), '--phases', 'examples,coverage,fuzzing,stateful'],
        ...['--max-examples', values.examples, '--seed', values.seed],
      ];
      const child = spawn(command, args, { cwd: dataDir, stdio: ['ignore', output, 'inherit'] });
      const [said = [], [code]] = await Promise.all([child.stdout?.toArray(), once(child, 'close')]);
      return { code: Number(code ?? 1), said: Buffer.concat(said).toString() };
    };
    const asAgent = await sessionToken(url, developmentToken, livekit);
    // Side by side, for each waits for the API half of its time; what the second says is shown once both are done.
    const runs = await Promise.all([run(developmentToken, 'inherit'), run(asAgent, 'pipe')]);
    process.stdout.write(runs.map(({ said }) => said).join(''));
    return Math.max(...runs.map(({ code }) => code));
  } finally {
    await releasers.releaseAll();
  }
}

/** The token of an agent in a new call, as its job gets it. */
async function sessionToken(
  url: string,
  developmentToken: string,
  { apiKey, apiSecret }: { apiKey: string; apiSecret: string },
): Promise<string> {
  const post = async (path: string, token: string) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };
  const { room_name: room } = (await post('/token', developmentToken)) as TokenResponse;
  const joinToken = new AccessToken(apiKey, apiSecret, { identity: 'agent-fuzz' });
  joinToken.kind = 'agent';
  joinToken.addGrant({ room, roomJoin: true, agent: true });
  const claim = (await post('/sessions/claim', await joinToken.toJwt())) as Claim;
  return claim.sessionToken;
}

async function schemathesis(): Promise<string> {
  const found = await findOnPath('schemathesis', process.env);
  if (found) return found;
  const folder = join(cacheFolder(process.env), `schemathesis-${release}`);
  const command = join(folder, 'bin', 'schemathesis');
  if (existsSync(command)) return command;
  const python = await findOnPath('python3', process.env);
  if (!python) throw new Error('There is neither schemathesis nor python3 on PATH: install Python 3.10 or newer');
  const step = (name: string, program: string, args: string[]) =>
    runLong({ name, command: program, args, env: process.env, timeoutMs: 600_000 }, console.error);
  await step('making a Python environment', python, ['-m', 'venv', folder]);
  await step(`installing schemathesis ${release}`, join(folder, 'bin', 'pip'), [
    ...['install', '--quiet', '--disable-pip-version-check', `schemathesis==${release}`],
  ]);
  return command;
}

main().then((code) => process.exit(code), endWithError);
