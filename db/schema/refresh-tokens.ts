import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment, ownerId, tenantId } from '../columns.ts';
import { serviceRows } from '../policies.ts';
import { users } from './users.ts';

/** Refresh tokens, each good for one successor. All that descend from one sign-in are a family and are revoked together. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    familyId: uuid('family_id').notNull(),
    secretHash: text('secret_hash').notNull().unique(),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    /** When it was traded for its successor. */
    usedAt: moment('used_at'),
    revokedAt: moment('revoked_at'),
  },
  (table) => [
    index('refresh_tokens_user_id').on(table.userId),
    index('refresh_tokens_family_id').on(table.familyId),
    index('refresh_tokens_expires_at').on(table.expiresAt),
    ...serviceRows(table),
  ],
);
