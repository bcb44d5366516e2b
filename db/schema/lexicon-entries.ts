import { index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { LexiconOrigin } from '../../domain/lexicon.ts';
import { moment, tenantId } from '../columns.ts';
import { sharedRows } from '../policies.ts';
import { tenants } from './tenants.ts';

/** A tenant's own words for a normalization pack: they win over the ones that come with it. */
export const lexiconEntries = pgTable(
  'lexicon_entries',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId().references(() => tenants.id),
    pack: text('pack').notNull(),
    /** As the record has it. */
    canonical: text('canonical').notNull(),
    /** The canonical spelling without case and diacritics: one entry of a pack each. */
    key: text('key').notNull(),
    category: text('category').notNull(),
    /** As it is said or misspelled. */
    variants: text('variants').array().notNull(),
    origin: text('origin').$type<LexiconOrigin>().notNull(),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    unique('lexicon_entries_key').on(table.tenantId, table.pack, table.key),
    index('lexicon_entries_pack').on(table.tenantId, table.pack, table.id),
    ...sharedRows(table),
  ],
);
