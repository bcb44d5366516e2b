import '../scripts/quiet.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Releasers } from '../core/lifecycle.ts';
import type { TokenResponse } from '../domain/token.ts';
import { Caller } from '../scripts/caller.ts';

import { localEnvironment, type Stack, startStack } from '../scripts/stack.ts';
import { quantile } from '../scripts/table.ts';
import { startBenchAgent } from './bench-agent.ts';
import { type Entrance, measureEcho, measureTurns, stages, type TurnTimes } from './voice-turns.ts';

const usage = `npm run bench:voice -- [options]

Speaks turns with Parley and with a bare @livekit/agents session on the same adapters, and shows where the time of a turn went.
Vendors are stand-ins with fixed delays, so that the rows differ by what the software does.

  --turns N    spoken turns a row (default 10)
  --json       print the figures as one JSON line on standard output
  --help       show this`;

interface Row {
  name: string;
  turns: TurnTimes[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return console.log(usage);
  const count = Number(values.turns);
  if (!Number.isInteger(count) || count < 1) throw new Error('--turns needs a whole number from 1');
  const progress = (line: string) => console.error(line);

  const releasers = new Releasers();
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'));
    releasers.add(() => rm(dataDir, { recursive: true, force: true }));
    const stack = await startStack({ env: withoutKeys(), dataDir, progress });
    releasers.add(() => stack.stop());
    const sandboxUrl = stack.sandboxUrl as string;

    progress(`media path: ${count} lines echoed`);
    const echo = await measureEcho(await startBenchAgent('echo-agent', stack, releasers), count);
    const rows: Row[] = [];
    // One row after the other: side by side they would slow each other down.
    progress(`parley: ${count} turns`);
    rows.push({ name: 'parley', turns: await measureTurns(await parleyEntrance(stack), sandboxUrl, count) });
    progress(`bare session: ${count} turns`);
    rows.push({
      name: 'bare session',
      turns: await measureTurns(await startBenchAgent('bare-agent', stack, releasers), sandboxUrl, count),
    });
    await Caller.end();
    if (values.json) console.log(JSON.stringify(figuresOf(rows, echo)));
    else console.log(tableOf(rows, echo));
  } finally {
    await releasers.releaseAll();
  }
}

/** The bench compares software: no vendor's bad day may be in it. */
function withoutKeys() {
  const { DEEPGRAM_API_KEY, ANTHROPIC_API_KEY, CARTESIA_API_KEY, DATABASE_URL, ...env } = localEnvironment();
  return env;
}

async function parleyEntrance(stack: Stack): Promise<Entrance> {
  const response = await fetch(`${stack.apiUrl}/api/v1/token`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.developmentToken}` },
  });
  const { server_url, participant_token } = (await response.json()) as TokenResponse;
  return { serverUrl: server_url, token: participant_token };
}

function summaryOf(turns: readonly TurnTimes[], key: keyof TurnTimes, share = 0.5): number {
  return Math.round(
    quantile(
      turns.map((turn) => turn[key]),
      share,
    ),
  );
}

function vendorsShareOf(turns: readonly TurnTimes[]): number {
  return Math.round(
    quantile(
      turns.map((turn) => (turn.sttMs + turn.llmMs + turn.ttsMs) / turn.voiceToVoiceMs),
      0.5,
    ) * 100,
  );
}

function figuresOf(rows: readonly Row[], echo: readonly number[]) {
  return {
    mediaPathMs: { p50: Math.round(quantile(echo, 0.5)), p90: Math.round(quantile(echo, 0.9)) },
    rows: rows.map(({ name, turns }) => ({
      name,
      turns: turns.length,
      voiceToVoiceMs: { p50: summaryOf(turns, 'voiceToVoiceMs'), p90: summaryOf(turns, 'voiceToVoiceMs', 0.9) },
      vendorsSharePercent: vendorsShareOf(turns),
      stagesMs: Object.fromEntries(
        Object.keys(stages).map((key) => [key, summaryOf(turns, key as keyof typeof stages)]),
      ),
    })),
    ratio: ratioOf(rows),
  };
}

function ratioOf(rows: readonly Row[]): number {
  const [parley, bare] = rows.map(({ turns }) =>
    quantile(
      turns.map((turn) => turn.voiceToVoiceMs),
      0.5,
    ),
  );
  return Number(((parley ?? 0) / (bare ?? 1)).toFixed(2));
}

function tableOf(rows: readonly Row[], echo: readonly number[]): string {
  const head = ['', 'v2v p50', 'v2v p90', 'vendors', ...Object.values(stages)];
  const cells = rows.map(({ name, turns }) => [
    name,
    `${summaryOf(turns, 'voiceToVoiceMs')}`,
    `${summaryOf(turns, 'voiceToVoiceMs', 0.9)}`,
    `${vendorsShareOf(turns)} %`,
    ...Object.keys(stages).map((key) => `${summaryOf(turns, key as keyof typeof stages)}`),
  ]);
  const figures = figuresOf(rows, echo);
  const media = ['media path', `${figures.mediaPathMs.p50}`, `${figures.mediaPathMs.p90}`];
  const line = (row: string[]) => row.map((cell, column) => (column ? cell.padStart(9) : cell.padEnd(13))).join(' ');
  return [
    "milliseconds, medians unless said otherwise; measured from the caller's audio",
    ...[head, ...cells, media].map(line),
    `parley / bare session, voice-to-voice p50: ${figures.ratio}`,
  ].join('\n');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
