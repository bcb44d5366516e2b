import { foreignKey, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment, ownerId, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { sessions } from './sessions.ts';
import { users } from './users.ts';

/** Which job serves a session, and until when it need not be heard of. No row: none does. */
export const leases = pgTable(
  'leases',
  {
    sessionId: uuid('session_id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    /** Identity of the job in its room. */
    holder: text('holder').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'leases_session',
      columns: [table.sessionId, table.tenantId, table.userId],
      foreignColumns: [sessions.id, sessions.tenantId, sessions.userId],
    }).onDelete('cascade'),
    index('leases_expires_at').on(table.expiresAt),
    ...personalRows(table),
  ],
);
