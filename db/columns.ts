import { getTableName } from 'drizzle-orm';
import { customType, type PgColumn, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { Sealed } from '../core/crypto/field-cipher.ts';

const sealedType = customType<{ data: Sealed; driverData: string }>({ dataType: () => 'text' });

/** A column that holds ciphertext alone: its type lets nothing in that was not sealed. */
export const sealed = (name: string) => sealedType(name);

/** Whether a column of a schema is a sealed one. */
export function isSealedColumn(column: PgColumn): boolean {
  return column.columnType === 'PgCustomColumn';
}

/** A moment, with its time zone. */
export const moment = (name: string) => timestamp(name, { withTimezone: true });

/** The tenant a row belongs to; row-level security compares it with the actor's. */
export const tenantId = () => uuid('tenant_id').notNull();

/** Where a sealed field stands, for its cipher: table, column and the row's key. */
export function placeOf(column: PgColumn, rowId: string): string {
  return `${getTableName(column.table)}.${column.name}:${rowId}`;
}

/** The user a row belongs to; row-level security compares it with the actor's. */
export const ownerId = () => uuid('user_id').notNull();
