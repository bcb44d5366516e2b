import { pgTable, timestamp, uuid } from 'drizzle-orm/pg-core';

/** The people whom everything else belongs to. */
export const users = pgTable('users', {
  id: uuid('id').primaryKey(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
});
