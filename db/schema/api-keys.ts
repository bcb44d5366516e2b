import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { Scope } from '../../domain/api-key.ts';
import { moment, tenantId } from '../columns.ts';
import { serviceRows } from '../policies.ts';
import { tenants } from './tenants.ts';
import { users } from './users.ts';

/** Keys of a tenant's servers. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId().references(() => tenants.id),
    name: text('name').notNull(),
    prefix: text('prefix').notNull(),
    secretHash: text('secret_hash').notNull().unique(),
    scopes: text('scopes').array().$type<Scope[]>().notNull(),
    createdBy: uuid('created_by').references(() => users.id, { onDelete: 'set null' }),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at'),
    lastUsedAt: moment('last_used_at'),
    revokedAt: moment('revoked_at'),
  },
  (table) => [index('api_keys_tenant_id').on(table.tenantId), ...serviceRows(table)],
);
