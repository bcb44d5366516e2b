import { sizes } from '../core/limits.ts';
import type { LexiconImport } from '../domain/lexicon.ts';
import { readLexiconFile } from '../domain/lexicon-file.ts';
import { fold } from '../domain/normalization/tokens.ts';
import type { Context } from './context.ts';
import { changeLexicon } from './lexicon-changes.ts';
import { changedEntry, isAsTerm, type LexiconRef, newEntry, tooMany, writeVerbOf } from './lexicons.ts';
import { requirePermission } from './permissions.ts';

/**
 * Adds the terms of a CSV file and replaces those that are there already; the others stay. Lines that can't be used are told
 * and left out, everything else is written at once or not at all. A dry run tells the same and writes nothing.
 * @throws AppError `conflict` when the lexicon would have more entries than there may be, and as `readLexiconFile`.
 */
export async function importLexicon(
  context: Context,
  { owner, pack, file, isDryRun = false }: LexiconRef & { file: string; isDryRun?: boolean },
): Promise<LexiconImport> {
  const actor = requirePermission(context.actor, writeVerbOf(owner));
  const { terms, rejected } = readLexiconFile(file);
  return changeLexicon({ ...context, actor }, owner, async (rows) => {
    const now = context.clock();
    const there = await rows.all(pack);
    const known = new Map(there.map((row) => [fold(row.canonical), row]));
    const added = terms
      .filter((term) => !known.has(fold(term.canonical)))
      .map((term) => newEntry(pack, term, now, { ...imported, corrections: 0 }));
    const changed = terms.flatMap((term) => {
      const before = known.get(fold(term.canonical));
      return before && !isAsTerm(before, term) ? [changedEntry(before, { ...term, ...imported }, now)] : [];
    });
    const entries = there.length + added.length;
    if (entries > sizes.lexiconEntries) throw tooMany(entries);
    const saved = [...added, ...changed];
    if (!isDryRun) await rows.save(saved);
    const unchanged = terms.length - saved.length;
    return {
      result: { added: added.length, changed: changed.length, unchanged, rejected },
      isChanged: saved.length > 0 && !isDryRun,
    };
  });
}

const imported = { origin: 'imported', isActive: true, pending: [] as string[] } as const;
