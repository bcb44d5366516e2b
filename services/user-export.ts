import { and, asc, eq, gt, or, type SQL } from 'drizzle-orm';
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core';
import type { Sealed } from '../core/crypto/field-cipher.ts';
import { isSealedColumn } from '../db/columns.ts';
import { auditLog } from '../db/schema/audit-log.ts';
import { sessions } from '../db/schema/sessions.ts';
import { turns } from '../db/schema/turns.ts';
import { users } from '../db/schema/users.ts';
import { personalTables, rowKeyOf } from '../db/tables.ts';
import { audit } from './audit.ts';
import type { CoreContext } from './context.ts';
import { open } from './fields.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** What the document calls itself; the number goes up when readers of the older one would stumble. */
const format = { format: 'parley-user-export', formatVersion: 1 } as const;

/** Hashes of secrets, digests for look-ups and the documents of other exports: nothing of them is about the person. */
const leftOut: ReadonlySet<string> = new Set([
  'hash',
  'secret_hash',
  'subject_index',
  'key_index',
  'code_index',
  'document',
]);

const defaultRowsPerPage = 500;

type ExportContext = Pick<CoreContext, 'database' | 'cipher' | 'clock' | 'actor'>;
/** By the names of its columns. */
type Row = Record<string, unknown>;

/** Rows of a table in the order of a column that none of them share. */
interface Rows {
  table: PgTable;
  where: SQL | undefined;
  order: PgColumn;
}

/**
 * Everything there is about a user, opened, as one JSON document in pieces: `format`, `formatVersion`, `exportedAt`, `userId`,
 * and a list of rows for each table that has any of the user, both named as in the schema; a session's turns stand in it, in
 * order. Read page by page, so that a long history is never in memory as a whole; what is written meanwhile may be in it or
 * not. The audit log says that there was an export.
 * @throws AppError `not_found` when there is no such user.
 */
export async function exportUser(
  context: ExportContext,
  { userId, rowsPerPage = defaultRowsPerPage }: { userId: string; rowsPerPage?: number },
): Promise<AsyncIterable<string>> {
  const { name } = requirePermission(context.actor, 'users.export');
  await withActor(context, async (tx) => {
    const [user] = await tx.select({ tenantId: users.tenantId }).from(users).where(eq(users.id, userId));
    if (!user) throw userNotFound();
    const actor = { kind: 'system', id: name } as const;
    await audit(tx, context.clock(), { ...user, actor, action: 'user.export', subjectId: userId });
  });
  return documentOf({ ...context, rowsPerPage }, userId);
}

type Reading = ExportContext & { rowsPerPage: number };

async function* documentOf(reading: Reading, userId: string): AsyncGenerator<string> {
  yield withoutEnd({ ...format, exportedAt: reading.clock(), userId });
  for (const { table, owner } of personalTables.filter((each) => each.table !== turns)) {
    const rows = { table, where: eq(owner, userId), order: rowKeyOf(table) };
    yield* listOf(reading, rows, table === sessions ? turnsOf : undefined);
  }
  const isAbout = or(eq(auditLog.actorId, userId), eq(auditLog.subjectId, userId));
  yield* listOf(reading, { table: auditLog, where: isAbout, order: auditLog.id });
  yield '}\n';
}

function turnsOf(reading: Reading, session: Row): AsyncIterable<string> {
  return listOf(reading, { table: turns, where: eq(turns.sessionId, session.id as string), order: turns.position });
}

/** A member of a JSON object, with the comma before it. */
async function* listOf(
  reading: Reading,
  rows: Rows,
  partsOf?: (reading: Reading, row: Row) => AsyncIterable<string>,
): AsyncGenerator<string> {
  yield `,\n"${getTableConfig(rows.table).name}": [`;
  let separator = '\n';
  for await (const row of pages(reading, rows)) {
    yield separator + withoutEnd(row);
    if (partsOf) yield* partsOf(reading, row);
    yield '}';
    separator = ',\n';
  }
  yield ']';
}

async function* pages(reading: Reading, { table, where, order }: Rows): AsyncGenerator<Row> {
  const columns = getTableConfig(table).columns.filter(({ name }) => !leftOut.has(name));
  const fields = Object.fromEntries(columns.map((column) => [column.name, column]));
  let after: unknown;
  let page: Row[];
  do {
    const isNext = after === undefined ? undefined : gt(order, after);
    page = await withActor(reading, (tx) =>
      tx.select(fields).from(table).where(and(where, isNext)).orderBy(asc(order)).limit(reading.rowsPerPage),
    );
    for (const row of page) yield opened(reading, table, row);
    after = page.at(-1)?.[order.name];
  } while (page.length === reading.rowsPerPage);
}

function opened(reading: Reading, table: PgTable, row: Row): Row {
  const rowId = row[rowKeyOf(table).name] as string;
  const texts = getTableConfig(table)
    .columns.filter((column) => isSealedColumn(column) && column.name in row)
    .map((column) => [column.name, open(reading, column, rowId, row[column.name] as Sealed | null)]);
  return { ...row, ...Object.fromEntries(texts) };
}

/** An object as JSON that more members may follow. */
function withoutEnd(value: object): string {
  return JSON.stringify(value).slice(0, -1);
}
