import { sql } from 'drizzle-orm';
import { index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { FirstAgent, Modality } from '../../domain/session.ts';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** Conversations: one LiveKit room each, and when the dispatch watchdog is to look after it next. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    roomName: text('room_name').notNull().unique(),
    agentName: text('agent_name').notNull(),
    modality: text('modality').$type<Modality>().notNull(),
    /** What the client's app added to the dispatch, as JSON; handed on with each dispatch, never read by us. */
    appMetadata: sealed('app_metadata'),
    /** What the user calls the session. */
    title: sealed('title'),
    createdAt: moment('created_at').notNull(),
    endedAt: moment('ended_at'),
    tokenExpiresAt: moment('token_expires_at').notNull(),
    /** When the dispatch watchdog looks at the session next, unless a lease is live then. */
    dispatchCheckAt: moment('dispatch_check_at').notNull(),
    /** Until when the agent of a job that a worker has taken on may take to come; null when none is awaited. */
    agentExpectedUntil: moment('agent_expected_until'),
    /** The agent that the person of a call is with; null between calls that have ended as they should. */
    activeAgent: text('active_agent').$type<FirstAgent>(),
    /** How often the watchdog had to dispatch. */
    dispatchAttempts: integer('dispatch_attempts').notNull().default(0),
    /** Counts the changes of what is shown of it, for ETags. */
    version: integer('version').notNull().default(1),
  },
  (table) => [
    // What belongs to a session refers to all three, so that it can't belong to anybody else.
    unique('sessions_owner').on(table.id, table.tenantId, table.userId),
    index('sessions_user_id').on(table.userId, table.createdAt, table.id),
    index('sessions_dispatch_check_at').on(table.dispatchCheckAt).where(sql`${table.endedAt} is null`),
    ...personalRows({ ...table, sessionId: table.id }),
  ],
);
