import type { LexiconTerm } from '../normalization/lexicon.ts';
import { tokenize } from '../normalization/tokens.ts';

/** A term that a note may hold. */
export type CategorizedTerm = Pick<LexiconTerm, 'canonical' | 'category'>;

/** A term that was met in a text; offsets are UTF-16, half open. */
export interface FoundTerm extends CategorizedTerm {
  start: number;
  end: number;
}

/** Finds the terms of a written text in their order; of those that begin at one word the longest. */
export type TermFinder = (text: string) => FoundTerm[];

const shortestStem = 3;

/**
 * Makes a finder. Terms are found without regard to case and diacritics, and in the plural (`restauraties`, `kronen`); other
 * spellings are for normalization to mend before. Of two terms with the same spelling the first counts.
 */
export function createTermFinder(terms: readonly CategorizedTerm[]): TermFinder {
  const byKey = new Map<string, CategorizedTerm>();
  let mostWords = 1;
  for (const { canonical, category } of terms) {
    const words = tokenize(canonical).map(({ key }) => key);
    mostWords = Math.max(mostWords, words.length);
    const key = words.join(' ');
    if (!byKey.has(key)) byKey.set(key, { canonical, category });
  }

  return (text) => {
    const tokens = tokenize(text);
    const found: FoundTerm[] = [];
    for (let from = 0; from < tokens.length; from += 1) {
      for (let to = Math.min(from + mostWords, tokens.length); to > from; to -= 1) {
        const words = tokens.slice(from, to).map(({ key }) => key);
        const start = words.slice(0, -1);
        const term = singulars(words.at(-1) as string)
          .map((last) => byKey.get([...start, last].join(' ')))
          .find(Boolean);
        if (!term) continue;
        found.push({ ...term, start: tokens[from]?.start as number, end: tokens[to - 1]?.end as number });
        from = to - 1;
        break;
      }
    }
    return found;
  };
}

/** A folded word, and what it may be the plural of: `bruggen` of `brug`, `kronen` of `kroon`, `extracties` of `extractie`. */
function singulars(word: string): string[] {
  const stem = word.replace(/(?:en|['’]?s)$/, '');
  if (stem === word || stem.length < shortestStem) return [word];
  const shortened = stem.replace(/([a-z])\1$/, '$1');
  const lengthened = stem.replace(/(?<![aeiou])([aeou])([a-z])$/, '$1$1$2');
  return [word, stem, `${stem}e`, shortened, lengthened];
}
