import { createConnection, type Socket } from 'node:net';
import type { VendorHealth } from '../../providers/fallback/health.ts';
import type { JobMetric, LabelsOf, MetricOf } from './metrics.ts';
import { type Line, LineSplitter, labelOf, readLine } from './wire.ts';

/** The variable that tells job processes where the worker's socket is. Set by the worker for its own jobs. */
export const telemetryVariable = 'PARLEY_TELEMETRY_SOCKET';

/** What a `TelemetryReporter` is made of. */
export interface TelemetryReporterOptions {
  /** The worker's socket; without it nothing is told. */
  path: string | undefined;
  /** Lines that wait while the worker can't be reached (default 1000). The oldest are dropped first. */
  queueLength?: number;
  /** From a lost connection to the next try (default 250 ms). Doubles up to 5 s. */
  retryMs?: number;
}

const longestRetryMs = 5_000;

/**
 * A job's side of telemetry. Nothing of it ever waits, throws or keeps the process alive: where the worker can't be reached,
 * observations are lost, not calls.
 */
export class TelemetryReporter {
  readonly #options: Required<TelemetryReporterOptions>;
  readonly #gauges = new Map<JobMetric, string>();
  #queue: string[] = [];
  #socket: Socket | undefined;
  #isOpen = false;
  #retryMs: number;
  #timer: NodeJS.Timeout | undefined;
  #health: VendorHealth | undefined;
  #closed = false;
  #onEmpty: () => void = () => {};

  constructor({ path, queueLength = 1_000, retryMs = 250 }: TelemetryReporterOptions) {
    this.#options = { path, queueLength, retryMs };
    this.#retryMs = retryMs;
    this.#connect();
  }

  /** A counter grows. */
  count<Name extends MetricOf<'counter'>>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.#observe(name, labels, by);
  }

  /** A histogram takes in a time, in seconds. */
  observe<Name extends MetricOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, seconds: number): void {
    this.#observe(name, labels, seconds);
  }

  /** This job's part of a gauge; it vanishes with the job. */
  set(name: MetricOf<'gauge'>, value: number): void {
    const line = lineOf({ type: 'observe', name, labels: {}, value });
    this.#gauges.set(name, line);
    if (this.#isOpen) this.#send(line);
  }

  /** Tells the other jobs of this worker what this one learns about vendors, and takes in what they do. */
  share(health: VendorHealth): void {
    this.#health = health;
    health.onChange((news) => {
      this.#send(lineOf({ type: 'health', key: news.key, well: news.well, atMs: Math.floor(news.atMs) }));
    });
  }

  /** Sends what is still queued, for as long as that takes at the most, and closes the connection. */
  async close(patienceMs = 500): Promise<void> {
    if (this.#queue.length && !this.#closed) await this.#flushed(patienceMs);
    this.#closed = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (!socket || socket.destroyed) return;
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.ref();
    socket.end();
    await Promise.race([ended, after(patienceMs)]);
    socket.destroy();
  }

  #observe(name: JobMetric, labels: Readonly<Record<string, string>>, value: number): void {
    const plain = Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, labelOf(text)]));
    if (Number.isFinite(value)) this.#send(lineOf({ type: 'observe', name, labels: plain, value }));
  }

  #send(line: string): void {
    if (this.#options.path === undefined || this.#closed) return;
    this.#queue.push(line);
    if (this.#queue.length > this.#options.queueLength) this.#queue.shift();
    this.#write();
  }

  #write(): void {
    const socket = this.#socket;
    if (!socket || !this.#isOpen || socket.writableNeedDrain) return;
    if (this.#queue.length) socket.write(this.#queue.join(''));
    this.#queue = [];
    this.#onEmpty();
  }

  #flushed(patienceMs: number): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    return Promise.race([empty, after(patienceMs)]);
  }

  #connect(): void {
    const { path, retryMs } = this.#options;
    if (path === undefined || this.#closed) return;
    const lines = new LineSplitter();
    const socket = createConnection(path);
    this.#socket = socket;
    socket.unref();
    socket.setEncoding('utf8');
    socket.on('connect', () => {
      this.#isOpen = true;
      this.#retryMs = retryMs;
      this.#queue = [...this.#gauges.values(), ...this.#queue];
      this.#write();
    });
    socket.on('drain', () => this.#write());
    socket.on('data', (piece: string) => {
      try {
        for (const text of lines.push(piece)) this.#learn(readLine(text));
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isOpen = false;
      if (this.#closed) return;
      this.#timer = setTimeout(() => this.#connect(), this.#retryMs).unref();
      this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
    });
  }

  #learn(line: Line | undefined): void {
    if (line?.type === 'health') this.#health?.learn({ key: line.key, well: line.well, atMs: line.atMs });
  }
}

function lineOf(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

function after(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
