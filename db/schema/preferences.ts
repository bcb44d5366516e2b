import { sql } from 'drizzle-orm';
import { integer, jsonb, pgTable } from 'drizzle-orm/pg-core';
import type { PreferenceValues } from '../../domain/preferences.ts';
import { moment, ownerId, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** What a user's apps and agents keep about how the user wants things: one row each, made with the user. */
export const preferences = pgTable(
  'preferences',
  {
    userId: ownerId()
      .primaryKey()
      .references(() => users.id, { onDelete: 'cascade' }),
    tenantId: tenantId(),
    values: jsonb('values').$type<PreferenceValues>().notNull().default(sql`'{}'::jsonb`),
    /** Counts the writes, for ETags. */
    version: integer('version').notNull().default(1),
    updatedAt: moment('updated_at').notNull(),
  },
  personalRows,
);
