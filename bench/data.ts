import { Releasers } from '../core/lifecycle.ts';
import { countsOf, endWithError } from '../scripts/command-line.ts';
import { renderTable } from '../scripts/table.ts';
import { closedLoop, type LoopFigures, medianOf } from './closed-loop.ts';
import { type Layer, type Operation, operations } from './data-operations.ts';
import type { SeededUser } from './data-seed.ts';
import { type Layers, startOnPglite, startOnPostgres } from './data-servers.ts';

const usage = `npm run bench:data -- [options]

Reads and writes what a user's app and an agent do, on a real PostgreSQL full of made-up users: over HTTP, at the service layer,
and beside both the same by prepared SQL under the same policies. Nothing is cached. Each figure is the median of its rounds.
With --pglite over HTTP alone, on the embedded database of \`npm run dev\`, which lives in the API's own process.

  --users N             users to make (default 100000)
  --turns-per-user N    turns of each (default 12)
  --operations N        operations a round (default 2000)
  --rounds N            rounds of each, in turn (default 3)
  --pglite              the embedded database instead of PostgreSQL
  --json                print the figures as one JSON line on standard output
  --help                show this`;

const concurrencies = [1, 32] as const;

/** One operation at one concurrency, by layer. */
interface Row {
  operation: Operation;
  concurrency: (typeof concurrencies)[number];
  targetMs: number;
  http: LoopFigures;
  /** Absent on PGlite, as is the ratio: only one process can have the database open. */
  raw?: LoopFigures;
  service?: LoopFigures;
  serviceToRaw?: number;
}

async function main(): Promise<void> {
  const defaults = { users: 100_000, 'turns-per-user': 12, operations: 2_000, rounds: 3 };
  const options = countsOf(usage, defaults, ['pglite']);
  if (!options) return;
  const { users: count, 'turns-per-user': turnsPerUser, operations: perRound, rounds, json, pglite } = options;
  const size = { users: count, turnsPerUser };
  const releasers = new Releasers();
  try {
    const { layers, users } = await (pglite ? startOnPglite : startOnPostgres)(size, releasers);
    const rows: Row[] = [];
    for (const operation of Object.keys(operations) as Operation[]) {
      for (const concurrency of concurrencies) {
        console.error(`${operation}, ${concurrency} at once`);
        const { targetsMs, pgliteTargetsMs = targetsMs } = operations[operation];
        const targetMs = (pglite ? pgliteTargetsMs : targetsMs)[concurrency];
        rows.push(await measure(layers, users, { operation, concurrency, targetMs, operations: perRound, rounds }));
      }
    }
    if (json) console.log(JSON.stringify({ database: pglite ? 'pglite' : 'postgres', ...size, rows }));
    else console.log(tableOf(rows));
  } finally {
    await releasers.releaseAll();
  }
}

async function measure(
  layers: Layers,
  users: readonly SeededUser[],
  options: Pick<Row, 'operation' | 'concurrency' | 'targetMs'> & { operations: number; rounds: number },
): Promise<Row> {
  const { operation, concurrency, targetMs, rounds } = options;
  // A user is drawn anew each time: neighbours in the table would lie in the same page.
  const anyUser = () => users[Math.floor(Math.random() * users.length)] as SeededUser;
  const named = Object.entries(layers) as [keyof Layers, Layer][];
  for (const [, layer] of named) await closedLoop({ concurrency, operations: 300 }, () => layer[operation](anyUser()));
  const figures = { raw: [] as LoopFigures[], service: [] as LoopFigures[], http: [] as LoopFigures[] };
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, layer] of named) {
      figures[name].push(await closedLoop(options, () => layer[operation](anyUser())));
    }
  }
  const row = { operation, concurrency, targetMs, http: medianOf(figures.http) };
  if (!layers.raw) return row;
  const [raw, service] = [medianOf(figures.raw), medianOf(figures.service)];
  return { ...row, raw, service, serviceToRaw: Number((service.p50Ms / raw.p50Ms).toFixed(2)) };
}

function tableOf(rows: readonly Row[]): string {
  const beside = rows.some(({ raw }) => raw);
  const cells = (figures?: LoopFigures) =>
    figures ? [`${figures.p50Ms} / ${figures.p99Ms}`, String(figures.perSecond)] : [];
  const head = [
    'operation',
    'at once',
    ...(beside ? ['raw p50 / p99', '/s', 'service', '/s'] : []),
    'HTTP p50 / p99',
    '/s',
    ...(beside ? ['service : raw'] : []),
    'target',
    '',
  ];
  return renderTable([
    head,
    ...rows.map(({ serviceToRaw, ...row }) => [
      row.operation,
      String(row.concurrency),
      ...cells(row.raw),
      ...cells(row.service),
      ...cells(row.http),
      ...(serviceToRaw === undefined ? [] : [String(serviceToRaw)]),
      `p99 < ${row.targetMs}`,
      row.http.p99Ms < row.targetMs ? 'met' : 'MISSED',
    ]),
  ]);
}

main().then(() => process.exit(0), endWithError);
