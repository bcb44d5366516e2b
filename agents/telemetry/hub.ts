import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { VendorNews } from '../../providers/fallback/health.ts';
import { bucketsSeconds, type JobMetric, jobMetrics, type MetricDefinition } from './metrics.ts';
import { type Line, LineSplitter, readLine } from './wire.ts';

/** What a `TelemetryHub` is made of. */
export interface TelemetryHubOptions {
  /** The cap of calls of this worker. */
  maxCalls: number;
  /** Called when a job says something that is not understood; only how it was wrong is told. */
  onFault?: (fault: 'not understood' | 'too long') => void;
}

/** A metric with this many series takes no further ones: a mistake must not grow without end. */
const mostSeries = 500;
/** Vendors whose health is remembered; there are some twenty. */
const mostVendors = 200;

interface Job {
  socket: Socket;
  gauges: Map<JobMetric, number>;
}

/**
 * The worker's side of telemetry: keeps what its jobs observe, for one page of metrics, and passes on what each of them learns
 * about the health of vendors. Jobs come by a Unix socket that this user alone can open.
 */
export class TelemetryHub {
  /** Where jobs find the socket. */
  readonly path: string;
  readonly #folder: string;
  readonly #options: TelemetryHubOptions;
  readonly #registry = new Registry();
  readonly #metrics = new Map<JobMetric, Counter | Gauge | Histogram>();
  readonly #series = new Map<JobMetric, Set<string>>();
  readonly #jobs = new Set<Job>();
  readonly #health = new Map<string, VendorNews>();
  readonly #server: Server;

  private constructor(folder: string, options: TelemetryHubOptions) {
    this.#folder = folder;
    this.path = join(folder, 'jobs.sock');
    this.#options = options;
    this.#server = createServer((socket) => this.#follow(socket));
    process.once('exit', this.#removeFolder);
    for (const [name, definition] of Object.entries(jobMetrics)) this.#define(name as JobMetric, definition);
    new Gauge({ name: 'parley_max_calls', help: 'Most calls this worker takes.', registers: [this.#registry] }).set(
      options.maxCalls,
    );
    collectDefaultMetrics({ register: this.#registry });
  }

  /**
   * Opens the socket, in a folder of its own.
   * @throws Error when the folder of temporary files can't be written, or its path is too long for a socket
   */
  static async open(options: TelemetryHubOptions): Promise<TelemetryHub> {
    // Made with mode 0700: nobody else reaches the socket in the moment before it gets its own.
    const folder = await mkdtemp(join(tmpdir(), 'parley-worker-'));
    const hub = new TelemetryHub(folder, options);
    try {
      await hub.#listen();
    } catch (error) {
      await hub.close();
      throw error;
    }
    return hub;
  }

  /** `Content-Type` of what `render` gives. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The page of metrics, as text for Prometheus. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Lets go of the jobs and removes the socket. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { socket } of this.#jobs) socket.destroy();
    await closed;
    process.off('exit', this.#removeFolder);
    this.#removeFolder();
    this.#registry.clear();
  }

  // Also where the process ends otherwise than it should.
  #removeFolder = () => rmSync(this.#folder, { recursive: true, force: true });

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.path, resolve);
    });
    await chmod(this.path, 0o600);
    // A connection that fails must not end the worker.
    this.#server.on('error', () => {});
  }

  #define(name: JobMetric, { type, help, labels }: MetricDefinition): void {
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === 'counter') this.#metrics.set(name, new Counter(options));
    else if (type === 'histogram') this.#metrics.set(name, new Histogram({ ...options, buckets: bucketsSeconds }));
    else this.#metrics.set(name, new Gauge(options));
  }

  #follow(socket: Socket): void {
    const job: Job = { socket, gauges: new Map() };
    const lines = new LineSplitter();
    this.#jobs.add(job);
    for (const news of this.#health.values()) tell(socket, news);
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#jobs.delete(job);
      for (const name of job.gauges.keys()) this.#sumUp(name);
    });
    socket.on('data', (piece: string) => {
      try {
        for (const text of lines.push(piece)) this.#take(job, readLine(text));
      } catch {
        this.#options.onFault?.('too long');
        socket.destroy();
      }
    });
  }

  #take(job: Job, line: Line | undefined): void {
    if (!line) this.#options.onFault?.('not understood');
    else if (line.type === 'health') this.#learn(job, line);
    else this.#observe(job, line);
  }

  #observe(job: Job, { name, labels, value }: Extract<Line, { type: 'observe' }>): void {
    if (!this.#hasRoomFor(name, labels)) return;
    const metric = this.#metrics.get(name);
    if (metric instanceof Counter) metric.inc(labels, value);
    else if (metric instanceof Histogram) metric.observe(labels, value);
    else {
      job.gauges.set(name, value);
      this.#sumUp(name);
    }
  }

  #hasRoomFor(name: JobMetric, labels: Readonly<Record<string, string>>): boolean {
    const known = this.#series.get(name) ?? new Set();
    this.#series.set(name, known);
    const key = jobMetrics[name].labels.map((label) => labels[label]).join(' ');
    if (known.size < mostSeries) known.add(key);
    return known.has(key);
  }

  /** A gauge of jobs is what those have together that are connected. */
  #sumUp(name: JobMetric): void {
    let sum = 0;
    for (const { gauges } of this.#jobs) sum += gauges.get(name) ?? 0;
    const metric = this.#metrics.get(name);
    if (metric instanceof Gauge) metric.set(sum);
  }

  #learn(from: Job, { key, well, atMs }: VendorNews): void {
    const known = this.#health.get(key);
    if (known ? known.atMs >= atMs : this.#health.size >= mostVendors) return;
    const news = { key, well, atMs };
    this.#health.set(key, news);
    for (const job of this.#jobs) {
      if (job !== from) tell(job.socket, news);
    }
  }
}

/** A job that doesn't read hears of nothing more; it would fill the memory of its worker. */
function tell(socket: Socket, news: VendorNews): void {
  if (!socket.writable || socket.writableNeedDrain) return;
  socket.write(`${JSON.stringify({ type: 'health', ...news })}\n`);
}
