import type { LexiconTerm } from './lexicon.ts';
import type { OrdinaryWords } from './ordinary-words.ts';
import { editsAllowed, SpellingIndex } from './spelling-index.ts';
import { TermTrie } from './term-trie.ts';
import { fold, tokenize } from './tokens.ts';

/** A term as one of its spellings finds it. A key is a spelling without case, diacritics, spaces and joining hyphens. */
export interface FoundTerm {
  canonical: string;
  /** Key of the canonical spelling. */
  key: string;
  /** Words of the canonical spelling. */
  words: number;
  /** Words it takes to mean it by this spelling: who wants `tand steen` kept apart does not want `tandsteen` cut. */
  leastWords: number;
}

/** How words were taken: as they are, or for a term that they are a variant of, or only resemble. */
export type Taken = 'as-heard' | 'replaced' | 'resembled';

/** A term that words have led to. */
export interface ReachedTerm {
  term: FoundTerm;
  taken: Taken;
}

/** A beginning of terms of one layer, as far as some words have led. */
export interface Walk {
  layer: number;
  node: number;
  taken: Taken;
}

/** The terms of one owner; each has the place of its key. */
interface Layer {
  trie: TermTrie;
  terms: readonly FoundTerm[];
  spelling: SpellingIndex;
}

/** Endings that a term takes without being misspelled. `-en` is also `-ën`, and just `-n` behind an e. */
const inflections = ['e', 's', 'en', 'n', "'s", '’s'];

/**
 * Builds the index of a lexicon.
 * @param ordinary words that are never taken for misspelled terms; where every word is, terms are met only as they are listed
 */
export function createLexicon(options: { terms: readonly LexiconTerm[]; ordinary: OrdinaryWords }): Lexicon {
  return new Lexicon([createLayer(options.terms)], options.ordinary);
}

/** Terms in layers, the strongest first: of two with the same spelling that of the stronger layer is meant. */
export class Lexicon {
  readonly #layers: readonly Layer[];
  readonly #ordinary: OrdinaryWords;

  constructor(layers: readonly Layer[], ordinary: OrdinaryWords) {
    this.#layers = layers;
    this.#ordinary = ordinary;
  }

  /**
   * The same lexicon with further layers on top. What there is already is shared, so this costs what the new layers do.
   * @param layers the strongest first; within one, a canonical spelling wins over a variant, and the first over the next
   */
  with(layers: readonly (readonly LexiconTerm[])[]): Lexicon {
    return new Lexicon([...layers.map(createLayer), ...this.#layers], this.#ordinary);
  }

  /** Whether a word is one that everybody uses. @param key without case and diacritics */
  isOrdinary(key: string): boolean {
    return this.#ordinary.has(key);
  }

  /**
   * The term that a word misspells: the nearest, then that of the strongest layer, then one with the same first letter, then
   * the first in the alphabet. An ordinary word or an inflected term misspells none.
   * @param key without case and diacritics
   * @param mostEdits how far away the term may be, where that is less than the length of the word allows
   */
  similar(key: string, mostEdits = 2): FoundTerm | undefined {
    if (editsAllowed(key.length) === 0 || this.isOrdinary(key) || this.#isInflected(key)) return undefined;
    let nearest = { distance: mostEdits + 1, term: undefined as FoundTerm | undefined };
    for (const [layer, { spelling, terms }] of this.#layers.entries()) {
      const { distance, places } = spelling.nearest(key);
      if (places.length === 0 || distance >= nearest.distance) continue;
      const [first] = places
        .flatMap((place) => terms[place] ?? [])
        .toSorted((a, b) => startsOtherwise(a, key) - startsOtherwise(b, key) || (a.canonical < b.canonical ? -1 : 1));
      if (first) nearest = { distance, term: this.#strongest(first, layer) };
    }
    return nearest.term;
  }

  /** Where terms lead that begin with a key. @param taken how it was made of what was heard */
  begin(key: string, taken: Taken): Walk[] {
    const walks: Walk[] = [];
    for (let layer = 0; layer < this.#layers.length; layer += 1) {
      const node = this.#layers[layer]?.trie.follow(0, key);
      if (node !== undefined) walks.push({ layer, node, taken });
    }
    return walks;
  }

  /** Where those of the walks lead that go on with a key. @param taken how it was made of what was heard */
  follow(walks: readonly Walk[], key: string, taken: Taken): Walk[] {
    return walks.flatMap((walk) => {
      const node = this.#layers[walk.layer]?.trie.follow(walk.node, key);
      return node === undefined ? [] : [{ layer: walk.layer, node, taken: taken === 'as-heard' ? walk.taken : taken }];
    });
  }

  /** Those of the walks on which further words may lead to a longer term. */
  open(walks: readonly Walk[]): Walk[] {
    return walks.filter(({ layer, node }) => this.#layers[layer]?.trie.goesOn(node));
  }

  /** The term that the first of the walks has reached with so many words. */
  reached(walks: readonly Walk[], words: number): ReachedTerm | undefined {
    let found: { term: FoundTerm; walk: Walk } | undefined;
    for (const walk of walks) {
      const layer = this.#layers[walk.layer];
      const term = layer?.terms[layer.trie.placeAt(walk.node) ?? -1];
      if (!term) continue;
      const isMeant = term.leastWords <= words;
      if (isMeant || !found) found = { term, walk };
      if (isMeant) break;
    }
    return found && { term: this.#strongest(found.term, found.walk.layer), taken: found.walk.taken };
  }

  /** What stronger layers make of the canonical spelling of a layer's term. */
  #strongest(term: FoundTerm, layer: number): FoundTerm {
    for (let stronger = 0; stronger < layer; stronger += 1) {
      const found = find(this.#layers[stronger], term.key);
      if (found && found.leastWords <= term.words) return this.#strongest(found, stronger);
    }
    return term;
  }

  #isInflected(key: string): boolean {
    return inflections.some((ending) => {
      if (!key.endsWith(ending)) return false;
      const stem = key.slice(0, -ending.length);
      return this.#layers.some((layer) => find(layer, stem)?.key === stem);
    });
  }
}

function find(layer: Layer | undefined, key: string): FoundTerm | undefined {
  const node = layer?.trie.follow(0, key);
  return node === undefined ? undefined : layer?.terms[layer.trie.placeAt(node) ?? -1];
}

function createLayer(terms: readonly LexiconTerm[]): Layer {
  const found = new Map<string, FoundTerm>();
  const canonicals = terms.map(({ canonical }) => ({ canonical, ...keyOf(canonical) }));
  for (const { canonical, key, words } of canonicals) {
    if (key !== '' && !found.has(key)) found.set(key, { canonical, key, words, leastWords: words });
  }
  for (const [index, { variants }] of terms.entries()) {
    const meant = found.get(canonicals[index]?.key ?? '');
    for (const variant of meant ? variants : []) {
      const { key } = keyOf(variant);
      if (meant && key !== '' && !found.has(key)) found.set(key, { ...meant, leastWords: 1 });
    }
  }
  const keys = [...found.keys()];
  return { trie: new TermTrie(keys), terms: [...found.values()], spelling: new SpellingIndex(keys) };
}

/** Key and number of words of a spelling. */
function keyOf(spelling: string): { key: string; words: number } {
  if (/^\p{L}+$/u.test(spelling)) return { key: fold(spelling), words: 1 };
  const parts = tokenize(spelling).filter((token) => token.text !== '-');
  return { key: parts.map((part) => part.key).join(''), words: parts.length };
}

/** 0 for a term that starts with the same letter as a word, else 1. */
function startsOtherwise(term: FoundTerm, key: string): number {
  return term.key[0] === key[0] ? 0 : 1;
}
