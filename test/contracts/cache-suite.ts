import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../core/ids.ts';
import { type Cache, type CacheOwner, type CacheStore, createCache } from '../../services/cache.ts';

const number = z.number();

/** What every store has to do, alone and under a cache. */
export function describeCacheStore(name: string, openStore: () => CacheStore): void {
  describe(`a cache in ${name}`, () => {
    let store: CacheStore;
    let cache: Cache;
    let owner: CacheOwner;
    let loads: number;
    beforeEach(() => {
      store = openStore();
      cache = createCache(store);
      owner = { tenantId: newId(), userId: newId() };
      loads = 0;
    });
    const entry = (value: number) => ({
      schema: number,
      load: async () => {
        loads += 1;
        return value;
      },
      open: (stored: number) => stored,
    });

    it('asks the database once, and gives what is stored after that', async () => {
      expect(await cache.read(owner, 'profile', entry(1))).toBe(1);
      expect(await cache.read(owner, 'profile', entry(2))).toBe(1);
      expect(loads).toBe(1);
    });

    it('keeps entries and owners apart', async () => {
      const other = { ...owner, userId: newId() };
      const elsewhere = { ...owner, tenantId: newId() };
      await cache.read(owner, 'profile', entry(1));
      expect(await cache.read(owner, 'context', entry(2))).toBe(2);
      expect(await cache.read(other, 'profile', entry(3))).toBe(3);
      expect(await cache.read(elsewhere, 'profile', entry(4))).toBe(4);
      expect(await cache.read(owner, 'profile', entry(5))).toBe(1);
    });

    it('forgets everything of an owner, and nothing of others', async () => {
      const other = { ...owner, userId: newId() };
      for (const who of [owner, other]) {
        await cache.read(who, 'profile', entry(1));
        await cache.read(who, 'context', entry(1));
      }
      await cache.forget(owner);
      expect(await cache.read(owner, 'profile', entry(2))).toBe(2);
      expect(await cache.read(owner, 'context', entry(2))).toBe(2);
      expect(await cache.read(other, 'profile', entry(2))).toBe(1);
    });

    it('does not remember what was loaded before it was forgotten', async () => {
      const slow = cache.read(owner, 'profile', {
        ...entry(1),
        load: async () => {
          await cache.forget(owner);
          return 1;
        },
      });
      expect(await slow).toBe(1);
      expect(await cache.read(owner, 'profile', entry(2))).toBe(2);
    });

    it('remembers nothing while somebody writes', async () => {
      await cache.read(owner, 'profile', entry(1));
      await cache.write(owner, async () => {
        expect(await cache.read(owner, 'profile', entry(2))).toBe(2);
        expect(await cache.read(owner, 'profile', entry(3))).toBe(3);
      });
      expect(await cache.read(owner, 'profile', entry(4))).toBe(4);
      expect(await cache.read(owner, 'profile', entry(5))).toBe(4);
    });

    it('waits for the last of several writers', async () => {
      await store.beginWrite('owner');
      await store.beginWrite('owner');
      await store.endWrite('owner');
      await store.forget('owner');
      expect(await store.find('owner', 'profile')).toEqual({ generation: null, text: null });
      await store.endWrite('owner');
      expect(await store.find('owner', 'profile')).toEqual({ generation: expect.any(String), text: null });
    });

    it('takes the end of a write for a reason to forget, also when it lost sight of the beginning', async () => {
      await cache.read(owner, 'profile', entry(1));
      await store.endWrite(`${owner.tenantId}:${owner.userId}`);
      expect(await cache.read(owner, 'profile', entry(2))).toBe(2);
    });

    it('forgets after a write that failed, and passes its error on', async () => {
      await cache.read(owner, 'profile', entry(1));
      const failing = cache.write(owner, () => Promise.reject(new Error('the commit was not answered')));
      await expect(failing).rejects.toThrow('the commit was not answered');
      expect(await cache.read(owner, 'profile', entry(2))).toBe(2);
    });

    it('keeps no old value of 400 owners under concurrent readers and writers', async () => {
      const rows = new Map<string, number>();
      const owners = Array.from({ length: 400 }, () => ({ tenantId: 't', userId: newId() }));
      for (const { userId } of owners) rows.set(userId, 0);
      const current = ({ userId }: CacheOwner) => ({
        schema: number,
        // A row is read a while before it is remembered, and a write takes a while too.
        load: async () => {
          const value = rows.get(userId) ?? -1;
          await sleep(Math.random() * 4);
          return value;
        },
        open: (stored: number) => stored,
      });
      const read = async (who: CacheOwner) => {
        for (let round = 0; round < 12; round += 1) {
          await cache.read(who, 'profile', current(who));
          await sleep(Math.random() * 2);
        }
      };
      const write = async (who: CacheOwner) => {
        for (let round = 1; round <= 4; round += 1) {
          await sleep(Math.random() * 8);
          await cache.write(who, async () => {
            await sleep(Math.random() * 2);
            rows.set(who.userId, round);
          });
        }
      };
      await Promise.all(owners.flatMap((who) => [read(who), read(who), write(who)]));

      const stale = [];
      for (const who of owners) {
        if ((await cache.read(who, 'profile', current(who))) !== rows.get(who.userId)) stale.push(who);
      }
      expect(stale).toEqual([]);
    });
  });
}
