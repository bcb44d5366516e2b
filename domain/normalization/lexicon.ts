import type { Draft, Rule } from './draft.ts';
import type { FoundTerm, Lexicon, ReachedTerm, Taken, Walk } from './lexicon-index.ts';
import { isJoinedBy, type Token } from './tokens.ts';

/** A term of a field: how a record spells it, what kind of word it is, and other spellings that mean it. */
export interface LexiconTerm {
  canonical: string;
  category: string;
  variants: readonly string[];
}

/** A term that was met, over the tokens up to but not including `to`. */
interface Match extends ReachedTerm {
  to: number;
}

/** What is known of a word by itself. */
interface KnownWord {
  /** The term that it is a spelling of, or resembles. */
  term: FoundTerm | undefined;
  taken: Taken;
  /** The term that it is if nothing follows. */
  reached: ReachedTerm | undefined;
  /** Where terms go on that begin with it, as it is or with what it is taken for. */
  walks: readonly Walk[];
  isOrdinary: boolean;
}

/** Parts of a misspelled compound that was split have so many letters; shorter ones are words of their own. */
const shortestMisspelledPart = 3;

/** Beginnings that are followed at the same time: a word may be taken as it is or for its term, and so may the next. */
const mostWalks = 32;

/** Words that are known before all are looked up anew: a transcript that grows repeats its words. */
const mostKnownWords = 4_096;

/**
 * Reads a lexicon: one term a line, `canonical<TAB>category<TAB>variants`, variants separated by `|`.
 * @throws Error that names the line without a term or with another number of columns
 */
export function parseLexicon(table: string): LexiconTerm[] {
  return table.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [canonical = '', category = '', variants, ...more] = line.normalize('NFC').split('\t');
    if (canonical.trim() === '' || variants === undefined || more.length > 0) {
      throw new Error(`lexicon line ${index + 1}: needs a term, its category and its variants, separated by tabs`);
    }
    const spellings = variants.split('|').map((variant) => variant.trim());
    return [{ canonical: canonical.trim(), category: category.trim(), variants: spellings.filter(Boolean) }];
  });
}

/**
 * A rule that writes each term as its lexicon does: a listed spelling, whatever its case and diacritics; one that spaces or
 * hyphens cut into parts, each of which may be a spelling of a term by itself (`komposiet vulling`); and a word that is no
 * ordinary one and misspells a term a little, also in two parts and then with one edit. A capital at the start is kept. Of
 * terms that begin at the same word the longest wins. Edits are named `lexicon`, by similarity `spelling`.
 */
export function lexiconRule(lexicon: Lexicon): Rule {
  const find = finder(lexicon);
  return (draft) => {
    for (let index = 0; index < draft.length; index += 1) {
      draft.decide(index);
      const match = find(draft, index);
      if (!match) continue;
      const { to, term, taken } = match;
      const output = spell(term.canonical, textOf(draft, index, to));
      if (output === undefined) draft.claim(index, to);
      else draft.rewrite({ from: index, to, output, rule: taken === 'resembled' ? 'spelling' : 'lexicon' });
      index = to - 1;
    }
  };
}

/** Finds the term that begins at a token. */
function finder(lexicon: Lexicon): (draft: Draft, index: number) => Match | undefined {
  const words = new Map<string, KnownWord>();
  const know = (token: Token): KnownWord => {
    const known = words.get(token.key);
    if (known) return known;
    if (words.size >= mostKnownWords) words.clear();
    const word = judge(lexicon, token);
    words.set(token.key, word);
    return word;
  };

  const longestTerm = (draft: Draft, index: number, first: KnownWord): Match | undefined => {
    let match = first.reached && { ...first.reached, to: index + 1 };
    let { walks } = first;
    for (let at = index, parts = 2; walks.length > 0; parts += 1) {
      at = nextPart(draft, at);
      const token = draft.at(at);
      if (!token || !draft.isFree(at)) break;
      const { term, taken } = know(token);
      const isOther = term !== undefined && term.key !== token.key;
      const replaced = isOther ? lexicon.follow(walks, term.key, taken) : [];
      walks = [...lexicon.follow(walks, token.key, 'as-heard'), ...replaced];
      const reached = lexicon.reached(walks, parts);
      if (reached) match = { ...reached, to: at + 1 };
      // The parts so far may begin a longer term by their canonical spelling: `coffer dam klem`, a `rubberdamklem`.
      const asTerm = reached ? lexicon.begin(reached.term.key, takenAgain(reached.taken)) : [];
      walks = lexicon.open([...walks, ...asTerm]).slice(0, mostWalks);
    }
    return match;
  };

  /** A compound that is misspelled and cut in two, neither of which is a term: `gingi fitis`. */
  const misspelledParts = (draft: Draft, index: number, token: Token, first: KnownWord): Match | undefined => {
    if (!isPart(token, first)) return undefined;
    const at = nextPart(draft, index);
    const next = draft.at(at);
    if (!next || !draft.isFree(at)) return undefined;
    const second = know(next);
    if (!isPart(next, second) || (first.isOrdinary && second.isOrdinary)) return undefined;
    const term = lexicon.similar(token.key + next.key, 1);
    return term && { term, to: at + 1, taken: 'resembled' };
  };

  return (draft, index) => {
    const token = draft.at(index);
    if (!token || !draft.isFree(index)) return undefined;
    const first = know(token);
    return longestTerm(draft, index, first) ?? misspelledParts(draft, index, token, first);
  };
}

function judge(lexicon: Lexicon, { key, kind }: Token): KnownWord {
  const walks = lexicon.begin(key, 'as-heard');
  const listed = lexicon.reached(walks, 1)?.term;
  const isOrdinary = kind !== 'word' || lexicon.isOrdinary(key);
  const term = listed ?? (isOrdinary ? undefined : lexicon.similar(key));
  const taken = listed ? 'replaced' : 'resembled';
  if (term && term.key !== key) walks.push(...lexicon.begin(term.key, taken));
  return { term, taken, reached: lexicon.reached(walks, 1), walks: lexicon.open(walks), isOrdinary };
}

function isPart({ key, kind }: Token, { term }: KnownWord): boolean {
  return kind === 'word' && term === undefined && key.length >= shortestMisspelledPart;
}

function nextPart(draft: Draft, index: number): number {
  return index + (isJoinedBy(draft, index + 1, '-') ? 2 : 1);
}

/** How words are taken that are replaced by the term they were taken for. */
function takenAgain(taken: Taken): Taken {
  return taken === 'as-heard' ? 'replaced' : taken;
}

function textOf(draft: Draft, from: number, to: number): string {
  let text = '';
  for (let index = from; index < to; index += 1) {
    const token = draft.at(index);
    text += index > from && token?.spaced ? ` ${token.text}` : (token?.text ?? '');
  }
  return text;
}

/** The canonical spelling with the capital of what was heard; undefined where that differs by its case at most. */
function spell(canonical: string, heard: string): string | undefined {
  if (heard.normalize('NFC').toLowerCase() === canonical) return undefined;
  const isCapital = /^\p{Lu}/u.test(heard);
  return isCapital ? canonical.charAt(0).toUpperCase() + canonical.slice(1) : canonical;
}
