import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import type { Sealed } from '../core/crypto/field-cipher.ts';
import type { Transaction } from '../db/client.ts';
import { lexiconEntries } from '../db/schema/lexicon-entries.ts';
import { tenants } from '../db/schema/tenants.ts';
import { userLexiconEntries } from '../db/schema/user-lexicon-entries.ts';
import { users } from '../db/schema/users.ts';
import type { LexiconOrigin } from '../domain/lexicon.ts';
import { fold } from '../domain/normalization/tokens.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { isBehind, type PageRequest } from './pages.ts';
import { userNotFound } from './permissions.ts';

/** An entry of a tenant's or a person's lexicon, opened. */
export interface EntryRow {
  id: string;
  pack: string;
  canonical: string;
  category: string;
  variants: string[];
  /** What was corrected to it once and becomes a variant the second time. */
  pending: string[];
  origin: LexiconOrigin;
  corrections: number;
  isActive: boolean;
  createdAt: Date;
  updatedAt: Date;
  version: number;
}

/** What of an entry the rules of a pack take. */
export type Term = Pick<EntryRow, 'canonical' | 'category' | 'variants'>;

/** The entries of one owner in a transaction. */
export interface LexiconRows {
  /** At most `limit`, those behind `after`, the newest first. */
  page(pack: string, page: { after: PageRequest['after']; limit: number }): Promise<EntryRow[]>;
  find(pack: string, entryId: string): Promise<EntryRow | undefined>;
  /** The entry of a term, however that is spelled. */
  findTerm(pack: string, canonical: string): Promise<EntryRow | undefined>;
  /** All of them, or those of one origin; the last changed first. */
  all(pack: string, origin?: LexiconOrigin): Promise<EntryRow[]>;
  /** What applies of them, the last changed first: no more is read than that takes, for a lexicon may be long. */
  terms(pack: string): Promise<Term[]>;
  count(pack: string): Promise<number>;
  /** Adds entries, or replaces those with the same id. */
  save(rows: readonly EntryRow[]): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /** Makes other writers of the same owner wait. @throws AppError `not_found` when the owner has been removed. */
  lock(): Promise<void>;
  /** Gives the lexicon its next version. */
  touch(): Promise<void>;
}

/** Rows of one statement: PostgreSQL takes 65,535 parameters. */
const rowsPerStatement = 1_000;

/** What is sealed of a person's entry; columns hold the rest. */
const termSchema = z.object({
  canonical: z.string(),
  category: z.string(),
  variants: z.array(z.string()),
  pending: z.array(z.string()).default([]),
});

/** Kind of the blind index over the terms of people. */
export const termIndexKind = 'lexicon';

/**
 * What the blind index beside an opened term is a digest of.
 * @throws Error, without the text, when that is no term.
 */
export function indexedTermOf(opened: string): string {
  try {
    return fold(termSchema.parse(JSON.parse(opened)).canonical);
  } catch {
    throw new Error('A value of user_lexicon_entries.term is no term');
  }
}

/** A person's own entries. The transaction must be the person's. */
export function userRows(
  context: Pick<CoreContext, 'cipher'>,
  tx: Transaction,
  { tenantId, userId }: { tenantId: string; userId: string },
): LexiconRows {
  const table = userLexiconEntries;
  const ofPack = (pack: string) => and(eq(table.userId, userId), eq(table.pack, pack));
  const read = async (where: SQL | undefined) => (await tx.select().from(table).where(where)).map(opened);

  const termOf = (id: string, term: Sealed) => termSchema.parse(JSON.parse(open(context, table.term, id, term)));

  function opened(row: typeof userLexiconEntries.$inferSelect): EntryRow {
    const { id, pack, origin, corrections, isActive, createdAt, updatedAt, version } = row;
    return { id, pack, ...termOf(id, row.term), origin, corrections, isActive, createdAt, updatedAt, version };
  }

  return {
    async page(pack, { after, limit }) {
      const rows = tx
        .select()
        .from(table)
        .where(and(ofPack(pack), isBehind(table.createdAt, table.id, after)))
        .orderBy(desc(table.createdAt), desc(table.id))
        .limit(limit);
      return (await rows).map(opened);
    },
    find: async (pack, entryId) => (await read(and(ofPack(pack), eq(table.id, entryId))))[0],
    async findTerm(pack, canonical) {
      const indexes = context.cipher.indexes(termIndexKind, fold(canonical));
      return (await read(and(ofPack(pack), inArray(table.keyIndex, indexes))))[0];
    },
    async all(pack, origin) {
      const isOfOrigin = origin && eq(table.origin, origin);
      const rows = tx
        .select()
        .from(table)
        .where(and(ofPack(pack), isOfOrigin))
        .orderBy(desc(table.updatedAt), desc(table.id));
      return (await rows).map(opened);
    },
    async terms(pack) {
      const rows = tx
        .select({ id: table.id, term: table.term })
        .from(table)
        .where(and(ofPack(pack), table.isActive))
        .orderBy(desc(table.updatedAt), desc(table.id));
      return (await rows).map(({ id, term }) => {
        const { canonical, category, variants } = termOf(id, term);
        return { canonical, category, variants };
      });
    },
    count: (pack) => tx.$count(table, ofPack(pack)),
    async save(rows) {
      for (const part of partsOf(rows)) {
        const values = part.map(({ canonical, category, variants, pending, ...row }) => ({
          ...row,
          tenantId,
          userId,
          term: seal(context, table.term, row.id, JSON.stringify({ canonical, category, variants, pending })),
          keyIndex: context.cipher.index(termIndexKind, fold(canonical)),
        }));
        const { term, keyIndex, origin, corrections, isActive, updatedAt, version } = table;
        const set = excluded({ term, keyIndex, origin, corrections, isActive, updatedAt, version });
        await tx.insert(table).values(values).onConflictDoUpdate({ target: table.id, set });
      }
    },
    async remove(ids) {
      await tx.delete(table).where(and(eq(table.userId, userId), inArray(table.id, [...ids])));
    },
    async lock() {
      const locked = tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update');
      if (!(await locked).length) throw userNotFound();
    },
    async touch() {
      await tx
        .update(users)
        .set({ lexiconVersion: sql`${users.lexiconVersion} + 1` })
        .where(eq(users.id, userId));
    },
  };
}

/** A tenant's entries. The transaction must be the service's, for reading it may be a person's. */
export function tenantRows(tx: Transaction, tenantId: string): LexiconRows {
  const table = lexiconEntries;
  const ofPack = (pack: string) => and(eq(table.tenantId, tenantId), eq(table.pack, pack));
  const read = async (where: SQL | undefined) => (await tx.select().from(table).where(where)).map(entryOf);

  return {
    async page(pack, { after, limit }) {
      const rows = tx
        .select()
        .from(table)
        .where(and(ofPack(pack), isBehind(table.createdAt, table.id, after)))
        .orderBy(desc(table.createdAt), desc(table.id))
        .limit(limit);
      return (await rows).map(entryOf);
    },
    find: async (pack, entryId) => (await read(and(ofPack(pack), eq(table.id, entryId))))[0],
    findTerm: async (pack, canonical) => (await read(and(ofPack(pack), eq(table.key, fold(canonical)))))[0],
    async all(pack) {
      const rows = tx.select().from(table).where(ofPack(pack)).orderBy(desc(table.updatedAt), desc(table.id));
      return (await rows).map(entryOf);
    },
    terms: (pack) =>
      tx
        .select({ canonical: table.canonical, category: table.category, variants: table.variants })
        .from(table)
        .where(ofPack(pack))
        .orderBy(desc(table.updatedAt), desc(table.id)),
    count: (pack) => tx.$count(table, ofPack(pack)),
    async save(rows) {
      for (const part of partsOf(rows)) {
        const values = part.map(({ pending: _pending, corrections: _corrections, isActive: _isActive, ...row }) => ({
          ...row,
          tenantId,
          key: fold(row.canonical),
        }));
        const { canonical, key, category, variants, origin, updatedAt, version } = table;
        const set = excluded({ canonical, key, category, variants, origin, updatedAt, version });
        await tx.insert(table).values(values).onConflictDoUpdate({ target: table.id, set });
      }
    },
    async remove(ids) {
      await tx.delete(table).where(and(eq(table.tenantId, tenantId), inArray(table.id, [...ids])));
    },
    async lock() {
      await tx.select({ id: tenants.id }).from(tenants).where(eq(tenants.id, tenantId)).for('no key update');
    },
    async touch() {
      await tx
        .update(tenants)
        .set({ lexiconVersion: sql`${tenants.lexiconVersion} + 1` })
        .where(eq(tenants.id, tenantId));
    },
  };
}

/** Version of all that applies to a person: both counts only go up, so their sum is another one after any change. */
export async function lexiconVersionOf(tx: Transaction, userId: string): Promise<number | undefined> {
  const [row] = await tx
    .select({ version: sql<number>`${users.lexiconVersion} + ${tenants.lexiconVersion}` })
    .from(users)
    .innerJoin(tenants, eq(tenants.id, users.tenantId))
    .where(eq(users.id, userId));
  return row?.version;
}

/** A tenant's entry is never learned. */
function entryOf(row: typeof lexiconEntries.$inferSelect): EntryRow {
  const { tenantId: _tenantId, key: _key, ...shown } = row;
  return { ...shown, pending: [], corrections: 0, isActive: true };
}

function* partsOf<T>(rows: readonly T[]): Generator<T[]> {
  for (let from = 0; from < rows.length; from += rowsPerStatement) yield rows.slice(from, from + rowsPerStatement);
}

/** The values of a row that was there already, as the insert would have them. */
function excluded<Name extends string>(columns: Record<Name, PgColumn>): Record<Name, SQL> {
  const values = Object.entries<PgColumn>(columns).map(([name, column]) => [
    name,
    sql`excluded.${sql.identifier(column.name)}`,
  ]);
  return Object.fromEntries(values) as Record<Name, SQL>;
}
