import '../scripts/quiet.ts';
import { Releasers } from '../core/lifecycle.ts';
import { Caller } from '../scripts/caller.ts';
import { countsOf, endWithError } from '../scripts/command-line.ts';
import type { Child } from '../scripts/processes.ts';
import { localEnvironment } from '../scripts/stack.ts';
import { quantile, renderTable } from '../scripts/table.ts';
import { callThrough, isFollowed, killJob, type Outcome } from './continuity-call.ts';
import { peers } from './voice-agents.ts';
import { startWorkerStack, type WorkerStack } from './worker-stack.ts';

const usage = `npm run bench:continuity -- [options]

Kills processes in the middle of calls, with kill -9, and measures from the kill how long a person hears nothing: the process of
the call ("job"), and the worker with all its processes ("worker", while a second one runs). Then the person goes on, and it is
counted what was lost, said again or written twice. Beside it a bare @livekit/agents worker. Vendors are stand-ins.

  --runs N    calls a row (default 20; the whole takes half an hour)
  --json      print the figures as one JSON line on standard output
  --help      show this

Needs Linux. Ends with code 1 when a goal is missed.`;

/** The goals, from the kill to the first audio. */
const goals = { job: { p50Ms: 2_500, p95Ms: 5_000 }, worker: { p50Ms: 6_000, p95Ms: 6_000 } } as const;
/** A bare worker is given so long to come back, and as many calls. */
const bare = { runs: 3, patienceMs: 15_000 };

type Killed = keyof typeof goals;

interface Row {
  killed: Killed;
  runs: number;
  p50Ms: number;
  p95Ms: number;
  wentOn: number;
  lostTurns: number;
  repeatedAnswers: number;
  doubledWrites: number;
  goalMet: boolean;
}

async function main(): Promise<void> {
  const options = countsOf(usage, { runs: 20 });
  if (!options) return;
  const { runs, json } = options;
  const progress = (line: string) => console.error(line);
  const releasers = new Releasers();
  try {
    const stack = await startWorkerStack(localEnvironment(), releasers, progress);
    const rows: Row[] = [];
    for (const killed of ['job', 'worker'] as const) rows.push(await measure(stack, killed, { runs, progress }));
    const followed = await measureBare(stack, progress);
    await Caller.end();
    const bareRow = { name: 'livekit-node', runs: bare.runs, followed, patienceMs: bare.patienceMs };
    console.log(json ? JSON.stringify({ goals, rows, bare: bareRow }) : tableOf(rows, followed));
    if (rows.some(({ goalMet }) => !goalMet)) process.exitCode = 1;
  } finally {
    await releasers.releaseAll();
  }
}

interface Plan {
  runs: number;
  progress(line: string): void;
}

async function measure(stack: WorkerStack, killed: Killed, { runs, progress }: Plan): Promise<Row> {
  const outcomes: Outcome[] = [];
  for (let run = 1; run <= runs; run += 1) {
    // The first takes the call: the second one comes once it has begun.
    const first = await stack.startWorker();
    let second: Child | undefined;
    const outcome = await callThrough(stack, {
      async prepare() {
        second = await stack.startWorker();
      },
      kill: () => (killed === 'job' ? killJob(first.pid) : process.kill(-first.pid, 'SIGKILL')),
    });
    await Promise.all([first.stop(), second?.stop()]);
    progress(
      `${killed} ${run}/${runs}: ${Math.round(outcome.silentMs)} ms${outcome.wentOn ? '' : ', and it did not go on'}`,
    );
    outcomes.push(outcome);
  }
  return rowOf(killed, outcomes);
}

function rowOf(killed: Killed, outcomes: readonly Outcome[]): Row {
  const silences = outcomes.map(({ silentMs }) => silentMs);
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const row = {
    killed,
    runs: outcomes.length,
    p50Ms: Math.round(quantile(silences, 0.5)),
    p95Ms: Math.round(quantile(silences, 0.95)),
    wentOn: sum(({ wentOn }) => Number(wentOn)),
    lostTurns: sum(({ lostTurns }) => lostTurns),
    repeatedAnswers: sum(({ repeatedAnswers }) => repeatedAnswers),
    doubledWrites: sum(({ doubledWrites }) => doubledWrites),
  };
  const goal = goals[killed];
  const isQuick = row.p50Ms <= goal.p50Ms && row.p95Ms <= goal.p95Ms;
  const isWhole = row.lostTurns + row.repeatedAnswers + row.doubledWrites === 0 && row.wentOn === row.runs;
  return { ...row, goalMet: isQuick && isWhole };
}

/** @returns to how many of the calls somebody came back */
async function measureBare(stack: WorkerStack, progress: (line: string) => void): Promise<number> {
  const surroundings = { ...stack, workerPid: 0 };
  let followed = 0;
  for (let run = 1; run <= bare.runs; run += 1) {
    const agent = await peers['livekit-node'].start(surroundings);
    const entrance = await agent.enter();
    const kill = () => killJob(agent.groups()[0] as number);
    const isBack = await isFollowed(entrance, { kill, patienceMs: bare.patienceMs });
    progress(`livekit-node ${run}/${bare.runs}: ${isBack ? 'somebody came back' : 'nobody came back'}`);
    followed += Number(isBack);
    await agent.stop();
  }
  return followed;
}

function tableOf(rows: readonly Row[], followed: number): string {
  const head = [
    'killed',
    'runs',
    'silent p50',
    'p95',
    'went on',
    'turns lost',
    'answers repeated',
    'writes doubled',
    'goal',
  ];
  const table = renderTable([
    head,
    ...rows.map((row) => [
      row.killed,
      String(row.runs),
      `${row.p50Ms} ms`,
      `${row.p95Ms} ms`,
      String(row.wentOn),
      String(row.lostTurns),
      String(row.repeatedAnswers),
      String(row.doubledWrites),
      row.goalMet ? 'met' : 'MISSED',
    ]),
  ]);
  const peer = `A bare @livekit/agents worker, its job killed: somebody came back to ${followed} of ${bare.runs} calls within ${bare.patienceMs / 1_000} s.`;
  return `${table}\n\n${peer}`;
}

main().then(
  () => process.exit(),
  (error: unknown) => endWithError(error),
);
