import type { PgColumn } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import type { FieldCipher, Sealed } from '../core/crypto/field-cipher.ts';
import { placeOf } from '../db/columns.ts';

/** A sealed field of a row that is read back from JSON; opening it shows whether it was sealed at all. */
export const sealedSchema = z.string().transform((text) => text as Sealed);

/** What sealing needs of a context. */
interface Sealing {
  cipher: FieldCipher;
}

/** Seals a field of a row; what is null stays so. `rowId` is the row's primary key. */
export function seal(context: Sealing, column: PgColumn, rowId: string, text: string): Sealed;
export function seal(context: Sealing, column: PgColumn, rowId: string, text: string | null): Sealed | null;
export function seal({ cipher }: Sealing, column: PgColumn, rowId: string, text: string | null): Sealed | null {
  return text === null ? null : cipher.seal(placeOf(column, rowId), text);
}

/** Opens a field of a row; what is null stays so. @throws Error when it was not sealed for that row and column. */
export function open(context: Sealing, column: PgColumn, rowId: string, value: Sealed): string;
export function open(context: Sealing, column: PgColumn, rowId: string, value: Sealed | null): string | null;
export function open({ cipher }: Sealing, column: PgColumn, rowId: string, value: Sealed | null): string | null {
  return value === null ? null : cipher.open(placeOf(column, rowId), value);
}
