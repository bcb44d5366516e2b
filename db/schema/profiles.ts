import { pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { languages } from '../../domain/profile.ts';
import { users } from './users.ts';

/** What an agent may know about a user: one row each, made with the user. */
export const profiles = pgTable('profiles', {
  userId: uuid('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  preferredName: text('preferred_name'),
  language: text('language', { enum: languages }),
  goal: text('goal'),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull(),
});
