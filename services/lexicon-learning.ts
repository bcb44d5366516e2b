import { sizes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { type Correction, type CorrectionOutcome, lessonOf } from '../domain/lexicon.ts';
import { fold } from '../domain/normalization/tokens.ts';
import type { Context } from './context.ts';
import { changeLexicon, changeOwnLexicon, type LexiconChange } from './lexicon-changes.ts';
import type { EntryRow, LexiconRows } from './lexicon-rows.ts';
import { changedEntry, newEntry } from './lexicons.ts';
import { requirePermission } from './permissions.ts';

type PackCorrection = Correction & { pack: string };

/** A correction that teaches something. */
interface Lesson {
  pack: string;
  spoken: string;
  written: string;
  remember: boolean;
  now: Date;
}

/**
 * Learns from a correction of the actor's user: what was corrected to a word twice, or once where it shall be remembered,
 * becomes a variant of that word. An edit that is undone teaches that what was said is a word itself.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function correct(context: Context, correction: PackCorrection): Promise<CorrectionOutcome> {
  const actor = requirePermission(context.actor, 'lexicons.write');
  return changeLexicon({ ...context, actor }, 'user', (rows) => learn(rows, correction, context.clock()));
}

/**
 * As `correct`, in the transaction of what the correction is part of, which must be the actor's; whether it may write there
 * has been checked. Running calls are told once that is committed.
 */
export function learnCorrection(
  context: Parameters<typeof changeOwnLexicon>[0],
  tx: Transaction,
  correction: PackCorrection,
): Promise<CorrectionOutcome> {
  return changeOwnLexicon(context, tx, (rows) => learn(rows, correction, context.clock()));
}

async function learn(
  rows: LexiconRows,
  { pack, remember, ...correction }: PackCorrection,
  now: Date,
): Promise<LexiconChange<CorrectionOutcome>> {
  const spelled = lessonOf({ remember, ...correction });
  if (!spelled) return { result: 'ignored', isChanged: false };
  const lesson = { pack, remember, now, ...spelled };
  const before = await rows.findTerm(pack, lesson.written);
  if (!before && (await rows.count(pack)) >= sizes.lexiconEntries) return { result: 'ignored', isChanged: false };
  const hasUnlearned = await unlearn(rows, lesson, before);
  const after = before ? taught(before, lesson) : firstLesson(lesson);
  await rows.save([after]);
  const isLearned = isTaught(after, lesson);
  return { result: isLearned ? 'learned' : 'noted', isChanged: isLearned || hasUnlearned };
}

function firstLesson(lesson: Lesson): EntryRow {
  const term = { canonical: lesson.written, category: 'term', variants: [] };
  const made = { origin: 'learned', corrections: 0, isActive: false, pending: [] as string[] } as const;
  return { ...taught(newEntry(lesson.pack, term, lesson.now, made), lesson), version: 1 };
}

/** The entry with one more correction: the second one applies, or the first that is to be remembered. */
function taught(before: EntryRow, lesson: Lesson): EntryRow {
  const { spoken, written, remember, now } = lesson;
  const corrections = before.corrections + 1;
  if (!remember && !holds(before.pending, spoken) && !isTaught(before, lesson)) {
    const pending = [...before.pending, spoken].slice(-sizes.variantsPerTerm);
    return changedEntry(before, { pending, corrections }, now);
  }
  const isNew = fold(spoken) !== fold(written) && !holds(before.variants, spoken);
  const variants = (isNew ? [...before.variants, spoken] : before.variants).slice(-sizes.variantsPerTerm);
  const pending = without(before.pending, spoken);
  return changedEntry(before, { canonical: written, variants, pending, corrections, isActive: true }, now);
}

/** Whether an entry writes what was said as it was corrected. */
function isTaught({ isActive, canonical, variants }: EntryRow, { spoken, written }: Lesson): boolean {
  return isActive && canonical === written && (fold(spoken) === fold(written) || holds(variants, spoken));
}

/**
 * Takes what was said from the other entries that were learned: the newer correction is right.
 * @returns whether one of them applied.
 */
async function unlearn(rows: LexiconRows, lesson: Lesson, taughtEntry: EntryRow | undefined): Promise<boolean> {
  const { pack, spoken, now } = lesson;
  const contrary = (await rows.all(pack, 'learned')).filter(
    (row) => row.id !== taughtEntry?.id && holds([row.canonical, ...row.variants, ...row.pending], spoken),
  );
  const kept = contrary.flatMap((row) => {
    const variants = without(row.variants, spoken);
    const pending = without(row.pending, spoken);
    const isOfUse = !holds([row.canonical], spoken) && variants.length + pending.length > 0;
    return isOfUse ? [changedEntry(row, { variants, pending }, now)] : [];
  });
  const keptIds = new Set(kept.map(({ id }) => id));
  await rows.remove(contrary.map(({ id }) => id).filter((id) => !keptIds.has(id)));
  await rows.save(kept);
  return contrary.some(({ isActive }) => isActive);
}

function holds(spellings: readonly string[], spelling: string): boolean {
  return spellings.some((each) => fold(each) === fold(spelling));
}

function without(spellings: readonly string[], spelling: string): string[] {
  return spellings.filter((each) => fold(each) !== fold(spelling));
}
