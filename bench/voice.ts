import '../scripts/quiet.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { parseArgs } from 'node:util';
import { Releasers } from '../core/lifecycle.ts';
import { Caller } from '../scripts/caller.ts';
import { endWithError, wholeNumber } from '../scripts/command-line.ts';
import { localEnvironment, type Stack, startStack } from '../scripts/stack.ts';
import { type AgentKind, echo, floor, type PeerName, parley, peers } from './voice-agents.ts';
import { join, settle } from './voice-call.ts';
import { type Findings, figuresOf, tablesOf } from './voice-figures.ts';
import { measureRow, parts, type RowOptions } from './voice-row.ts';
import { measureEcho } from './voice-turns.ts';

const usage = `npm run bench:voice -- [options]

Calls Parley, peers and the shortest possible loop ("floor") with the same caller, the same audio, the same LiveKit server and
the same stand-ins for vendors, whose delays are fixed, so that the rows differ by what the software does. Measured from audio:
voice to voice, barge-in, coughs, thinking pauses, typed turns; beside it CPU and memory.

  --turns N           spoken turns a row; the other parts follow from it (default 10)
  --against a,b       peers: ${Object.keys(peers).join(', ')}
                      (default livekit-node; the Python ones are installed with pip into a folder of their own)
  --calls 1,5,10      also several calls at once
  --only a,b          parts: ${parts.join(', ')}
  --json              print the figures as one JSON line on standard output
  --help              show this`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: 'string', default: '10' },
      against: { type: 'string', default: 'livekit-node' },
      calls: { type: 'string', default: '' },
      only: { type: 'string', default: parts.join(',') },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return console.log(usage);
  const options: RowOptions = {
    turns: wholeNumber('--turns', values.turns),
    calls: listOf(values.calls).map((count) => wholeNumber('--calls', count)),
    only: listOf(values.only).map((part) => oneOf('--only', part, parts)),
    progress: (line) => console.error(line),
  };
  const against = listOf(values.against).map((name) => oneOf('--against', name, Object.keys(peers) as PeerName[]));

  const releasers = new Releasers();
  try {
    const findings = await measure(against, options, releasers);
    console.log(values.json ? JSON.stringify(figuresOf(findings)) : tablesOf(findings));
  } finally {
    await releasers.releaseAll();
  }
}

async function measure(against: readonly PeerName[], options: RowOptions, releasers: Releasers): Promise<Findings> {
  const dataDir = await mkdtemp(joinPath(tmpdir(), 'parley-bench-'));
  releasers.add(() => rm(dataDir, { recursive: true, force: true }));
  const stack = await startStack({ env: environment(), dataDir, progress: options.progress });
  releasers.add(() => stack.stop());

  const mediaPathMs = await measureMediaPath(stack, options);
  const kinds: [string, AgentKind][] = [
    ['parley', parley],
    ...against.map((name): [string, AgentKind] => [name, peers[name]]),
    ['floor', floor],
  ];
  const rows = [];
  // One row after the other: side by side they would slow each other down.
  for (const [name, kind] of kinds) rows.push(await measureRow(name, kind, stack, options));
  await Caller.end();
  return { mediaPathMs, rows };
}

async function measureMediaPath(stack: Stack, { turns, only, progress }: RowOptions): Promise<number[]> {
  if (!only.includes('turns')) return [];
  progress(`media path: ${turns} lines echoed`);
  const agent = await echo.start(stack, { progress });
  try {
    const call = await join(agent);
    await settle(call);
    const roundTrips = await measureEcho(call, turns);
    await call.caller.leave();
    return roundTrips;
  } finally {
    await agent.stop();
  }
}

/** The bench compares software: no vendor's bad day may be in it, and no limit on how often one address calls. */
function environment() {
  const { DATABASE_URL, ...env } = localEnvironment();
  const keys = /^(?:DEEPGRAM|ANTHROPIC|CARTESIA|OPENAI|GEMINI|SARVAM|AZURE|LITELLM|PARLEY)_/;
  const kept = Object.entries(env).filter(([name]) => !keys.test(name));
  return { ...Object.fromEntries(kept), RATE_LIMIT_SCALE: '1000000' };
}

function listOf(text: string): string[] {
  return text.split(',').flatMap((item) => item.trim() || []);
}

function oneOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const name = names.find((each) => each === text);
  if (!name) throw new Error(`${option} knows ${names.join(', ')}, not "${text}"`);
  return name;
}

main().then(() => process.exit(0), endWithError);
