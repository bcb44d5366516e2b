import { pgTable, text } from 'drizzle-orm/pg-core';
import { moment, ownerId, tenantId } from '../columns.ts';
import { serviceRows } from '../policies.ts';
import { users } from './users.ts';

/** The password hashes of users who have one, argon2id or, of an older system, bcrypt. */
export const passwords = pgTable(
  'passwords',
  {
    userId: ownerId()
      .primaryKey()
      .references(() => users.id, { onDelete: 'cascade' }),
    tenantId: tenantId(),
    hash: text('hash').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  serviceRows,
);
