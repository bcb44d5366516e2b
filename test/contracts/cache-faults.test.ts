import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { lifetimes } from '../../core/limits.ts';
import { type CacheStore, createCache, noCache } from '../../services/cache.ts';
import { createMemoryCacheStore } from '../../services/memory-cache-store.ts';

const owner = { tenantId: 'tenant', userId: 'user' };
const key = 'tenant:user';
const clock = () => new Date();
const value = (loaded: number) => ({ schema: z.number(), load: async () => loaded, open: (stored: number) => stored });

/** A store that can be away, for all its methods or for some. */
class FailingStore implements CacheStore {
  readonly store = createMemoryCacheStore(clock);
  readonly away = new Set<keyof CacheStore>();
  readonly asked: string[] = [];

  lose(): void {
    for (const method of ['find', 'remember', 'beginWrite', 'endWrite', 'forget'] as const) this.away.add(method);
  }

  find(...args: Parameters<CacheStore['find']>) {
    return this.#pass('find', () => this.store.find(...args));
  }

  remember(...args: Parameters<CacheStore['remember']>) {
    return this.#pass('remember', () => this.store.remember(...args));
  }

  beginWrite(name: string) {
    return this.#pass('beginWrite', () => this.store.beginWrite(name));
  }

  endWrite(name: string) {
    return this.#pass('endWrite', () => this.store.endWrite(name));
  }

  forget(name: string) {
    return this.#pass('forget', () => this.store.forget(name));
  }

  async #pass<T>(method: keyof CacheStore, work: () => Promise<T>): Promise<T> {
    this.asked.push(method);
    if (this.away.has(method)) throw new Error('the store is away');
    return work();
  }
}

/** What another process reads. */
const elsewhere = (store: FailingStore, loaded: number) =>
  createCache(store.store).read(owner, 'profile', value(loaded));

describe('a cache whose store fails', () => {
  let store: FailingStore;
  let cache: ReturnType<typeof createCache>;
  beforeEach(() => {
    vi.useFakeTimers();
    store = new FailingStore();
    cache = createCache(store);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('reads from the database', async () => {
    store.lose();
    expect(await cache.read(owner, 'profile', value(1))).toBe(1);
    expect(await cache.read(owner, 'profile', value(2))).toBe(2);
  });

  it('gives what it could not remember', async () => {
    store.away.add('remember');
    expect(await cache.read(owner, 'profile', value(1))).toBe(1);
    expect(await cache.read(owner, 'profile', value(2))).toBe(2);
  });

  it('passes on what the database says, good or bad', async () => {
    const failing = { ...value(1), load: () => Promise.reject(new Error('no such user')) };
    await expect(cache.read(owner, 'profile', failing)).rejects.toThrow('no such user');
    expect(await cache.read(owner, 'profile', value(2))).toBe(2);
  });

  it.each(['{', '"text"', 'null'])('takes the entry %s for none', async (text) => {
    const { generation } = await store.find(key, 'profile');
    await store.remember(key, 'profile', generation ?? '', text);
    expect(await cache.read(owner, 'profile', value(1))).toBe(1);
    expect(await cache.read(owner, 'profile', value(2))).toBe(1);
  });

  it('takes an entry that does not open for none', async () => {
    await cache.read(owner, 'profile', value(1));
    const open = (stored: number) => {
      if (stored === 1) throw new Error('No key opens it');
      return stored;
    };
    expect(await cache.read(owner, 'profile', { ...value(2), open })).toBe(2);
  });

  it('forgets later what it could not forget when it was written, and does not look it up before', async () => {
    await cache.read(owner, 'profile', value(1));
    store.lose();
    expect(await cache.write(owner, async () => 'written')).toBe('written');
    store.away.clear();
    expect(await cache.read(owner, 'profile', value(2))).toBe(2);
    expect(await elsewhere(store, 2)).toBe(1);

    await vi.advanceTimersByTimeAsync(lifetimes.cacheRetryMs);
    expect(await elsewhere(store, 2)).toBe(2);
    expect(await cache.read(owner, 'profile', value(3))).toBe(2);
  });

  it('goes on trying as long as the store is away, one owner at a time', async () => {
    store.lose();
    const owners = [owner, { ...owner, userId: 'other' }];
    for (const who of owners) await cache.forget(who);
    store.asked.length = 0;
    await vi.advanceTimersByTimeAsync(lifetimes.cacheRetryMs * 3);
    expect(store.asked).toEqual(['forget', 'forget', 'forget']);
    store.away.clear();
    await vi.advanceTimersByTimeAsync(lifetimes.cacheRetryMs);
    expect(store.asked).toHaveLength(3 + owners.length);
    await vi.advanceTimersByTimeAsync(lifetimes.cacheRetryMs * 3);
    expect(store.asked).toHaveLength(3 + owners.length);
  });

  it('forgets after a write whose end it could not tell', async () => {
    store.away.add('endWrite');
    await cache.write(owner, async () => undefined);
    expect(await elsewhere(store, 1)).toBe(1);
    // The mark of the write is there until it expires: so long nothing is remembered.
    expect(await elsewhere(store, 2)).toBe(2);
    await vi.advanceTimersByTimeAsync(lifetimes.cacheWriteMs);
    expect(await elsewhere(store, 3)).toBe(3);
    expect(await elsewhere(store, 4)).toBe(3);
  });

  it('settles what it owes before it closes, and leaves no timer', async () => {
    await cache.read(owner, 'profile', value(1));
    store.away.add('forget');
    await cache.forget(owner);
    store.away.clear();
    await cache.close();
    expect(await elsewhere(store, 2)).toBe(2);
    store.lose();
    await cache.forget(owner);
    await cache.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('no cache', () => {
  it('asks the database every time', async () => {
    expect(await noCache.read(owner, 'profile', value(1))).toBe(1);
    expect(await noCache.read(owner, 'profile', value(2))).toBe(2);
    expect(await noCache.write(owner, async () => 'written')).toBe('written');
    expect(await noCache.forget(owner)).toBeUndefined();
  });
});
