import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { languages } from '../../domain/profile.ts';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** What an agent may know about a user: one row each, made with the user. */
export const profiles = pgTable(
  'profiles',
  {
    userId: ownerId()
      .primaryKey()
      .references(() => users.id, { onDelete: 'cascade' }),
    tenantId: tenantId(),
    preferredName: sealed('preferred_name'),
    language: text('language', { enum: languages }),
    goal: sealed('goal'),
    /** Counts the writes, for ETags. */
    version: integer('version').notNull().default(1),
    updatedAt: moment('updated_at').notNull(),
  },
  personalRows,
);
