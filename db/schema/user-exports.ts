import { index, pgTable, uuid } from 'drizzle-orm/pg-core';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** Copies of their data that users have asked for, until they expire. */
export const userExports = pgTable(
  'user_exports',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    /** JSON, written by a job. Null until then. */
    document: sealed('document'),
    requestedAt: moment('requested_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    index('user_exports_user_id').on(table.userId),
    index('user_exports_expires_at').on(table.expiresAt),
    ...personalRows(table),
  ],
);
