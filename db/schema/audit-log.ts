import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment, tenantId } from '../columns.ts';
import { serviceRows } from '../policies.ts';

/** Who did what that somebody may have to answer for. Ids alone: it outlives the people in it. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    at: moment('at').notNull(),
    actorKind: text('actor_kind').notNull(),
    /** User, API key or the name of the part of the service. */
    actorId: text('actor_id').notNull(),
    /** As `sign-in`, `api-key.create`. */
    action: text('action').notNull(),
    /** What it was done to. */
    subjectId: text('subject_id'),
  },
  (table) => [index('audit_log_at').on(table.tenantId, table.at), ...serviceRows(table)],
);
