import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { type RateLimit, type RateLimitName, rateLimits } from './rate-limits.ts';

/** What is left after a request. */
export interface Allowance {
  limit: number;
  remaining: number;
  /** Until the window ends. */
  resetSeconds: number;
  isExceeded: boolean;
}

/** Counts requests. */
export interface RateLimiter {
  /** Counts one request; never fails. `key` is who shares the count. */
  consume(name: RateLimitName, key: string): Promise<Allowance>;
}

/**
 * Counts in the Redis that all processes share, and in this process while there is none: then each of them allows as much.
 * @param options.scale Multiplies what is allowed; not 0.
 */
export function createRateLimiter({ redis, scale }: { redis?: Redis; scale: number }): RateLimiter {
  const counters = new Map(
    Object.entries<RateLimit>(rateLimits).map(([name, { points, seconds }]) => {
      const options = { keyPrefix: `parley:limit:${name}`, points: Math.ceil(points * scale), duration: seconds };
      const memory = new RateLimiterMemory(options);
      const shared = redis && { storeClient: redis, rejectIfRedisNotReady: true, insuranceLimiter: memory };
      return [name, shared ? new RateLimiterRedis({ ...options, ...shared }) : memory];
    }),
  );
  return {
    consume(name, key) {
      const counter = counters.get(name) as RateLimiterMemory;
      const allowanceOf = (spent: RateLimiterRes): Allowance => ({
        limit: counter.points,
        remaining: spent.remainingPoints,
        resetSeconds: Math.ceil(spent.msBeforeNext / 1_000),
        isExceeded: spent.consumedPoints > counter.points,
      });
      // It rejects with the same when too much is asked.
      return counter.consume(key).then(allowanceOf, allowanceOf);
    },
  };
}
