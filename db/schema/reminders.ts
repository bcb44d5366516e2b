import { sql } from 'drizzle-orm';
import { index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { ReminderChannel, ReminderRepeat } from '../../domain/reminder.ts';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** What a person wants to be told, and when: due at moments that follow from the clock on their wall. */
export const reminders = pgTable(
  'reminders',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    text: sealed('text').notNull(),
    /** Date and time on the wall of the first time, `2026-11-21T09:00`: recurrences keep it when clocks change. */
    firstLocalTime: text('first_local_time').notNull(),
    /** IANA name, such as `Europe/Amsterdam`. */
    timeZone: text('time_zone').notNull(),
    /** Null for one that comes once. */
    repeat: text('repeat').$type<ReminderRepeat>(),
    /** When it comes next; null once it has come for the last time. */
    dueAt: moment('due_at'),
    createdAt: moment('created_at').notNull(),
    deliveredAt: moment('delivered_at'),
    /** How it got to the person the last time; null when there was no way. */
    deliveredBy: text('delivered_by').$type<ReminderChannel>(),
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('reminders_user_id').on(table.userId, table.createdAt, table.id),
    index('reminders_due_at').on(table.dueAt).where(sql`${table.dueAt} is not null`),
    ...personalRows(table),
  ],
);
