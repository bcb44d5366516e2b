import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';

/** Where a row stands in a list that is ordered by time, newest first, and by id where times are the same. */
export interface Place {
  at: Date;
  id: string;
}

/** Which part of a list is asked for. */
export interface PageRequest {
  /** The last row one has; absent for the beginning. */
  after?: Place;
  limit?: number;
}

/** A part of a list. */
export interface Page<T> {
  items: T[];
  /** Where the next part begins; null at the end. */
  next: Place | null;
}

/** Condition: behind that place of the list. */
export function isBehind(at: PgColumn, id: PgColumn, after: Place | undefined): SQL | undefined {
  return after && sql`(${at}, ${id}) < (${after.at.toISOString()}::timestamptz, ${after.id}::uuid)`;
}

/** The page of rows of which one more than `limit` was read. */
export function pageOf<Row, T>(
  rows: Row[],
  limit: number,
  placeOf: (row: Row) => Place,
  itemOf: (row: Row) => T,
): Page<T> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { items: page.map(itemOf), next: last && rows.length > limit ? placeOf(last) : null };
}
