import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment, tenantId } from '../columns.ts';
import { sharedRows } from '../policies.ts';
import { tenants } from './tenants.ts';

/** A tenant's own words for a normalization pack, beside the ones that come with it. */
export const lexiconEntries = pgTable(
  'lexicon_entries',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId().references(() => tenants.id),
    pack: text('pack').notNull(),
    /** As it is said. */
    spoken: text('spoken').notNull(),
    /** As the record has it. */
    written: text('written').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [index('lexicon_entries_pack').on(table.tenantId, table.pack), ...sharedRows(table)],
);
