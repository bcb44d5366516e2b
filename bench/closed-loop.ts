import { quantile } from '../scripts/table.ts';

/** What a loop measured. */
export interface LoopFigures {
  operations: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

/**
 * Runs an operation again and again, `concurrency` of them at a time, each as soon as the one before it is over: a closed
 * loop. With many at once on few cores it measures saturation, not latency at a rate.
 */
export async function closedLoop(
  { concurrency, operations }: { concurrency: number; operations: number },
  operation: (index: number) => Promise<unknown>,
): Promise<LoopFigures> {
  const timesMs: number[] = [];
  let next = 0;
  const startedAtMs = performance.now();
  const loop = async () => {
    while (next < operations) {
      const index = next;
      next += 1;
      const beganAtMs = performance.now();
      await operation(index);
      timesMs.push(performance.now() - beganAtMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  const seconds = (performance.now() - startedAtMs) / 1_000;
  return {
    operations,
    perSecond: Math.round(operations / seconds),
    p50Ms: rounded(quantile(timesMs, 0.5)),
    p99Ms: rounded(quantile(timesMs, 0.99)),
    maxMs: rounded(Math.max(...timesMs)),
  };
}

/** The figures of several rounds as one: the median of each. */
export function medianOf(rounds: readonly LoopFigures[]): LoopFigures {
  const median = (key: keyof LoopFigures) =>
    rounded(
      quantile(
        rounds.map((round) => round[key]),
        0.5,
      ),
    );
  return {
    operations: median('operations'),
    perSecond: Math.round(median('perSecond')),
    p50Ms: median('p50Ms'),
    p99Ms: median('p99Ms'),
    maxMs: median('maxMs'),
  };
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}
