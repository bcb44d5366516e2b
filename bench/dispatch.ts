import '../scripts/quiet.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Releasers } from '../core/lifecycle.ts';
import { Caller, epochMs } from '../scripts/caller.ts';
import { countsOf, endWithError } from '../scripts/command-line.ts';
import { localEnvironment } from '../scripts/stack.ts';
import { quantile, renderTable } from '../scripts/table.ts';
import { greeter } from './voice-agents.ts';
import { firstVoicedAfter, quiet } from './voice-call.ts';
import type { Entrance } from './voice-turns.ts';
import { startWorkerStack, type WorkerStack } from './worker-stack.ts';

const usage = `npm run bench:dispatch -- [options]

From the request for a token to the first audio of the agent, as a caller hears it: "cold" is a worker's first call, as soon as it
says that it is ready, "warm" one that comes once the worker has a process waiting. Beside it a bare @livekit/agents worker that
says the same greeting and is sent for as its caller joins, too. Vendors are stand-ins.

  --runs N      workers a row, each with a cold and a warm call (default 20; the whole takes a quarter of an hour)
  --json        print the figures as one JSON line on standard output
  --help        show this`;

/** By then a worker has a process for the next call. */
const warmUpMs = 6_000;

type Temperature = 'cold' | 'warm';

interface Row {
  agent: string;
  temperature: Temperature;
  runs: number;
  p50Ms: number;
  p95Ms: number;
}

/** A worker that can be called. */
interface Subject {
  enter(): Promise<Entrance>;
  stop(): Promise<void>;
}

async function main(): Promise<void> {
  const options = countsOf(usage, { runs: 20 });
  if (!options) return;
  const { runs, json } = options;
  const progress = (line: string) => console.error(line);
  const releasers = new Releasers();
  try {
    const stack = await startWorkerStack(localEnvironment(), releasers, progress);
    const subjects: Record<string, () => Promise<Subject>> = {
      parley: () => startParley(stack),
      'livekit-node': () => greeter.start({ ...stack, workerPid: 0 }, { progress }),
    };
    const waits = Object.keys(subjects).map((agent) => ({ agent, cold: [] as number[], warm: [] as number[] }));
    for (let run = 1; run <= runs; run += 1) {
      // In turn: what the machine does meanwhile meets each of them.
      for (const { agent, cold, warm } of waits) {
        const subject = await (subjects[agent] as () => Promise<Subject>)();
        cold.push(await waitFor(subject));
        await sleep(warmUpMs);
        warm.push(await waitFor(subject));
        await subject.stop();
        progress(`${agent} ${run}/${runs}: cold ${cold.at(-1)} ms, warm ${warm.at(-1)} ms`);
      }
    }
    await Caller.end();
    const rows = waits.flatMap(({ agent, cold, warm }) => [rowOf(agent, 'cold', cold), rowOf(agent, 'warm', warm)]);
    console.log(json ? JSON.stringify({ rows, ratio: ratiosOf(rows) }) : tableOf(rows));
  } finally {
    await releasers.releaseAll();
  }
}

async function startParley(stack: WorkerStack): Promise<Subject> {
  const worker = await stack.startWorker();
  return { enter: () => stack.entrance(), stop: () => worker.stop() };
}

/** From the request for a token to the first audio, whole milliseconds. */
async function waitFor(subject: Subject): Promise<number> {
  const askedAtMs = epochMs();
  const { serverUrl, token } = await subject.enter();
  const caller = new Caller();
  try {
    await caller.join(serverUrl, token, { microphone: true });
    const heardAtMs = await firstVoicedAfter(caller, askedAtMs);
    await quiet(caller);
    return Math.round(heardAtMs - askedAtMs);
  } finally {
    await caller.leave();
  }
}

function rowOf(agent: string, temperature: Temperature, waitsMs: readonly number[]): Row {
  const [p50Ms, p95Ms] = [Math.round(quantile(waitsMs, 0.5)), Math.round(quantile(waitsMs, 0.95))];
  return { agent, temperature, runs: waitsMs.length, p50Ms, p95Ms };
}

/** Parley's median by that of the bare worker. */
function ratiosOf(rows: readonly Row[]): Record<Temperature, number> {
  const median = (agent: string, temperature: Temperature) =>
    rows.find((row) => row.agent === agent && row.temperature === temperature)?.p50Ms ?? Number.NaN;
  const ratio = (temperature: Temperature) =>
    Math.round((100 * median('parley', temperature)) / median('livekit-node', temperature)) / 100;
  return { cold: ratio('cold'), warm: ratio('warm') };
}

function tableOf(rows: readonly Row[]): string {
  const table = renderTable([
    ['agent', 'call', 'runs', 'first audio p50', 'p95'],
    ...rows.map((row) => [row.agent, row.temperature, String(row.runs), `${row.p50Ms} ms`, `${row.p95Ms} ms`]),
  ]);
  const { cold, warm } = ratiosOf(rows);
  return `${table}\n\nparley by livekit-node: ${cold} cold, ${warm} warm`;
}

main().then(
  () => process.exit(),
  (error: unknown) => endWithError(error),
);
