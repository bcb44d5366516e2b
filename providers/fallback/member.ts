import { AsyncLocalStorage } from 'node:async_hooks';
import type { Probed } from '../probe.ts';
import type { FallbackEvent, FallbackReason } from './event.ts';
import type { VendorHealth } from './health.ts';

/** What all composites are given. */
export interface FallbackOptions {
  health: VendorHealth;
  /** Told of each member that is given up. */
  onFallback?: (event: FallbackEvent) => void;
}

/** Why an attempt ended without an answer. */
export interface Abandoned {
  reason: FallbackReason;
  error: Error;
}

/** One call of one member; `TMetrics` is what the member measured of it. */
export class Attempt<TMetrics = never> {
  readonly key: string;
  readonly startedAtMs = performance.now();
  /** What the member's adapter reported for this call. */
  error: Error | undefined;
  metrics: TMetrics | undefined;
  isAbandoned = false;
  /** Set when we gave it up for being late. */
  late: 'timeout' | 'stall' | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** Gives the attempt up after a time, unless `watch` or `rest` is called again before. */
  watch(afterMs: number, late: 'timeout' | 'stall', giveUp: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.late = late;
      giveUp();
    }, afterMs);
  }

  /** Whether something is waited for. */
  get isWatched(): boolean {
    return this.#timer !== undefined;
  }

  /** Nothing is waited for. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * Runs the calls of members so that their adapter's events, which name no call, can be told apart: an adapter's streams run in
 * the asynchronous context in which they were made, other calls of the same adapter at the same time notwithstanding.
 */
export class Attempts<TAttempt extends object> {
  readonly #storage = new AsyncLocalStorage<TAttempt>();

  /** Makes a stream that belongs to an attempt. */
  run<T>(attempt: TAttempt, make: () => T): T {
    return this.#storage.run(attempt, make);
  }

  /** The attempt whose event is being handled. */
  get current(): TAttempt | undefined {
    return this.#storage.getStore();
  }
}

/** Watches the members that can be probed; the returned function ends it. */
export function watchMembers(health: VendorHealth, members: readonly (readonly [string, object])[]): () => void {
  const ends = members.flatMap(([key, adapter]) => (isProbed(adapter) ? [health.watch(key, adapter)] : []));
  return () => {
    for (const end of ends) end();
  };
}

/** @throws Error when there is no member, or two of one key. */
export function checkMembers(composite: string, keys: readonly string[]): void {
  if (!keys.length) throw new Error(`${composite} needs at least one member: name it in \`members\``);
  if (new Set(keys).size < keys.length) throw new Error(`${composite} has two members of one key: ${keys.join(', ')}`);
}

function isProbed(adapter: object): adapter is Probed {
  return 'probe' in adapter && typeof adapter.probe === 'function';
}
