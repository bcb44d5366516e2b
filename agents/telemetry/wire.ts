import { z } from 'zod';
import { type JobMetric, jobMetrics, type MetricDefinition } from './metrics.ts';

/**
 * What jobs and their worker say to each other: one JSON document a line. Names of metrics and labels are known ones, values
 * short and plain, so that whatever a job says can't grow the worker's memory or its page.
 */

/** A longer line ends the connection it came by; the longest of ours has about 300 characters. */
export const longestLine = 2_048;

const definitions: Readonly<Record<string, MetricDefinition>> = jobMetrics;

/** What labels may say: names of vendors, models and our own words. */
const labelValue = z.string().regex(/^[\w.:/@+-]{0,64}$/);
const amount = z.number().finite();

const observation = z
  .strictObject({
    type: z.literal('observe'),
    name: z.enum(Object.keys(jobMetrics) as JobMetric[]),
    labels: z.record(z.string(), labelValue),
    /** What a counter grows by, a gauge is at, a histogram takes in. */
    value: amount,
  })
  .refine(({ name, labels }) => hasLabelsOf(name, labels), { message: 'not the labels of this metric' })
  .refine(({ name, value }) => value >= 0 || definitions[name]?.type !== 'counter', { message: 'counters only grow' });

/** What one process learnt about a vendor, as `VendorNews`. */
const health = z.strictObject({
  type: z.literal('health'),
  key: z.string().regex(/^[\w:-]{1,64}$/),
  well: z.boolean(),
  atMs: z.int().min(0),
});

/** One line, of a job to its worker. The worker sends lines about the health of vendors only. */
export const lineSchema = z.discriminatedUnion('type', [observation, health]);

export type Line = z.infer<typeof lineSchema>;

/** A value as a label may have it. */
export function labelOf(value: string): string {
  return value.replaceAll(/[^\w.:/@+-]/g, '_').slice(0, 64);
}

/** Cuts what arrives into lines. */
export class LineSplitter {
  #open = '';

  /**
   * The lines that this piece completes.
   * @throws RangeError when a line gets too long
   */
  push(piece: string): string[] {
    const lines = (this.#open + piece).split('\n');
    this.#open = lines.pop() ?? '';
    if (this.#open.length > longestLine || lines.some(({ length }) => length > longestLine)) {
      throw new RangeError('a line is too long');
    }
    return lines;
  }
}

/** What a line says; undefined when it says nothing that is known. */
export function readLine(line: string): Line | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function hasLabelsOf(name: JobMetric, labels: Record<string, string>): boolean {
  const expected = jobMetrics[name].labels;
  return Object.keys(labels).length === expected.length && expected.every((label) => Object.hasOwn(labels, label));
}
