import { writeLexiconFile } from '../domain/lexicon-file.ts';
import type { CoreContext } from './context.ts';
import { type LexiconRef, readLexicon } from './lexicons.ts';
import { requirePermission } from './permissions.ts';

/** A lexicon as a CSV file that `importLexicon` takes: every term that applies, by its spelling. */
export async function exportLexicon(context: CoreContext, { owner, pack }: LexiconRef): Promise<string> {
  const actor = requirePermission(context.actor, 'lexicons.read');
  const terms = await readLexicon({ ...context, actor }, owner, (entries) => entries.terms(pack));
  const { compare } = new Intl.Collator('nl');
  return writeLexiconFile(terms.toSorted((a, b) => compare(a.canonical, b.canonical)));
}
