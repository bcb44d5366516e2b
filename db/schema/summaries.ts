import { foreignKey, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { sessions } from './sessions.ts';
import { users } from './users.ts';

/** What a session was about, in a few sentences: later calls read it instead of the session's turns. */
export const summaries = pgTable(
  'summaries',
  {
    /** Not `session_id`: agents of later sessions read it too. */
    sourceSessionId: uuid('source_session_id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    text: sealed('text').notNull(),
    /** The last turn it tells of. */
    throughPosition: integer('through_position').notNull(),
    /** The language model that wrote it. */
    model: text('model').notNull(),
    writtenAt: moment('written_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'summaries_session',
      columns: [table.sourceSessionId, table.tenantId, table.userId],
      foreignColumns: [sessions.id, sessions.tenantId, sessions.userId],
    }).onDelete('cascade'),
    index('summaries_user_id').on(table.userId, table.writtenAt),
    ...personalRows(table),
  ],
);
