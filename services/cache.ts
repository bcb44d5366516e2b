import type { z } from 'zod';
import { lifetimes } from '../core/limits.ts';

/** Whose entries they are. */
export interface CacheOwner {
  tenantId: string;
  userId: string;
}

/** How an entry is read back, or made. */
export interface CacheEntry<Stored, Opened> {
  /** Reads the stored form back from JSON. */
  schema: z.ZodType<Stored>;
  /** The stored form from the database: rows as they are there, personal fields as ciphertext. */
  load(): Promise<Stored>;
  /** What the reader gets. An entry that doesn't open counts as none: its key may have been retired. */
  open(stored: Stored): Opened;
}

/**
 * Remembers what is read often, in its stored form, so that personal fields are in it as ciphertext only. It never fails:
 * when it is away or slow, entries come from the database.
 */
export interface Cache {
  /** @param name What the entry is: `profile`, or `context:<session>`. */
  read<Stored, Opened>(owner: CacheOwner, name: string, entry: CacheEntry<Stored, Opened>): Promise<Opened>;
  /**
   * Runs a write of rows that entries of the owner may hold: nothing is remembered for them from before it begins until it
   * has ended, well or not. Should the process die in between, that ends by itself after `lifetimes.cacheWriteMs`.
   */
  write<T>(owner: CacheOwner, work: () => Promise<T>): Promise<T>;
  /** Forgets everything of an owner. */
  forget(owner: CacheOwner): Promise<void>;
}

/** What a store has for an entry. */
export interface CacheFinding {
  /** Under which the entry may be remembered; null while somebody writes. It is gone once the owner was forgotten. */
  generation: string | null;
  text: string | null;
}

/** Where entries are kept, by owner. Every method may reject: then it has done nothing, or all. */
export interface CacheStore {
  find(owner: string, name: string): Promise<CacheFinding>;
  /** Does nothing when the generation has passed. */
  remember(owner: string, name: string, generation: string, text: string): Promise<void>;
  /** Forgets the owner and refuses to remember anything until as many writes ended as began. */
  beginWrite(owner: string): Promise<void>;
  endWrite(owner: string): Promise<void>;
  forget(owner: string): Promise<void>;
}

/** Remembers nothing: every read is the database's. */
export const noCache: Cache = {
  read: async (_owner, _name, { load, open }) => open(await load()),
  write: (_owner, work) => work(),
  forget: async () => undefined,
};

const nothing: CacheFinding = { generation: null, text: null };

/**
 * A cache over a store. Owners that could not be forgotten because the store was away are kept in mind: they are not looked
 * up there, and are forgotten as soon as it is back.
 */
export function createCache(store: CacheStore): Cache & { /** Settles what it can. */ close(): Promise<void> } {
  const owed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  function owe(owner: string): void {
    owed.add(owner);
    timer ??= setTimeout(settle, lifetimes.cacheRetryMs).unref();
  }

  async function settle(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    for (const owner of [...owed]) {
      // Taken off before it is forgotten, not after: it may be owed again meanwhile.
      owed.delete(owner);
      try {
        await store.forget(owner);
      } catch {
        return owe(owner);
      }
    }
  }

  return {
    async read(owner, name, { schema, load, open }) {
      const key = keyOf(owner);
      const { generation, text } = owed.has(key) ? nothing : await store.find(key, name).catch(() => nothing);
      if (text !== null) {
        try {
          return open(schema.parse(JSON.parse(text)));
        } catch {
          // Of another version of this program, or of a retired key: the database has it too.
        }
      }
      const stored = await load();
      if (generation !== null) {
        await store.remember(key, name, generation, JSON.stringify(stored)).catch(() => undefined);
      }
      return open(stored);
    },
    async write(owner, work) {
      const key = keyOf(owner);
      const hasBegun = await store.beginWrite(key).then(
        () => true,
        () => false,
      );
      try {
        return await work();
      } finally {
        await (hasBegun ? store.endWrite(key) : store.forget(key)).catch(() => owe(key));
      }
    },
    async forget(owner) {
      const key = keyOf(owner);
      await store.forget(key).catch(() => owe(key));
    },
    async close() {
      await settle();
      clearTimeout(timer);
    },
  };
}

function keyOf({ tenantId, userId }: CacheOwner): string {
  return `${tenantId}:${userId}`;
}
