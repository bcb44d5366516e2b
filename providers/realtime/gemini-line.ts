import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveConnectConfig, LiveServerMessage, Session } from '@google/genai';
import type { APIError } from '@livekit/agents';
import { toFrameworkError } from '../llm/gemini-client.ts';
import { LiveConnection, type LiveEndpoint } from './gemini-connection.ts';

/** How connections are opened, and how often. */
export interface LineOptions {
  endpoint: LiveEndpoint;
  connectTimeoutMs: number;
  /** How often, in a row, a lost connection is tried again, and the pause between two attempts. */
  maxRetry: number;
  retryIntervalMs: number;
}

/** Who uses the connections. */
export interface LineHost {
  /** Of the next connection. */
  config(): LiveConnectConfig;
  /** A connection is open and knows nothing yet. */
  opened(isFirst: boolean): void;
  message(message: LiveServerMessage): void;
  /** The connection is gone. */
  gone(): void;
  /** Why a connection was lost, or could not be opened. Nothing is tried any more unless `recoverable`. */
  failed(error: APIError, recoverable: boolean): void;
}

/** A connection that lived this long was well: what ends it later is a new failure. */
const wellAfterMs = 30_000;
const firstRetryMs = 100;

/** Keeps one connection open: another one follows when it is lost, or should be set up anew. */
export class LiveLine {
  readonly #options: LineOptions;
  readonly #host: LineHost;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #connection: LiveConnection | undefined;
  #isStale = false;
  #hasFailed = false;

  constructor(options: LineOptions, host: LineHost) {
    this.#options = options;
    this.#host = host;
    this.#running = this.#run();
  }

  /** What to send with; undefined without a connection that has the present setup. */
  get session(): Session | undefined {
    return this.#isStale ? undefined : this.#connection?.session;
  }

  /** What to send with on any connection. */
  get anySession(): Session | undefined {
    return this.#connection?.session;
  }

  /** Whether the connection is to be replaced. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Whether nothing is tried any more. */
  get isOver(): boolean {
    return this.#hasFailed || this.#stopped.signal.aborted;
  }

  /** Replaces the connection, as soon as it is called with `now`. */
  renew({ now }: { now: boolean }): void {
    this.#isStale = true;
    if (now) this.#connection?.close();
  }

  /** Cuts the connection, as lost for this reason. */
  fail(error: APIError): void {
    this.#connection?.fail(error);
  }

  /** Closes the connection for good. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { maxRetry, retryIntervalMs } = this.#options;
    const { signal } = this.#stopped;
    let attempt = 0;
    // The framework tells instructions, words and tools one after the other before anything else.
    await new Promise((resolve) => setImmediate(resolve));
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const begunAt = performance.now();
      const error = await this.#live(isFirst).catch((caught: unknown) => toFrameworkError(caught, true));
      if (signal.aborted) return;
      if (!error || performance.now() - begunAt > wellAfterMs) attempt = 0;
      // We closed it, to open another one.
      if (!error) continue;
      this.#hasFailed = !error.retryable || attempt >= maxRetry;
      this.#host.failed(error, !this.#hasFailed);
      if (this.#hasFailed) return;
      await sleep(attempt === 0 ? firstRetryMs : retryIntervalMs, undefined, { signal }).catch(() => {});
      attempt += 1;
    }
  }

  /** One connection, from its opening to its end. */
  async #live(isFirst: boolean): Promise<APIError | undefined> {
    const { endpoint, connectTimeoutMs } = this.#options;
    this.#isStale = false;
    const connection = await LiveConnection.open(endpoint, this.#host.config(), {
      timeoutMs: connectTimeoutMs,
      signal: this.#stopped.signal,
      onMessage: (message) => this.#host.message(message),
    });
    this.#connection = connection;
    try {
      if (this.#isStale) connection.close();
      else this.#host.opened(isFirst);
    } catch (error) {
      connection.fail(toFrameworkError(error, true));
    }
    const error = await connection.ended;
    this.#connection = undefined;
    this.#host.gone();
    return error;
  }
}
