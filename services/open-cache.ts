import type { Redis } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { openRedis } from '../core/redis.ts';
import { type Cache, createCache, noCache } from './cache.ts';
import { createMemoryCacheStore } from './memory-cache-store.ts';
import { createRedisCacheStore } from './redis-cache-store.ts';

/** A process's cache, and the Redis it is in. */
export interface OpenCache {
  cache: Cache;
  /** Absent when the cache is somewhere else. */
  redis?: Redis;
  close(): Promise<void>;
}

/**
 * The cache that all processes share, or none: in one process's memory, entries would outlive what the others write.
 * @param url `REDIS_URL`.
 */
export function openSharedCache(url: string | undefined, log: Log): OpenCache {
  if (url === undefined) return { cache: noCache, close: async () => undefined };
  const redis = openRedis(url, log);
  const cache = createCache(createRedisCacheStore(redis));
  return {
    cache,
    redis,
    async close() {
      await cache.close();
      redis.disconnect();
    },
  };
}

/** The cache of a process that alone writes to its database. */
export function openOwnCache(clock: Clock): OpenCache {
  const cache = createCache(createMemoryCacheStore(clock));
  return { cache, close: () => cache.close() };
}
