import { boolean, integer, jsonb, pgTable, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core';
import type { Turn } from '../../domain/conversation.ts';
import type { Edit } from '../../domain/normalization/result.ts';
import { sessions } from './sessions.ts';
import { users } from './users.ts';

/** What was said, in order. `id` is the writer's idempotency key; positions run from 1 without holes. */
export const turns = pgTable(
  'turns',
  {
    id: uuid('id').primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    speaker: text('speaker').$type<Turn['speaker']>().notNull(),
    agent: text('agent'),
    text: text('text').notNull(),
    raw: text('raw'),
    edits: jsonb('edits').$type<Edit[]>().notNull(),
    interrupted: boolean('interrupted').notNull(),
    saidAt: timestamp('said_at', { withTimezone: true }).notNull(),
  },
  (table) => [unique('turns_session_position').on(table.sessionId, table.position)],
);
