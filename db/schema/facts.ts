import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { FactState } from '../../domain/fact.ts';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { sessions } from './sessions.ts';
import { users } from './users.ts';

/** What agents remember of a person from one call to the next: proposed in a call, kept once the person says so. */
export const facts = pgTable(
  'facts',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    /** Where it was said; null once that session is gone. Not `session_id`: agents of later sessions read it too. */
    sourceSessionId: uuid('source_session_id').references(() => sessions.id, { onDelete: 'set null' }),
    /** The agent that proposed it. */
    agent: text('agent').notNull(),
    text: sealed('text').notNull(),
    state: text('state').$type<FactState>().notNull(),
    proposedAt: moment('proposed_at').notNull(),
    /** When the person agreed to its being kept. */
    keptAt: moment('kept_at'),
  },
  (table) => [
    index('facts_user_id').on(table.userId, table.proposedAt, table.id),
    index('facts_source_session_id').on(table.sourceSessionId),
    ...personalRows(table),
  ],
);
