import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Role } from '../../domain/role.ts';
import { moment, ownerId, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** What a user is in their tenant. */
export const userRoles = pgTable(
  'user_roles',
  {
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    tenantId: tenantId(),
    role: text('role').$type<Role>().notNull(),
    grantedAt: moment('granted_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.role] }), ...personalRows(table)],
);
