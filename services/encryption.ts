import { and, asc, gt, type SQL, sql } from 'drizzle-orm';
import { getTableConfig, type PgColumn } from 'drizzle-orm/pg-core';
import type { FieldCipher } from '../core/crypto/field-cipher.ts';
import { placeOf } from '../db/columns.ts';
import { identities } from '../db/schema/identities.ts';
import { magicLinks } from '../db/schema/magic-links.ts';
import { userLexiconEntries } from '../db/schema/user-lexicon-entries.ts';
import { sealedColumns } from '../db/tables.ts';
import type { CoreContext } from './context.ts';
import { indexedTermOf, termIndexKind } from './lexicon-rows.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** What became of one column of ciphertext. */
export interface RotatedColumn {
  /** Table and column, `turns.text`. */
  column: string;
  /** Values that were sealed with the newest key now. */
  rotated: number;
  /** Values that still are not: of a key we lack, damaged, or locked by somebody else the whole time. */
  left: number;
}

/** What `rotateKeys` did, with what stood in its way: each reason once, without a value. */
export interface Rotation {
  columns: RotatedColumn[];
  faults: string[];
}

/** How far the column under way has come. */
export interface RotationProgress {
  column: string;
  done: number;
  due: number;
}

interface Options {
  /** Rows of one transaction; each is locked for as long as that takes. */
  batchSize?: number;
  onProgress?: (progress: RotationProgress) => void;
}

type RotationContext = Pick<CoreContext, 'database' | 'cipher' | 'actor'>;
type SealedColumn = (typeof sealedColumns)[number];

/** A batch is in memory as a whole, and a value can be the copy of all of somebody's data. */
export const defaultBatchSize = 200;

/** A digest that stands beside a sealed column; whoever writes one of the two writes both. */
interface BlindIndex {
  column: PgColumn;
  /** What it is a digest of, as its cipher takes it. */
  kind: SQL<string>;
  /** The part of the opened value that is looked up; absent where that is all of it. */
  indexedOf?: (opened: string) => string;
}

const blindIndexes = new Map<PgColumn, BlindIndex>([
  [identities.subject, { column: identities.subjectIndex, kind: sql`${identities.provider}` }],
  [magicLinks.email, { column: magicLinks.emailIndex, kind: sql`'email'` }],
  [
    userLexiconEntries.term,
    {
      column: userLexiconEntries.keyIndex,
      kind: sql<string>`${sql.param(termIndexKind)}::text`,
      indexedOf: indexedTermOf,
    },
  ],
]);

/**
 * Seals every value that is not under the newest key with it, and what is still plain since before there were keys; digests
 * for look-ups follow. Meant to run while others read and write: rows somebody else has locked are passed over and come up
 * again. Ended half-way it has only less to do the next time.
 * @throws AppError `unavailable` when the database is away.
 */
export async function rotateKeys(
  context: RotationContext,
  { batchSize = defaultBatchSize, onProgress = () => undefined }: Options = {},
): Promise<Rotation> {
  requirePermission(context.actor, 'encryption.rotate');
  const faults = new Set<string>();
  const columns: RotatedColumn[] = [];
  for (const sealed of sealedColumns) {
    columns.push(await rotateColumn(context, sealed, { batchSize, onProgress, faults }));
  }
  return { columns, faults: [...faults] };
}

async function rotateColumn(
  context: RotationContext,
  sealed: SealedColumn,
  { batchSize, onProgress, faults }: Required<Options> & { faults: Set<string> },
): Promise<RotatedColumn> {
  const column = `${getTableConfig(sealed.table).name}.${sealed.column.name}`;
  const countDue = () => withActor(context, (tx) => tx.$count(sealed.table, isDue(context.cipher, sealed.column)));
  const due = await countDue();
  if (!due) return { column, rotated: 0, left: 0 };
  let rotated = 0;
  let before: number;
  do {
    before = rotated;
    let after: string | undefined;
    do {
      const batch = await rotateBatch(context, sealed, { batchSize, after, faults });
      rotated += batch.rotated;
      after = batch.last;
      onProgress({ column, done: rotated, due });
    } while (after !== undefined);
    // Another walk for what was locked, or written by a process that has the older key yet.
  } while (rotated > before);
  return { column, rotated, left: await countDue() };
}

/** One short transaction. `last` is where the next batch begins; undefined when there is none. */
async function rotateBatch(
  context: RotationContext,
  sealed: SealedColumn,
  { batchSize, after, faults }: { batchSize: number; after: string | undefined; faults: Set<string> },
): Promise<{ rotated: number; last: string | undefined }> {
  const { cipher } = context;
  const { table, key, column } = sealed;
  const index = blindIndexes.get(column);
  const { rows, resealed } = await withActor(context, async (tx) => {
    const due = await tx
      .select({
        id: sql<string>`${key}`,
        value: sql<string>`${column}`,
        kind: index?.kind ?? sql<null>`null`,
      })
      .from(table)
      .where(and(isDue(cipher, column), after === undefined ? undefined : gt(key, after)))
      .orderBy(asc(key))
      .limit(batchSize)
      .for('no key update', { skipLocked: true });
    const values = due.flatMap((row) => reseal(cipher, column, row, { faults, indexedOf: index?.indexedOf }));
    if (values.length) await tx.execute(updateOf(sealed, index, values));
    return { rows: due, resealed: values };
  });
  return { rotated: resealed.length, last: rows.length < batchSize ? undefined : rows.at(-1)?.id };
}

interface DueRow {
  id: string;
  value: string;
  /** Null in a column that has no digest beside it. */
  kind: string | null;
}

interface ResealedRow extends DueRow {
  sealed: string;
  digest: string | null;
}

/** The row with its new values, or none when its value doesn't open. What was never sealed is sealed as it is. */
function reseal(
  cipher: FieldCipher,
  column: PgColumn,
  row: DueRow,
  { faults, indexedOf = (text) => text }: { faults: Set<string> } & Pick<BlindIndex, 'indexedOf'>,
): [ResealedRow] | [] {
  const place = placeOf(column, row.id);
  try {
    const text = cipher.isSealed(row.value) ? cipher.open(place, row.value) : row.value;
    const digest = row.kind === null ? null : cipher.index(row.kind, indexedOf(text));
    return [{ ...row, sealed: cipher.seal(place, text), digest }];
  } catch (error) {
    faults.add((error as Error).message);
    return [];
  }
}

function updateOf({ table, key, column }: SealedColumn, index: BlindIndex | undefined, rows: ResealedRow[]): SQL {
  const digest = index ? sql`, ${sql.identifier(index.column.name)} = v.digest` : sql``;
  return sql`update ${table} set ${sql.identifier(column.name)} = v.sealed${digest}
    from unnest(${sql.param(rows.map(({ id }) => id))}::uuid[], ${sql.param(rows.map((row) => row.sealed))}::text[],
      ${sql.param(rows.map((row) => row.digest))}::text[]) as v (id, sealed, digest)
    where ${key} = v.id`;
}

function isDue({ currentPrefix }: FieldCipher, column: PgColumn): SQL {
  return sql`not starts_with(${column}, ${currentPrefix})`;
}
