import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment, sealed, tenantId } from '../columns.ts';
import { serviceRows } from '../policies.ts';
import { tenants } from './tenants.ts';

/** Links sent by e-mail that sign their reader in once. */
export const magicLinks = pgTable(
  'magic_links',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId().references(() => tenants.id),
    /** Digest of the secret in the link. */
    secretHash: text('secret_hash').notNull().unique(),
    email: sealed('email').notNull(),
    emailIndex: text('email_index').notNull(),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    usedAt: moment('used_at'),
  },
  (table) => [
    index('magic_links_email_index').on(table.tenantId, table.emailIndex),
    index('magic_links_expires_at').on(table.expiresAt),
    ...serviceRows(table),
  ],
);
