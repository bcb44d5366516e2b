import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../core/clock.ts';
import { createAccessTokens } from '../core/crypto/access-tokens.ts';
import { newSecret } from '../core/ids.ts';
import { Releasers } from '../core/lifecycle.ts';
import { endWithError } from '../scripts/command-line.ts';
import { quantile, renderTable } from '../scripts/table.ts';
import { developmentUser } from '../services/users.ts';
import { createTestDatabase, prepareServer } from '../test/support/postgres.ts';
import { startInstalledServer } from '../test/support/postgres-server.ts';
import { loadFor } from './http-load.ts';

const usage = `npm run bench:api -- [options]

Asks for room tokens over 32 connections: a bare node:http server that signs them with the same code, the API's token route
with all its middleware but no row written, and the whole route with its session row on a real PostgreSQL. The servers are
started anew every 10 rounds, in another order: one process is compiled better than another, by chance and for as long as it
lives, and the first one to be asked is the slower one.

  --seconds N    length of a round (default 0.5)
  --rounds N     rounds of each (default 60); the medians count, of the ratio those of each round by itself
  --json         print the figures as one JSON line on standard output
  --help         show this`;

const connections = 32;
/** What a server that runs for days has long behind it: the token route gets faster for four seconds, the bare one for two. */
const warmUpSeconds = 5;
const roundsOfAStart = 10;
const manners = {
  bare: 'bare node:http, same signer',
  route: 'token route, no row',
  full: 'token route with its session row',
} as const;
type Manner = keyof typeof manners;

interface Round {
  perSecond: number;
  cpuMicrosecondsPerRequest: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '0.5' },
      rounds: { type: 'string', default: '60' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return console.log(usage);
  const [seconds, count] = [Number(values.seconds), Number(values.rounds)];
  if (!(seconds > 0)) throw new Error('--seconds needs a number above 0');
  if (!Number.isInteger(count) || count < 1) throw new Error('--rounds needs a whole number from 1');
  const releasers = new Releasers();
  try {
    const settings = await prepare(releasers);
    const rounds: Record<Manner, Round[]> = { bare: [], route: [], full: [] };
    const order = Object.keys(manners) as Manner[];
    for (let done = 0; done < count; done += roundsOfAStart) {
      await measureOneStart(rounds, { order, count: Math.min(roundsOfAStart, count - done), seconds, settings });
      order.reverse();
      console.error(`round ${rounds.full.length} of ${count}`);
    }
    const figures = figuresOf(rounds);
    console.log(values.json ? JSON.stringify(figures) : tableOf(figures));
  } finally {
    await releasers.releaseAll();
  }
}

interface StartOptions {
  order: readonly Manner[];
  count: number;
  seconds: number;
  settings: Settings;
}

/** Starts the servers and warms them up in this order, and adds so many rounds of each. */
async function measureOneStart(
  rounds: Record<Manner, Round[]>,
  { order, count, seconds, settings }: StartOptions,
): Promise<void> {
  const releasers = new Releasers();
  try {
    const servers = new Map<Manner, Server>();
    for (const manner of order) {
      servers.set(manner, await startServer(manner, settings, releasers));
    }
    for (const server of servers.values()) await measure(server, warmUpSeconds, settings.token);
    const measureInTurns = async (turns: Manner[]) => {
      for (let round = 0; round < count; round += 1) {
        for (const manner of turns) {
          rounds[manner].push(await measure(servers.get(manner) as Server, seconds, settings.token));
        }
        // There and back again: whoever always comes first would be measured with what the other leaves behind.
        turns.reverse();
      }
    };
    await measureInTurns(order.filter((manner) => manner !== 'full'));
    // By itself: the database still writes when a round is over, on the next one's time.
    await measureInTurns(['full']);
  } finally {
    await releasers.releaseAll();
  }
}

interface Settings {
  env: Record<string, string>;
  token: string;
}

/** A database, and the settings of all servers. */
async function prepare(releasers: Releasers): Promise<Settings> {
  const postgres = await startInstalledServer({ durable: true });
  releasers.add(() => postgres.stop());
  await prepareServer(postgres.url);
  const { url, serviceUrl } = await createTestDatabase(postgres.url);
  const jwtSecret = newSecret();
  const { token } = await createAccessTokens(jwtSecret, 'HS256', systemClock).sign({
    ...developmentUser,
    roles: ['student'],
  });
  return {
    token,
    env: {
      DATABASE_URL: url,
      DATABASE_SERVICE_URL: serviceUrl,
      ENCRYPTION_KEY: newSecret(),
      JWT_SECRET: jwtSecret,
      // Makes the user whose token is used.
      DEVELOPMENT_TOKEN: newSecret(),
      LIVEKIT_URL: 'ws://127.0.0.1:1',
      LIVEKIT_API_KEY: 'bench',
      LIVEKIT_API_SECRET: newSecret(),
      NODE_ENV: 'production',
    },
  };
}

interface Server {
  port: number;
  process: ChildProcess;
}

async function startServer(manner: Manner, { env }: Settings, releasers: Releasers): Promise<Server> {
  const file = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? './api-server.ts' : './api-server.js', import.meta.url),
  );
  const child = fork(file, [manner], { env: { PATH: process.env.PATH, ...env } });
  releasers.add(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { port, process: child };
}

async function measure({ port, process: server }: Server, seconds: number, token: string): Promise<Round> {
  const cpu = async () => {
    server.send('usage');
    const [{ cpuMicroseconds }] = (await once(server, 'message')) as [{ cpuMicroseconds: number }];
    return cpuMicroseconds;
  };
  const before = await cpu();
  const body = JSON.stringify({ participant_name: 'Robin', participant_attributes: { theme: 'dark' } });
  const request = { method: 'POST', port, path: '/api/v1/token', token, body };
  const { requests, perSecond } = await loadFor({ connections, seconds }, request, 201);
  return { perSecond, cpuMicrosecondsPerRequest: ((await cpu()) - before) / requests };
}

/** A ratio is that of two rounds next to each other: a neighbour's work slows both, and comes and goes within seconds. */
function figuresOf(rounds: Record<Manner, Round[]>) {
  const median = (values: number[]) => quantile(values, 0.5);
  const of = (manner: Manner, key: keyof Round) => rounds[manner].map((round) => round[key]);
  const bare = of('bare', 'perSecond');
  const rows = (Object.keys(manners) as Manner[]).map((manner) => ({
    manner,
    perSecond: Math.round(median(of(manner, 'perSecond'))),
    cpuMicrosecondsPerRequest: Math.round(median(of(manner, 'cpuMicrosecondsPerRequest'))),
    ratioToBare: Number(median(of(manner, 'perSecond').map((value, round) => value / (bare[round] ?? 0))).toFixed(2)),
  }));
  return { connections, rows };
}

function tableOf({ rows }: ReturnType<typeof figuresOf>): string {
  return renderTable([
    ['server', 'requests/s', 'CPU a request', 'ratio to bare'],
    ...rows.map((row) => [
      manners[row.manner],
      String(row.perSecond),
      `${row.cpuMicrosecondsPerRequest} us`,
      String(row.ratioToBare),
    ]),
  ]);
}

main().then(() => process.exit(0), endWithError);
