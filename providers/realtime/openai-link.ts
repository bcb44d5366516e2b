import { setTimeout as sleep } from 'node:timers/promises';
import { type APIError, APITimeoutError } from '@livekit/agents';
import type { RealtimeClientEvent, RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { RealtimeConnection, type RealtimeEndpoint } from './openai-connection.ts';
import { toApiError } from './openai-errors.ts';

/** How a session holds on to its connection. */
export interface LinkOptions {
  endpoint: RealtimeEndpoint;
  connectTimeoutMs: number;
  /** Longest silence of the server while it owes something. */
  idleTimeoutMs: number;
  /** How often, in a row, a lost connection is tried again, and the pause between two attempts. */
  maxRetry: number;
  retryIntervalMs: number;
}

/** What a session hears of its connections. */
export interface LinkListener {
  /** A connection is there and knows nothing yet. */
  opened(isFirst: boolean): void;
  received(event: RealtimeServerEvent): void;
  /** The connection is gone; another may follow. */
  lost(): void;
  /** Why there is none; `recoverable` says whether it is tried again. */
  failed(error: APIError, recoverable: boolean): void;
  /** Whether the server owes something, so that its silence is a failure. */
  isExpecting(): boolean;
}

/** A connection that lived this long was well: what ends it later is a new failure. */
const wellAfterMs = 30_000;
const firstRetryMs = 100;

/** One connection after another, for as long as the session lives. */
export class SessionLink {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #connection: RealtimeConnection | undefined;
  #watch: NodeJS.Timeout | undefined;
  #hasBeenOpen = false;
  #isOver = false;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  /** Whether it was stopped, or gave up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the connection, and resolves when nothing is left of it. */
  async stop(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#watch);
    this.#stopped.abort();
    await this.#running;
  }

  /** Sends an event; without a connection it is dropped, since the next one is told everything. */
  send(event: RealtimeClientEvent): void {
    this.#connection?.send(event);
  }

  /** Cuts the connection, as lost for this reason. */
  fail(error: APIError): void {
    this.#connection?.fail(error);
  }

  /** Begins to wait anew for what the server owes. */
  watch(): void {
    clearTimeout(this.#watch);
    if (!this.#connection || !this.#listener.isExpecting()) return;
    const { endpoint, idleTimeoutMs } = this.#options;
    this.#watch = setTimeout(() => {
      this.fail(new APITimeoutError({ message: `${endpoint.vendor} fell silent while it owed a reply` }));
    }, idleTimeoutMs);
  }

  async #run(): Promise<void> {
    const { endpoint, maxRetry, retryIntervalMs } = this.#options;
    const { signal } = this.#stopped;
    let attempt = 0;
    while (!signal.aborted) {
      const begunAt = performance.now();
      const error = await this.#live().catch((caught: unknown) => toApiError(endpoint.vendor, caught));
      if (signal.aborted) return;
      if (performance.now() - begunAt > wellAfterMs) attempt = 0;
      this.#isOver = error !== undefined && !(error.retryable && attempt < maxRetry);
      if (error) this.#listener.failed(error, !this.#isOver);
      if (this.#isOver) return;
      await sleep(attempt === 0 ? firstRetryMs : retryIntervalMs, undefined, { signal }).catch(() => {});
      attempt += 1;
    }
  }

  /** One connection, from its opening to its end. */
  async #live(): Promise<APIError | undefined> {
    const connection = await RealtimeConnection.open(this.#options.endpoint, {
      timeoutMs: this.#options.connectTimeoutMs,
      signal: this.#stopped.signal,
      onEvent: (event) => {
        this.#listener.received(event);
        this.watch();
      },
    });
    this.#connection = connection;
    try {
      this.#listener.opened(!this.#hasBeenOpen);
      this.#hasBeenOpen = true;
      this.watch();
      return await connection.ended;
    } finally {
      connection.close();
      this.#connection = undefined;
      clearTimeout(this.#watch);
      this.#listener.lost();
    }
  }
}
