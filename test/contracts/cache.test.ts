import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { lifetimes } from '../../core/limits.ts';
import { createMemoryCacheStore } from '../../services/memory-cache-store.ts';
import { createRedisCacheStore } from '../../services/redis-cache-store.ts';
import { connectedRedis, type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts';
import { describeCacheStore } from './cache-suite.ts';

const start = Date.parse('2026-01-01T00:00:00Z');

describeCacheStore('memory', () => createMemoryCacheStore(() => new Date()));

describe('the store in memory', () => {
  let now = start;
  const clock = () => new Date(now);
  afterEach(() => {
    now = start;
  });

  it('lets entries go after a day', async () => {
    const store = createMemoryCacheStore(clock);
    const { generation } = await store.find('a', 'profile');
    await store.remember('a', 'profile', generation ?? '', 'one');
    now += lifetimes.cacheMs - 1;
    expect((await store.find('a', 'profile')).text).toBe('one');
    now += 1;
    expect((await store.find('a', 'profile')).text).toBeNull();
  });

  it('lets go of a write that never ended', async () => {
    const store = createMemoryCacheStore(clock);
    await store.beginWrite('a');
    now += lifetimes.cacheWriteMs;
    expect((await store.find('a', 'profile')).generation).not.toBeNull();
  });

  it('holds those that were asked for last', async () => {
    const store = createMemoryCacheStore(clock, 2);
    for (const owner of ['a', 'b']) {
      const { generation } = await store.find(owner, 'profile');
      await store.remember(owner, 'profile', generation ?? '', owner);
    }
    await store.find('a', 'profile');
    await store.find('c', 'profile');
    expect((await store.find('a', 'profile')).text).toBe('a');
    expect((await store.find('b', 'profile')).text).toBeNull();
  });
});

describe.skipIf(!redisIsInstalled)('on Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = await connectedRedis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  describeCacheStore('Redis', () => createRedisCacheStore(redis));

  it('keeps an owner for a day, and the mark of a write for half a minute', async () => {
    const store = createRedisCacheStore(redis);
    const lifeMs = () => redis.pttl('parley:cache:someone');
    const { generation } = await store.find('someone', 'profile');
    await store.remember('someone', 'profile', z.string().parse(generation), 'text');
    expect(await lifeMs()).toBeGreaterThan(lifetimes.cacheMs / 2);
    expect(await lifeMs()).toBeLessThanOrEqual(lifetimes.cacheMs);
    await store.beginWrite('someone');
    expect(await lifeMs()).toBeLessThanOrEqual(lifetimes.cacheWriteMs);
    expect(await redis.hkeys('parley:cache:someone')).toEqual(['writers']);
  });

  it('does not take an old generation for a new one after a flush', async () => {
    const store = createRedisCacheStore(redis);
    const before = await store.find('someone-else', 'profile');
    await redis.flushall();
    const after = await store.find('someone-else', 'profile');
    expect(after.generation).not.toBe(before.generation);
    await store.remember('someone-else', 'profile', before.generation ?? '', 'old');
    expect((await store.find('someone-else', 'profile')).text).toBeNull();
  });
});
