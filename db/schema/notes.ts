import { foreignKey, index, integer, pgTable, uuid } from 'drizzle-orm/pg-core';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { sessions } from './sessions.ts';
import { users } from './users.ts';

/** What was dictated in a session, as the record has it: one note a session. */
export const notes = pgTable(
  'notes',
  {
    sessionId: uuid('session_id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    /** JSON of the note's content, as `domain/note.ts` has it. */
    content: sealed('content').notNull(),
    /** A draft by a language model, made when asked for. */
    summary: sealed('summary'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    foreignKey({
      name: 'notes_session',
      columns: [table.sessionId, table.tenantId, table.userId],
      foreignColumns: [sessions.id, sessions.tenantId, sessions.userId],
    }).onDelete('cascade'),
    index('notes_updated_at').on(table.tenantId, table.updatedAt),
    ...personalRows(table),
  ],
);
