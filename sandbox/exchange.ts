import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { SandboxLog } from './log.ts';
import type { Vendor } from './settings.ts';

const longestTimerMs = 2 ** 31 - 1;

/** One request on its way through a stand-in. */
export class Exchange {
  /** Number of the request in the log. */
  readonly connection: number;
  readonly startedAtMs = performance.now();
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the connection is gone. */
  readonly gone: AbortSignal;
  readonly #log: (event: string, details: Record<string, unknown>) => void;

  constructor(
    connection: number,
    http: { request: IncomingMessage; response: ServerResponse; gone: AbortSignal },
    log: (event: string, details: Record<string, unknown>) => void,
  ) {
    this.connection = connection;
    this.request = http.request;
    this.response = http.response;
    this.gone = http.gone;
    this.#log = log;
  }

  log(event: string, details: Record<string, unknown> = {}): void {
    this.#log(event, details);
  }

  /** Never answers. @throws when the connection is gone */
  async hang(): Promise<never> {
    for (;;) await wait(longestTimerMs, undefined, { signal: this.gone });
  }
}

/** The HTTP requests of one stand-in, in the order in which they come. */
export class Exchanges {
  readonly #vendor: Vendor;
  readonly #log: SandboxLog;
  readonly #stopped = new AbortController();
  #count = 0;

  constructor(vendor: Vendor, log: SandboxLog) {
    this.#vendor = vendor;
    this.#log = log;
  }

  /** Has a request answered, and tells when its client goes away meanwhile. */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    answer: (exchange: Exchange) => Promise<void>,
  ): Promise<void> {
    this.#count += 1;
    const connection = this.#count;
    const closed = new AbortController();
    response.once('close', () => closed.abort());
    const gone = AbortSignal.any([closed.signal, this.#stopped.signal]);
    const exchange = new Exchange(connection, { request, response, gone }, (event, details) =>
      this.#log.add(this.#vendor, event, connection, details),
    );
    try {
      await answer(exchange);
    } catch (error) {
      // Waiting ends with an error when the client went away, or the sandbox was closed.
      if (!gone.aborted) throw error;
      if (closed.signal.aborted) exchange.log('request-closed');
    }
  }

  /** Ends what is waited for. */
  close(): void {
    this.#stopped.abort();
  }
}
