import { boolean, foreignKey, index, integer, jsonb, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { Turn, Waterfall } from '../../domain/conversation.ts';
import type { Edit } from '../../domain/normalization/result.ts';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { sessions } from './sessions.ts';
import { users } from './users.ts';

/** What was said, in order. `id` is the writer's idempotency key; positions run from 1 without holes. */
export const turns = pgTable(
  'turns',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    sessionId: uuid('session_id').notNull(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
    speaker: text('speaker').$type<Turn['speaker']>().notNull(),
    agent: text('agent'),
    text: sealed('text').notNull(),
    raw: sealed('raw'),
    edits: jsonb('edits').$type<Edit[]>().notNull(),
    interrupted: boolean('interrupted').notNull(),
    saidAt: moment('said_at').notNull(),
    latency: jsonb('latency').$type<Waterfall>(),
  },
  (table) => [
    foreignKey({
      name: 'turns_session',
      columns: [table.sessionId, table.tenantId, table.userId],
      foreignColumns: [sessions.id, sessions.tenantId, sessions.userId],
    }).onDelete('cascade'),
    unique('turns_session_position').on(table.sessionId, table.position),
    index('turns_said_at').on(table.tenantId, table.saidAt),
    ...personalRows(table),
  ],
);
