import { foreignKey, index, integer, pgTable, unique, uuid } from 'drizzle-orm/pg-core';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { pairings } from './pairings.ts';
import { users } from './users.ts';

/** What both ends of a pairing are told, in order, kept so that one that was away goes on where it stopped. */
export const pairingEvents = pgTable(
  'pairing_events',
  {
    /** Row's own key, which its ciphertext is bound to; also the sender's idempotency key. */
    id: uuid('id').primaryKey(),
    pairingId: uuid('pairing_id').notNull(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    /** The pairing's, whose agent sees it. */
    sessionId: uuid('session_id').notNull(),
    /** From 1, without holes. */
    sequence: integer('sequence').notNull(),
    /** JSON of the event. */
    event: sealed('event').notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'pairing_events_pairing',
      columns: [table.pairingId, table.tenantId, table.userId],
      foreignColumns: [pairings.id, pairings.tenantId, pairings.userId],
    }).onDelete('cascade'),
    unique('pairing_events_sequence').on(table.pairingId, table.sequence),
    index('pairing_events_created_at').on(table.createdAt),
    ...personalRows(table),
  ],
);
