import type { z } from 'zod';

/** Whose entries they are. */
export interface CacheOwner {
  tenantId: string;
  userId: string;
}

/**
 * Remembers what is read often. It holds stored rows, so personal fields are in it as ciphertext only; when it is away or
 * slow, rows come from the database.
 */
export interface Cache {
  /**
   * The entry of an owner, or what `load` gives, which is remembered. Entries are JSON: `schema` reads them back.
   * @param name What the entry is, `profile`, or `context:<session>`.
   */
  read<T>(owner: CacheOwner, name: string, schema: z.ZodType<T>, load: () => Promise<T>): Promise<T>;
  /** Forgets everything of an owner. To be called after each committed write of rows that an entry may hold. */
  forget(owner: CacheOwner): Promise<void>;
}
