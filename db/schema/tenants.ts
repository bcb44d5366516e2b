import { sql } from 'drizzle-orm';
import { integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { TenantSettings } from '../../domain/tenant.ts';
import { moment } from '../columns.ts';
import { sharedRows } from '../policies.ts';

/** Whose installation it is: an organisation, with what it decides for itself. */
export const tenants = pgTable(
  'tenants',
  {
    id: uuid('id').primaryKey(),
    slug: text('slug').notNull().unique(),
    name: text('name').notNull(),
    settings: jsonb('settings').$type<TenantSettings>().notNull().default(sql`'{}'::jsonb`),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    /** Goes up whenever the tenant's lexicons change. */
    lexiconVersion: integer('lexicon_version').notNull().default(0),
  },
  (table) => sharedRows({ tenantId: table.id }),
);
