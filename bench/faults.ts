import '../scripts/quiet.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { phrases } from '../agents/turns/phrases.ts';
import { Releasers } from '../core/lifecycle.ts';
import { speak, voicedMs } from '../sandbox/voice.ts';
import { Caller } from '../scripts/caller.ts';
import { endWithError, wholeNumber } from '../scripts/command-line.ts';
import { localEnvironment } from '../scripts/stack.ts';
import { renderTable } from '../scripts/table.ts';
import { FaultCall, type FaultTurn } from './faults-call.ts';
import { type FaultCase, failingVendors, faultCases, paceOfStandIns, SandboxControl } from './faults-plan.ts';
import { compareAudio, compareWords, type WordCount } from './faults-words.ts';
import { startWorkerStack, type WorkerStack } from './worker-stack.ts';

const usage = `npm run bench:faults -- [options]

Has vendors fail in the middle of calls (refuse, hang, close, rate-limit, slow), the first one of a port, the second one, or both,
and says what became of each turn. Vendors are stand-ins. The goal: no turn without an answer or an apology within 6 seconds, and
in the answers no word lost or said twice. A call has two turns: the first meets the failure, the second one the vendors that are
known to fail.

  --turns N      spoken turns a row (default 10; the whole takes an hour and a half)
  --only TEXT    only rows that contain this, such as "llm", "both" or "tts first hang"
  --json         print the figures as one JSON line on standard output
  --help         show this

Ends with code 1 when the goal is missed.`;

/** The goal: an answer or an apology by then. */
const goalMs = 6_000;
const turnsPerCall = 2;
/** Rate of the stand-ins' voices. */
const sampleRateHz = 24_000;
/** How far into a line its connection is cut. */
const midWordsMs = 900;
/** What is said, and what is answered to it. */
const lines: readonly (readonly [id: string, answer: string])[] = [
  ['en-weather', 'I heard: tell me about the weather in Paris today.'],
  ['en-reminder', 'I heard: please remind me to call my sister tomorrow morning.'],
];

interface Row {
  port: string;
  position: string;
  failure: string;
  turns: number;
  answered: number;
  apologised: number;
  written: number;
  nothing: number;
  /** Turns in which a vendor was given up. */
  fellBack: number;
  slowestMs: number;
  lostWords: number;
  doubledWords: number;
  goalMet: boolean;
}

/** Milliseconds of voiced audio when nothing fails. */
interface Baseline {
  /** Of each answer, by line. */
  answers: ReadonlyMap<string, number>;
  filler: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: 'string', default: '10' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return console.log(usage);
  const count = wholeNumber('--turns', values.turns);
  const cases = faultCases().filter((each) => nameOf(each).includes(values.only));
  if (!cases.length) throw new Error(`--only ${values.only} leaves no row`);
  const progress = (line: string) => console.error(line);
  const releasers = new Releasers();
  try {
    const stack = await startWorkerStack(localEnvironment(), releasers, progress);
    const rows = await measure(stack, cases, { count, progress });
    await Caller.end();
    console.log(values.json ? JSON.stringify({ goalMs, rows }) : tableOf(rows));
    if (rows.some(({ goalMet }) => !goalMet)) process.exitCode = 1;
  } finally {
    await releasers.releaseAll();
  }
}

interface Plan {
  /** Turns a row. */
  count: number;
  progress(line: string): void;
}

/** One row after the other: failures hit every call that there is. */
async function measure(stack: WorkerStack, cases: readonly FaultCase[], { count, progress }: Plan): Promise<Row[]> {
  const sandbox = new SandboxControl(stack.sandboxUrl);
  await sandbox.pace(paceOfStandIns);
  progress('nothing fails');
  const baseline = await baselineOf(await speakCall(stack, lines.length, async () => {}));
  for (const [line, heardMs] of baseline.answers) progress(`  ${line}: ${heardMs} ms`);
  const rows: Row[] = [];
  for (const [index, each] of cases.entries()) {
    progress(`${index + 1}/${cases.length} ${nameOf(each)}`);
    const turns: FaultTurn[] = [];
    while (turns.length < count) {
      turns.push(...(await speakThrough(each, stack, sandbox, Math.min(turnsPerCall, count - turns.length))));
    }
    const row = rowOf(each, turns, baseline);
    progress(`  ${row.goalMet ? 'met' : 'MISSED'}`);
    for (const turn of turns) progress(`    ${summaryOf(turn, wordsOf(turn, baseline))}`);
    rows.push(row);
  }
  return rows;
}

/** A call of some turns: the failure begins with the first one, and lasts. */
async function speakThrough(
  each: FaultCase,
  stack: WorkerStack,
  sandbox: SandboxControl,
  count: number,
): Promise<FaultTurn[]> {
  const vendors = failingVendors(each);
  // A connection that is slow was so when it was opened; it doesn't break.
  const isSlowEar = each.fault === 'slow' && each.port === 'stt';
  if (isSlowEar) await sandbox.fail(vendors, each.fault);
  try {
    return await speakCall(stack, count, async (turn) => {
      if (turn > 0) return;
      await sandbox.fail(vendors, each.fault);
      if (each.port !== 'stt' || isSlowEar) return;
      await sleep(midWordsMs);
      await sandbox.drop(vendors);
    });
  } finally {
    await sandbox.fail(vendors, null);
  }
}

async function speakCall(
  stack: WorkerStack,
  count: number,
  meanwhile: (turn: number) => Promise<void>,
): Promise<FaultTurn[]> {
  const entrance = await stack.enter();
  const turns: FaultTurn[] = [];
  let call: FaultCall | undefined;
  try {
    call = await FaultCall.join(entrance);
    for (let turn = 0; turn < count; turn += 1) {
      const [line] = lines[turn % lines.length] as (typeof lines)[number];
      turns.push(await call.speak(line, () => meanwhile(turn)));
    }
  } finally {
    await call?.leave();
    await entrance.stop();
  }
  return turns;
}

async function baselineOf(turns: readonly FaultTurn[]): Promise<Baseline> {
  for (const { line, reply } of turns) {
    const { lost, doubled } = compareWords(answerTo(line), reply);
    if (lost || doubled)
      throw new Error(`without any failure, ${line} was answered with "${reply}": nothing can be measured`);
  }
  const filler = await speak(phrases.filler.en, { language: 'en', sampleRateHz });
  return {
    answers: new Map(turns.map(({ line, heardMs }) => [line, heardMs])),
    filler: voicedMs(filler, sampleRateHz),
  };
}

function rowOf({ port, position, fault }: FaultCase, turns: readonly FaultTurn[], baseline: Baseline): Row {
  const counts = turns.map((turn) => wordsOf(turn, baseline));
  const of = (outcome: FaultTurn['outcome']) => turns.filter((turn) => turn.outcome === outcome).length;
  const slowestMs = Math.max(...turns.map(({ answerMs }) => answerMs));
  const lostWords = counts.reduce((sum, { lost }) => sum + lost, 0);
  const doubledWords = counts.reduce((sum, { doubled }) => sum + doubled, 0);
  return {
    port,
    position,
    failure: fault,
    turns: turns.length,
    answered: of('answered'),
    apologised: of('apologised'),
    written: of('written'),
    nothing: of('nothing'),
    fellBack: turns.filter(({ recoveries }) => recoveries.some(({ kind }) => kind === 'fallback')).length,
    slowestMs: Math.round(slowestMs),
    lostWords,
    doubledWords,
    goalMet: slowestMs <= goalMs && lostWords === 0 && doubledWords === 0,
  };
}

/** A person who is asked to say it again has been told; all others have to be given every word, once. */
function wordsOf({ line, outcome, reply, heardMs, recoveries }: FaultTurn, baseline: Baseline): WordCount {
  const answer = answerTo(line);
  if (outcome === 'apologised' || outcome === 'nothing') return { lost: 0, doubled: 0 };
  const shown = compareWords(answer, reply);
  if (outcome === 'written') return shown;
  const fillers = recoveries.filter(({ kind }) => kind === 'filler').length;
  const spoken = compareAudio(answer, baseline.answers.get(line) ?? 0, heardMs - fillers * baseline.filler);
  return { lost: Math.max(shown.lost, spoken.lost), doubled: Math.max(shown.doubled, spoken.doubled) };
}

function answerTo(line: string): string {
  return lines.find(([id]) => id === line)?.[1] ?? '';
}

function nameOf({ port, position, fault }: FaultCase): string {
  return `${port} ${position} ${fault}`;
}

function summaryOf({ outcome, answerMs, heardMs, reply, recoveries }: FaultTurn, { lost, doubled }: WordCount): string {
  const steps = recoveries.map(({ kind, from, to }) => (kind === 'fallback' ? `${from} to ${to}` : kind));
  const words = lost || doubled ? ` (lost ${lost}, doubled ${doubled})` : '';
  const told = `${outcome} after ${Math.round(answerMs)} ms, heard ${heardMs} ms: "${reply}"${words}`;
  return [told, ...steps].join('; ');
}

function tableOf(rows: readonly Row[]): string {
  const head = 'port,position,failure,turns,answered,apologised,written,nothing,fell back,slowest ms,lost,doubled,goal';
  const cells = rows.map(({ goalMet, ...row }) => [...Object.values(row).map(String), goalMet ? 'met' : 'missed']);
  const missed = rows.filter(({ goalMet }) => !goalMet).length;
  return [
    renderTable([head.split(','), ...cells]),
    '',
    missed
      ? `The goal was missed in ${missed} of ${rows.length} rows.`
      : `The goal was met in all ${rows.length} rows.`,
  ].join('\n');
}

main().then(
  () => process.exit(),
  (error: unknown) => endWithError(error),
);
