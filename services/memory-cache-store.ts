import type { Clock } from '../core/clock.ts';
import { newId } from '../core/ids.ts';
import { lifetimes } from '../core/limits.ts';
import type { CacheStore } from './cache.ts';

interface Owned {
  /** Writes under way; nothing is remembered while there are any. */
  writers: number;
  generation: string;
  texts: Map<string, string>;
  expiresAtMs: number;
}

/**
 * Keeps entries in this process: right only where no other process writes to the database.
 * @param maxOwners Beyond these, whoever was not asked for longest is forgotten; an owner has a few kilobytes.
 */
export function createMemoryCacheStore(clock: Clock, maxOwners = 10_000): CacheStore {
  const owners = new Map<string, Owned>();

  function live(owner: string): Owned | undefined {
    const owned = owners.get(owner);
    return owned && owned.expiresAtMs > clock().getTime() ? owned : undefined;
  }

  /** Puts it at the end of the map's order, which is that of the last use. */
  function put(owner: string, owned: Owned): Owned {
    owners.delete(owner);
    owners.set(owner, owned);
    for (const oldest of owners.keys()) {
      if (owners.size <= maxOwners) break;
      owners.delete(oldest);
    }
    return owned;
  }

  const empty = (lifeMs: number, writers = 0): Owned => ({
    writers,
    generation: newId(),
    texts: new Map(),
    expiresAtMs: clock().getTime() + lifeMs,
  });

  return {
    async find(owner, name) {
      const { writers, generation, texts } = put(owner, live(owner) ?? empty(lifetimes.cacheMs));
      return writers > 0 ? { generation: null, text: null } : { generation, text: texts.get(name) ?? null };
    },
    async remember(owner, name, generation, text) {
      const owned = live(owner);
      if (owned?.generation === generation) owned.texts.set(name, text);
    },
    async beginWrite(owner) {
      put(owner, empty(lifetimes.cacheWriteMs, (live(owner)?.writers ?? 0) + 1));
    },
    async endWrite(owner) {
      const owned = live(owner);
      if (owned && owned.writers > 1) owned.writers -= 1;
      else owners.delete(owner);
    },
    async forget(owner) {
      if (!live(owner)?.writers) owners.delete(owner);
    },
  };
}
