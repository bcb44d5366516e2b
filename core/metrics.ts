/**
 * Counters, gauges and histograms of one process, and their text for Prometheus: exposition format 0.0.4, see
 * https://prometheus.io/docs/instrumenting/exposition_formats/. Names and labels never hold personal data.
 */

/** Labels of one series, `{ job: 'send-mail' }`; their names are the same in all series of a metric. */
export type Labels = Readonly<Record<string, string>>;

/** `Content-Type` of what `Metrics.render` gives. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** A number that only grows. */
export class Counter {
  readonly #values = new Map<string, number>();

  add(labels: Labels, amount = 1): void {
    const key = keyOf(labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount);
  }

  lines(name: string): string[] {
    return [...this.#values].map(([labels, value]) => line(name, labels, value));
  }
}

/** A number that goes up and down. */
export class Gauge {
  readonly #values = new Map<string, number>();

  set(labels: Labels, value: number): void {
    this.#values.set(keyOf(labels), value);
  }

  lines(name: string): string[] {
    return [...this.#values].map(([labels, value]) => line(name, labels, value));
  }
}

interface Distribution {
  labels: Labels;
  /** How many observations are in each bucket, and not in the one before. */
  buckets: number[];
  sum: number;
  count: number;
}

/** How often something took how much. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #distributions = new Map<string, Distribution>();

  /** @param bounds Upper bounds of the buckets, ascending; all that is larger counts in a last one. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const key = keyOf(labels);
    const found = this.#distributions.get(key);
    const distribution = found ?? { labels, buckets: this.#bounds.map(() => 0), sum: 0, count: 0 };
    if (!found) this.#distributions.set(key, distribution);
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index >= 0) distribution.buckets[index] = (distribution.buckets[index] ?? 0) + 1;
    distribution.sum += value;
    distribution.count += 1;
  }

  lines(name: string): string[] {
    return [...this.#distributions].flatMap(([key, { labels, buckets, sum, count }]) => {
      let below = 0;
      const bucketLines = this.#bounds.map((bound, index) => {
        below += buckets[index] ?? 0;
        return line(`${name}_bucket`, keyOf({ ...labels, le: String(bound) }), below);
      });
      const rest = line(`${name}_bucket`, keyOf({ ...labels, le: '+Inf' }), count);
      return [...bucketLines, rest, line(`${name}_sum`, key, sum), line(`${name}_count`, key, count)];
    });
  }
}

interface Metric {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  lines(name: string): string[];
}

/** The metrics of a process, by name. */
export class Metrics {
  readonly #metrics = new Map<string, Metric>();

  /** @param name Ends with `_total`. */
  counter(name: string, help: string): Counter {
    return this.#add(name, 'counter', help, new Counter());
  }

  gauge(name: string, help: string): Gauge {
    return this.#add(name, 'gauge', help, new Gauge());
  }

  /** @param name Ends with its unit, such as `_seconds`. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    return this.#add(name, 'histogram', help, new Histogram(bounds));
  }

  /** Everything there is, as text. */
  render(): string {
    return [...this.#metrics]
      .flatMap(([name, { type, help, lines }]) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines(name)])
      .map((text) => `${text}\n`)
      .join('');
  }

  #add<T extends Pick<Metric, 'lines'>>(name: string, type: Metric['type'], help: string, metric: T): T {
    if (this.#metrics.has(name)) throw new Error(`there is a metric ${name} already`);
    this.#metrics.set(name, { type, help, lines: (metricName) => metric.lines(metricName) });
    return metric;
  }
}

function keyOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels ? `{${labels}}` : ''} ${value}`;
}
