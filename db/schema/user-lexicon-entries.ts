import { boolean, index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { LexiconOrigin } from '../../domain/lexicon.ts';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** A person's own words for a normalization pack, sealed because they come from what was said: they win over all others. */
export const userLexiconEntries = pgTable(
  'user_lexicon_entries',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    pack: text('pack').notNull(),
    /** JSON `{ canonical, category, variants }`. */
    term: sealed('term').notNull(),
    /** Blind index of the canonical spelling without case and diacritics: one entry of a pack each. */
    keyIndex: text('key_index').notNull(),
    origin: text('origin').$type<LexiconOrigin>().notNull(),
    /** How often the person has corrected text to it; a learned entry is applied from the second time on. */
    corrections: integer('corrections').notNull(),
    isActive: boolean('is_active').notNull(),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    unique('user_lexicon_entries_key').on(table.userId, table.pack, table.keyIndex),
    index('user_lexicon_entries_pack').on(table.userId, table.pack, table.id),
    ...personalRows(table),
  ],
);
