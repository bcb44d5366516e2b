import { sql } from 'drizzle-orm';
import { foreignKey, index, integer, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import type { PairingEnd, StoredCodeState } from '../../domain/pairing.ts';
import { moment, ownerId, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { sessions } from './sessions.ts';
import { users } from './users.ts';

/** A computer and a phone of one person that share a session: the phone is its microphone, the computer shows the note. */
export const pairings = pgTable(
  'pairings',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    /** The session whose room both join. */
    sessionId: uuid('session_id').notNull(),
    /** Blind index of the newest code; kept once it is spent, so that trying it again is told from a wrong one. */
    codeIndex: text('code_index').notNull(),
    codeState: text('code_state').$type<StoredCodeState>().notNull(),
    codeExpiresAt: moment('code_expires_at').notNull(),
    /** Wrong codes that were tried while this one could be claimed. */
    wrongTries: integer('wrong_tries').notNull().default(0),
    /** Counts the phones that have claimed it: a socket of an earlier phone is not let in again. */
    phoneEpoch: integer('phone_epoch').notNull().default(0),
    claimedAt: moment('claimed_at'),
    /** Sequence of the newest event. */
    lastSequence: integer('last_sequence').notNull().default(0),
    /** When it ends unless one of its ends is heard of. */
    expiresAt: moment('expires_at').notNull(),
    createdAt: moment('created_at').notNull(),
    endedAt: moment('ended_at'),
    endReason: text('end_reason').$type<PairingEnd>(),
  },
  (table) => [
    foreignKey({
      name: 'pairings_session',
      columns: [table.sessionId, table.tenantId, table.userId],
      foreignColumns: [sessions.id, sessions.tenantId, sessions.userId],
    }).onDelete('cascade'),
    unique('pairings_owner').on(table.id, table.tenantId, table.userId),
    index('pairings_user_id').on(table.userId, table.createdAt, table.id),
    // A session has one pairing at a time, and each turn looks for it.
    uniqueIndex('pairings_live_session').on(table.sessionId).where(sql`${table.endedAt} is null`),
    index('pairings_expires_at').on(table.expiresAt).where(sql`${table.endedAt} is null`),
    ...personalRows(table),
  ],
);
