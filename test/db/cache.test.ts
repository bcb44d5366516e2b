import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../core/log.ts';
import { profiles } from '../../db/schema/profiles.ts';
import type { UserActor } from '../../domain/actor.ts';
import { getContext } from '../../services/contexts.ts';
import { type OpenCache, openOwnCache, openSharedCache } from '../../services/open-cache.ts';
import { getProfile, updateProfile } from '../../services/profiles.ts';
import { connectedRedis, type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { openWorld, type World } from './world.ts';

const log = createLog('test', 'silent');

/** A process's view of the world: its services, with a cache of its own. */
function processOf(world: World, { cache }: Pick<OpenCache, 'cache'>) {
  const context = (user: UserActor) => ({ ...world.context(user), cache });
  return {
    goalOf: async (user: UserActor) => (await getProfile(context(user))).goal,
    goalInContextOf: async (user: UserActor) => (await getContext(context(user))).profile.goal,
    setGoal: (user: UserActor, goal: string) => updateProfile(context(user), { changes: { goal } }),
    cache,
  };
}

/** Changes what is stored behind everybody's back: whoever shows the older goal has it from a cache. */
const spoil = (world: World) => world.admin.update(profiles).set({ goal: null });

describeOnBothDatabases('a cache in memory', (world) => {
  it('gives what was read, and what was written since', async () => {
    const { goalOf, goalInContextOf, setGoal } = processOf(world(), openOwnCache(world().clock.now));
    const user = await world().newUser();
    await setGoal(user, 'speak freely');
    expect(await goalOf(user)).toBe('speak freely');
    expect(await goalInContextOf(user)).toBe('speak freely');
    await spoil(world());
    expect(await goalOf(user)).toBe('speak freely');
    expect(await goalInContextOf(user)).toBe('speak freely');
    await setGoal(user, 'speak slowly');
    expect(await goalOf(user)).toBe('speak slowly');
    expect(await goalInContextOf(user)).toBe('speak slowly');
  });
});

describe.skipIf(!redisIsInstalled)('a cache in Redis', () => {
  let world: World;
  let server: RedisServer;
  let redis: Redis;
  let caches: OpenCache[];
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    server = await startRedis();
    redis = await connectedRedis(server.url);
    caches = [openSharedCache(server.url, log), openSharedCache(server.url, log)];
    for (const cache of caches) await expect.poll(() => cache.redis?.status).toBe('ready');
  });
  afterEach(async () => {
    for (const cache of caches) await cache.close();
    redis.disconnect();
    await server.stop();
  });
  const processes = () => caches.map((cache) => processOf(world, cache)) as [Process, Process];
  type Process = ReturnType<typeof processOf>;

  /** A user whose goal is in Redis. */
  async function cachedUser(goal: string): Promise<UserActor> {
    const user = await world.newUser();
    await processes()[0].setGoal(user, goal);
    expect(await processes()[1].goalOf(user)).toBe(goal);
    return user;
  }

  it('is one for all processes', async () => {
    const user = await cachedUser('speak freely');
    const [one, other] = processes();
    await spoil(world);
    expect(await one.goalOf(user)).toBe('speak freely');
    await one.setGoal(user, 'speak slowly');
    expect(await other.goalOf(user)).toBe('speak slowly');
  });

  it('holds nothing a person wrote in the clear', async () => {
    const user = await cachedUser('speak freely');
    await processes()[0].goalInContextOf(user);
    const [key = '', ...others] = await redis.keys('*');
    expect(others).toEqual([]);
    const entries = await redis.hgetall(key);
    expect(Object.keys(entries).sort()).toEqual(['entry:context', 'entry:profile', 'generation']);
    expect(JSON.stringify(entries)).not.toContain('freely');
  });

  it('is right after a flush', async () => {
    const user = await cachedUser('speak freely');
    const [one, other] = processes();
    await redis.flushall();
    await one.setGoal(user, 'speak slowly');
    await redis.flushall();
    expect(await other.goalOf(user)).toBe('speak slowly');
  });

  it('leaves reading and writing to the database while Redis is gone', async () => {
    const user = await cachedUser('speak freely');
    const [one, other] = processes();
    await server.kill();
    expect(await other.goalOf(user)).toBe('speak freely');
    await one.setGoal(user, 'speak slowly');
    expect(await other.goalOf(user)).toBe('speak slowly');
    await server.restart();
    await expect.poll(() => caches[1]?.redis?.status).toBe('ready');
    await other.goalOf(user);
    await expect.poll(() => redis.keys('*').catch(() => [])).toHaveLength(1);
  });

  it('waits for a Redis that hangs once, and no more until it answers', async () => {
    const user = await cachedUser('speak freely');
    const [one] = processes();
    server.freeze();
    expect(await one.goalOf(user)).toBe('speak freely');
    // Commands are refused at once now: the connection was given up, and a new one isn't ready before Redis answers.
    await expect.poll(() => caches[0]?.redis?.status).not.toBe('ready');
    await expect(caches[0]?.redis?.ping()).rejects.toThrow("Stream isn't writeable");
    expect(await one.goalOf(user)).toBe('speak freely');
    server.thaw();
    await expect.poll(() => caches[0]?.redis?.status).toBe('ready');
    await spoil(world);
    expect(await one.goalOf(user)).toBe('speak freely');
  });

  it('forgets as soon as it can what was written while Redis hung with the older entry', async () => {
    const user = await cachedUser('speak freely');
    const [one, other] = processes();
    server.freeze();
    await one.setGoal(user, 'speak slowly');
    expect(await one.goalOf(user)).toBe('speak slowly');
    server.thaw();
    await expect.poll(() => other.goalOf(user)).toBe('speak slowly');
  });

  it('forgets when Redis is lost between the write and its end', async () => {
    const user = await cachedUser('speak freely');
    const [one, other] = processes();
    await one.cache.write(user, async () => {
      await processOf(world, openOwnCache(world.clock.now)).setGoal(user, 'speak slowly');
      server.freeze();
    });
    expect(await one.goalOf(user)).toBe('speak slowly');
    server.thaw();
    await expect.poll(() => caches[1]?.redis?.status).toBe('ready');
    expect(await other.goalOf(user)).toBe('speak slowly');
  });

  it('keeps nothing older than a write whose process died before it could forget', async () => {
    const user = await cachedUser('speak freely');
    const [one, other] = processes();
    // It never ends: so it is with a process that is killed behind its commit.
    void one.cache.write(user, async () => {
      await processOf(world, openOwnCache(world.clock.now)).setGoal(user, 'speak slowly');
      return new Promise<never>(() => undefined);
    });
    await expect.poll(() => other.goalOf(user)).toBe('speak slowly');
    const [key = ''] = await redis.keys('*');
    expect(await redis.hkeys(key)).toEqual(['writers']);
    await redis.pexpire(key, 1);
    await expect.poll(() => redis.exists(key)).toBe(0);
    expect(await other.goalOf(user)).toBe('speak slowly');
    await spoil(world);
    expect(await other.goalOf(user)).toBe('speak slowly');
  });

  it('says once that Redis is away, and once that it is back', async () => {
    const lines: string[] = [];
    const watched = openSharedCache(server.url, pino({ base: null }, { write: (line: string) => lines.push(line) }));
    await expect.poll(() => watched.redis?.status).toBe('ready');
    await server.kill();
    await expect.poll(() => lines.length).toBe(1);
    // Two more attempts fail meanwhile.
    let attempts = 0;
    watched.redis?.on('reconnecting', () => {
      attempts += 1;
    });
    await expect.poll(() => attempts).toBeGreaterThanOrEqual(2);
    await server.restart();
    await expect.poll(() => lines.length).toBe(2);
    await watched.close();
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['Redis is away: going on without it', 'Redis is back']);
  });
});

describe('without a Redis', () => {
  it('there is no cache that processes share', async () => {
    const { cache, redis, close } = openSharedCache(undefined, log);
    expect(redis).toBeUndefined();
    await cache.forget({ tenantId: 't', userId: 'u' });
    await close();
  });

  it('a process of its own lets its cache go', async () => {
    await expect(openOwnCache(() => new Date()).close()).resolves.toBeUndefined();
  });
});
