import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { Modality } from '../../domain/session.ts';
import { users } from './users.ts';

/** Conversations: one LiveKit room each, the lease of the job that serves it, and when to look after it next. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    roomName: text('room_name').notNull().unique(),
    agentName: text('agent_name').notNull(),
    modality: text('modality').$type<Modality>().notNull(),
    /** What the client's app added to the dispatch; handed on with each dispatch, never read by us. */
    appMetadata: jsonb('app_metadata').$type<Record<string, unknown>>().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
    endedAt: timestamp('ended_at', { withTimezone: true }),
    tokenExpiresAt: timestamp('token_expires_at', { withTimezone: true }).notNull(),
    /** Identity of the job that may serve the session until `leaseUntil`. */
    leaseHolder: text('lease_holder'),
    leaseUntil: timestamp('lease_until', { withTimezone: true }),
    /** When the dispatch watchdog looks at the session next, unless a lease is live then. */
    dispatchCheckAt: timestamp('dispatch_check_at', { withTimezone: true }).notNull(),
    /** How often the watchdog had to dispatch. */
    dispatchAttempts: integer('dispatch_attempts').notNull().default(0),
  },
  (table) => [
    index('sessions_user_id').on(table.userId),
    index('sessions_dispatch_check_at').on(table.dispatchCheckAt).where(sql`${table.endedAt} is null`),
  ],
);
