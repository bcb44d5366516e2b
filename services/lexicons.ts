import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import type { AgentActor, UserActor } from '../domain/actor.ts';
import type {
  EffectiveLexicon,
  LexiconEntry,
  LexiconEntryChanges,
  LexiconOwner,
  NewLexiconEntry,
} from '../domain/lexicon.ts';
import type { Context, CoreContext } from './context.ts';
import { changeLexicon } from './lexicon-changes.ts';
import { type EntryRow, type LexiconRows, lexiconVersionOf, tenantRows, userRows } from './lexicon-rows.ts';
import { type Page, type PageRequest, pageOf } from './pages.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { type IfVersions, requireVersion } from './versions.ts';
import { withActor } from './with-actor.ts';

/** Whose lexicon for which pack. */
export interface LexiconRef {
  owner: LexiconOwner;
  pack: string;
}

/** An entry of a lexicon. */
type EntryRef = LexiconRef & { entryId: string };

/** What a write of a lexicon takes: a tenant's is for few. */
export function writeVerbOf(owner: LexiconOwner) {
  return owner === 'tenant' ? 'tenant-lexicons.write' : 'lexicons.write';
}

/** The entries of a lexicon, the newest first. */
export async function listLexiconEntries(
  context: CoreContext,
  { owner, pack, after, limit = sizes.itemsPerPage }: LexiconRef & PageRequest,
): Promise<Page<LexiconEntry>> {
  const actor = requirePermission(context.actor, 'lexicons.read');
  const rows = await readLexicon({ ...context, actor }, owner, (entries) =>
    entries.page(pack, { after, limit: limit + 1 }),
  );
  return pageOf(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }), shown);
}

/** One entry. @throws AppError `not_found` for one that isn't in this lexicon. */
export async function getLexiconEntry(context: CoreContext, { owner, pack, entryId }: EntryRef): Promise<LexiconEntry> {
  const actor = requirePermission(context.actor, 'lexicons.read');
  const row = await readLexicon({ ...context, actor }, owner, (entries) => entries.find(pack, entryId));
  if (!row) throw entryNotFound();
  return shown(row);
}

/**
 * Adds a term.
 * @throws AppError `conflict` when there is an entry for it, naming that, or as many entries as there may be.
 */
export async function addLexiconEntry(
  context: Context,
  { owner, pack, entry }: LexiconRef & { entry: NewLexiconEntry },
): Promise<LexiconEntry> {
  const actor = requirePermission(context.actor, writeVerbOf(owner));
  return changeLexicon({ ...context, actor }, owner, async (rows) => {
    await requireUnknown(rows, pack, entry.canonical);
    if ((await rows.count(pack)) >= sizes.lexiconEntries) throw tooMany(sizes.lexiconEntries + 1);
    const added = newEntry(pack, entry, context.clock());
    await rows.save([added]);
    return { result: shown(added), isChanged: true };
  });
}

/**
 * Changes the fields that are given. An entry that was learned from one correction applies from then on.
 * @throws AppError `not_found` as `getLexiconEntry`, `precondition_failed` when it has another version by now, `conflict` when
 * there is another entry for the new spelling.
 */
export async function updateLexiconEntry(
  context: Context,
  { owner, pack, entryId, changes, ifVersions }: EntryRef & { changes: LexiconEntryChanges } & IfVersions,
): Promise<LexiconEntry> {
  const actor = requirePermission(context.actor, writeVerbOf(owner));
  return changeLexicon({ ...context, actor }, owner, async (rows) => {
    const before = await findToChange(rows, { pack, entryId, ifVersions });
    const { canonical = before.canonical, category = before.category, variants = before.variants } = changes;
    await requireUnknown(rows, pack, canonical, entryId);
    const after = changedEntry(
      before,
      { ...termOf({ canonical, category, variants }), isActive: true },
      context.clock(),
    );
    await rows.save([after]);
    return { result: shown(after), isChanged: true };
  });
}

/** Removes an entry. @throws AppError `not_found` and `precondition_failed` as `updateLexiconEntry`. */
export async function removeLexiconEntry(
  context: Context,
  { owner, pack, entryId, ifVersions }: EntryRef & IfVersions,
): Promise<void> {
  const actor = requirePermission(context.actor, writeVerbOf(owner));
  await changeLexicon({ ...context, actor }, owner, async (rows) => {
    await findToChange(rows, { pack, entryId, ifVersions });
    await rows.remove([entryId]);
    return { result: undefined, isChanged: true };
  });
}

/**
 * What applies to the actor's user beside the shipped lexicon, the last changed terms first. Read with its version before
 * it, so that a change meanwhile is found by the next comparison of versions.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getEffectiveLexicon(context: CoreContext, { pack }: { pack: string }): Promise<EffectiveLexicon> {
  const { tenantId, userId } = requirePermission(context.actor, 'lexicons.read');
  return withActor(context, async (tx) => {
    const version = await lexiconVersionOf(tx, userId);
    if (version === undefined) throw userNotFound();
    const user = await userRows(context, tx, { tenantId, userId }).terms(pack);
    const tenant = await tenantRows(tx, tenantId).terms(pack);
    return { version: String(version), user, tenant };
  });
}

/** Version of the effective lexicons, without the terms. @throws as `getEffectiveLexicon`. */
export async function getLexiconVersion(context: CoreContext): Promise<number> {
  const { userId } = requirePermission(context.actor, 'lexicons.read');
  const version = await withActor(context, (tx) => lexiconVersionOf(tx, userId));
  if (version === undefined) throw userNotFound();
  return version;
}

/** Reads a lexicon; the actor's right to it has been checked. */
export function readLexicon<T>(
  context: CoreContext & { actor: UserActor | AgentActor },
  owner: LexiconOwner,
  work: (rows: LexiconRows) => Promise<T>,
): Promise<T> {
  const { tenantId, userId } = context.actor;
  return withActor(context, (tx) =>
    work(owner === 'tenant' ? tenantRows(tx, tenantId) : userRows(context, tx, { tenantId, userId })),
  );
}

/** An entry for a term, to be saved. */
export function newEntry(
  pack: string,
  term: NewLexiconEntry,
  now: Date,
  made: Pick<EntryRow, 'origin' | 'corrections' | 'isActive' | 'pending'> = byHand,
): EntryRow {
  return { id: newId(), pack, ...termOf(term), ...made, createdAt: now, updatedAt: now, version: 1 };
}

const byHand = { origin: 'added', corrections: 0, isActive: true, pending: [] } as const satisfies Partial<EntryRow>;

/** The entry with other fields, as its next version. */
export function changedEntry(before: EntryRow, fields: Partial<EntryRow>, now: Date): EntryRow {
  return { ...before, ...fields, updatedAt: now, version: before.version + 1 };
}

/** Whether an entry applies, and as just this term. */
export function isAsTerm(row: EntryRow, term: NewLexiconEntry): boolean {
  return row.isActive && isDeepStrictEqual(termOf(row), termOf(term));
}

/** A lexicon that would have more entries than there may be. */
export function tooMany(entries: number): AppError {
  return new AppError(
    'conflict',
    `The lexicon would have ${entries} entries, and ${sizes.lexiconEntries} are all there may be: remove some first`,
  );
}

/** A term, each of its spellings once. */
function termOf({ canonical, category, variants }: NewLexiconEntry): NewLexiconEntry {
  return { canonical, category, variants: [...new Set(variants)].filter((variant) => variant !== canonical) };
}

function shown({ pending: _pending, createdAt, updatedAt, ...row }: EntryRow): LexiconEntry {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

async function requireUnknown(rows: LexiconRows, pack: string, canonical: string, exceptId?: string): Promise<void> {
  const known = await rows.findTerm(pack, canonical);
  if (known && known.id !== exceptId) {
    throw new AppError('conflict', `There is an entry for this term: change ${known.id} instead`);
  }
}

async function findToChange(
  rows: LexiconRows,
  { pack, entryId, ifVersions }: { pack: string; entryId: string } & IfVersions,
): Promise<EntryRow> {
  const row = await rows.find(pack, entryId);
  if (!row) throw entryNotFound();
  requireVersion(row.version, ifVersions);
  return row;
}

function entryNotFound(): AppError {
  return new AppError('not_found', 'There is no such entry in this lexicon');
}
