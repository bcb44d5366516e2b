import type { Draft, Rule } from './draft.ts';
import { fold, isJoinedBy, type Token, tokenize } from './tokens.ts';

/** A term of a field: how a record spells it, and other spellings that mean it. */
export interface LexiconTerm {
  canonical: string;
  variants: readonly string[];
}

/** A term that was met, over the tokens up to but not including `to`. */
interface Match {
  canonical: string;
  to: number;
}

/**
 * Reads a lexicon: one term a line, `canonical<TAB>category<TAB>variants`, variants separated by `|`.
 * @throws Error that names the line without a term or with another number of columns
 */
export function parseLexicon(table: string): LexiconTerm[] {
  return table.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [canonical = '', , variants, ...more] = line.normalize('NFC').split('\t');
    if (canonical.trim() === '' || variants === undefined || more.length > 0) {
      throw new Error(`lexicon line ${index + 1}: needs a term, its category and its variants, separated by tabs`);
    }
    const spellings = variants.split('|').map((variant) => variant.trim());
    return [{ canonical: canonical.trim(), variants: spellings.filter(Boolean) }];
  });
}

/**
 * A rule that writes each listed spelling of a term, whatever its case and diacritics, as the lexicon does; also where
 * a compound was split by spaces or hyphens. A capital at its start is kept. Of terms that begin at the same word the
 * longest wins, of terms with the same spelling the first of the list. Terms are made of words; digits in them are not met.
 */
export function lexiconRule(terms: readonly LexiconTerm[]): Rule {
  const canonicals = new Map<string, string>();
  let longestKey = 0;
  let mostParts = 3;
  for (const { canonical, variants } of terms) {
    for (const spelling of [canonical, ...variants]) {
      const words = tokenize(spelling).filter((token) => token.kind === 'word');
      const key = words.map((word) => word.key).join('');
      if (!canonicals.has(key)) canonicals.set(key, canonical);
      longestKey = Math.max(longestKey, key.length);
      mostParts = Math.max(mostParts, words.length);
    }
  }

  /** The longest term that begins at a token. */
  const matchAt = (draft: Draft, index: number): Match | undefined => {
    let match: Match | undefined;
    let heard = '';
    let spelled = '';
    let at = index;
    for (let parts = 1; parts <= mostParts; parts += 1) {
      const token = draft.tokens[at];
      if (token?.kind !== 'word' || token.key.length < 2 || !draft.isFree(at)) break;
      heard += token.key;
      // A part that is a misspelled term itself counts as that term: `komposiet restauratie`.
      spelled += fold(canonicals.get(token.key) ?? token.key);
      if (heard.length > longestKey && spelled.length > longestKey) break;
      const canonical = canonicals.get(heard) ?? canonicals.get(spelled);
      if (canonical !== undefined) match = { canonical, to: at + 1 };
      at += isJoinedBy(draft.tokens, at + 1, '-') ? 2 : 1;
    }
    return match;
  };

  return (draft) => {
    for (let index = 0; index < draft.tokens.length; index += 1) {
      const match = matchAt(draft, index);
      if (!match) continue;
      const heard = textOf(draft.tokens.slice(index, match.to));
      draft.rewrite({ from: index, to: match.to, output: spell(match.canonical, heard), rule: 'lexicon' });
      index = match.to - 1;
    }
  };
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map((token, index) => (index > 0 && token.spaced ? ` ${token.text}` : token.text)).join('');
}

/** The canonical spelling with the capital of what was heard; a term that differs from it by its case only stays. */
function spell(canonical: string, heard: string): string {
  if (heard.normalize('NFC').toLowerCase() === canonical) return heard;
  const isCapital = /^\p{Lu}/u.test(heard);
  return isCapital ? canonical.charAt(0).toUpperCase() + canonical.slice(1) : canonical;
}
