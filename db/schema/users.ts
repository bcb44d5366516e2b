import { index, integer, pgTable, uuid } from 'drizzle-orm/pg-core';
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
    /** Goes up whenever what applies of the person's own lexicons changes. */
    lexiconVersion: integer('lexicon_version').notNull().default(0),
  },
  (table) => [
    index('users_tenant_id').on(table.tenantId, table.id),
    ...personalRows({ tenantId: table.tenantId, userId: table.id }),
  ],
);
