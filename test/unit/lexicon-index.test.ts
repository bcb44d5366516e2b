import { describe, expect, it } from 'vitest';
import { editsAllowed, SpellingIndex } from '../../domain/normalization/spelling-index.ts';
import { TermTrie } from '../../domain/normalization/term-trie.ts';
import { randomFrom } from '../support/random.ts';

const random = randomFrom(20_261_120);

function pick<T>(list: ArrayLike<T>): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** Words of few syllables, so that many are alike. */
function madeUpWord(): string {
  const syllables = ['pa', 'ro', 'don', 'ti', 'tis', 'gin', 'gi', 'vi', 'kom', 'po', 'siet', 'ka', 'ri', 'es'];
  return Array.from({ length: 2 + Math.floor(random() * 4) }, () => pick(syllables)).join('');
}

function misspell(word: string): string {
  const at = Math.floor(random() * word.length);
  const letter = pick('abdeginoprstvz');
  const before = word.slice(0, at);
  return pick([
    before + letter + word.slice(at),
    before + word.slice(at + 1),
    before + letter + word.slice(at + 1),
    before +
      word
        .slice(at, at + 2)
        .split('')
        .reverse()
        .join('') +
      word.slice(at + 2),
  ]);
}

/** Optimal string alignment by its textbook definition, over the whole table. */
function distance(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  const cell = (i: number, j: number) => table[i]?.[j] ?? Number.NaN;
  for (let j = 0; j <= b.length; j += 1) (table[0] as number[])[j] = j;
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      const change = cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? cell(i - 2, j - 2) + 1 : change;
      (table[i] as number[])[j] = Math.min(change, swap, cell(i - 1, j) + 1, cell(i, j - 1) + 1);
    }
  }
  return cell(a.length, b.length);
}

describe('the index of spellings', () => {
  const keys = [...new Set(Array.from({ length: 400 }, madeUpWord))];
  const index = new SpellingIndex(keys);
  const words = Array.from({ length: 400 }, () => {
    const once = misspell(pick(keys));
    return pick([once, misspell(once), misspell(misspell(once))]);
  });

  it('finds exactly the nearest keys that a comparison with each of them finds', () => {
    let found = 0;
    for (const word of words) {
      const distances = keys.map((key) => distance(word, key));
      const least = Math.min(...distances);
      const isNear = least <= editsAllowed(word.length) && editsAllowed(word.length) > 0;
      const expected = isNear ? keys.filter((_, place) => distances[place] === least) : [];
      const nearest = index.nearest(word);
      expect(nearest.places.map((place) => keys[place]).toSorted(), word).toEqual(expected.toSorted());
      if (isNear) expect(nearest.distance, word).toBe(least);
      found += nearest.places.length;
    }
    expect(found).toBeGreaterThan(200);
  });

  it('allows no edit below six letters, one below nine, else two', () => {
    expect([5, 6, 8, 9, 40].map(editsAllowed)).toEqual([0, 1, 1, 2, 2]);
  });

  it('finds nothing among no keys, and nothing for a word that is much longer than any', () => {
    expect(new SpellingIndex([]).nearest('parodontitis').places).toEqual([]);
    expect(index.nearest('a'.repeat(100_000)).places).toEqual([]);
  });
});

describe('the trie of terms', () => {
  const keys = ['tand', 'tandsteen', 'tandvlees', 'x'];
  const trie = new TermTrie(keys);

  it('leads along what keys begin with, in any pieces', () => {
    const tand = trie.follow(0, 'tand');
    expect(tand).toBeDefined();
    expect(trie.placeAt(tand ?? 0)).toBe(0);
    const steen = trie.follow(tand ?? 0, 'steen');
    expect(trie.placeAt(steen ?? 0)).toBe(1);
    expect(trie.follow(tand ?? 0, 'arts')).toBeUndefined();
    expect(trie.placeAt(trie.follow(0, 'tan') ?? 0)).toBeUndefined();
  });

  it('knows where keys go on', () => {
    const [tand, whole] = [trie.follow(0, 'tand'), trie.follow(0, 'tandvlees')];
    expect([tand, whole].map((node) => trie.goesOn(node ?? 0))).toEqual([true, false]);
  });
});
