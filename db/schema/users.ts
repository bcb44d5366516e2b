import { index, pgTable, uuid } from 'drizzle-orm/pg-core';
import { moment, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { tenants } from './tenants.ts';

/** The people whom everything else belongs to. Who they are to the outside is in `identities`. */
export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId().references(() => tenants.id),
    createdAt: moment('created_at').notNull(),
    /** Set while the user may not sign in. */
    disabledAt: moment('disabled_at'),
  },
  (table) => [
    index('users_tenant_id').on(table.tenantId, table.id),
    ...personalRows({ tenantId: table.tenantId, userId: table.id }),
  ],
);
