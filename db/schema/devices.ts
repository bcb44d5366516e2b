import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { DevicePlatform } from '../../domain/device.ts';
import { moment, ownerId, sealed, tenantId } from '../columns.ts';
import { personalRows } from '../policies.ts';
import { users } from './users.ts';

/** A user's phones, computers and microphones. */
export const devices = pgTable(
  'devices',
  {
    id: uuid('id').primaryKey(),
    tenantId: tenantId(),
    userId: ownerId().references(() => users.id, { onDelete: 'cascade' }),
    name: sealed('name').notNull(),
    platform: text('platform').$type<DevicePlatform>().notNull(),
    /** Where push messages for the device go. */
    pushToken: sealed('push_token'),
    createdAt: moment('created_at').notNull(),
    lastSeenAt: moment('last_seen_at').notNull(),
  },
  (table) => [index('devices_user_id').on(table.userId), ...personalRows(table)],
);
