import { boolean, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { ConsentPurpose } from '../../domain/consent.ts';
import { moment, ownerId, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** What users agreed to and took back, one row a decision and never changed: the newest of a purpose counts. */
export const consents = pgTable(
  'consents',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    purpose: text('purpose').$type<ConsentPurpose>().notNull(),
    granted: boolean('granted').notNull(),
    /** Which version of the text they were shown. */
    policyVersion: text('policy_version').notNull(),
    decidedAt: moment('decided_at').notNull(),
  },
  (table) => [index('consents_user_id').on(table.userId, table.purpose, table.decidedAt), ...personalRows(table)],
);
