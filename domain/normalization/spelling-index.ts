/** How many edits a misspelled word of so many letters may be away from a term; 0: it has to be exact. */
export function editsAllowed(letters: number): number {
  if (letters < 6) return 0;
  return letters < 9 ? 1 : 2;
}

/** Keys that are nearest to a word, by their places, and how many edits away they are. */
export interface NearestKeys {
  distance: number;
  places: readonly number[];
}

/** Only so many first letters are indexed; whole keys are compared. */
const indexedLetters = 7;

/** So many remainders at most of so many letters, less up to two: itself, 7 less one, 21 less two. */
const mostRemainders = 29;

/**
 * Finds keys that are an edit or two away from a word: an insertion, a deletion, a change, a swap of neighbours. Words so near
 * share what is left of their first letters when one or two of them are deleted; that is looked up by its hash (the idea of
 * W. Garbe's SymSpell, https://github.com/wolfgarbe/SymSpell). The number of keys hardly counts, but how many begin alike.
 */
export class SpellingIndex {
  readonly #keys: readonly string[];
  readonly #longest: number;
  readonly #distance: BoundedDistance;
  /** By bucket, its last remainder; by remainder, its key and the one before in its bucket. Counted from 1, 0 is none. */
  readonly #last: Uint32Array;
  readonly #owners: Uint32Array;
  readonly #before: Uint32Array;
  /** The search in which a key was compared last: it has several remainders. */
  readonly #comparedIn: Uint32Array;
  readonly #remainders = new Uint32Array(mostRemainders);
  #searches = 0;

  constructor(keys: readonly string[]) {
    this.#keys = keys;
    this.#longest = keys.reduce((longest, key) => Math.max(longest, key.length), 0);
    this.#distance = boundedDistance(this.#longest + 2);
    this.#comparedIn = new Uint32Array(keys.length);
    const owners = new Uint32Array(keys.length * mostRemainders + 1);
    const before = new Uint32Array(owners.length);
    this.#last = new Uint32Array(2 ** Math.floor(Math.log2(owners.length)));
    let count = 0;
    for (const [place, key] of keys.entries()) {
      // The longest word that may mean it is two letters longer.
      const remainders = hashRemainders(key, editsAllowed(key.length + 2), this.#remainders);
      for (let index = 0; index < remainders; index += 1) {
        const bucket = this.#bucketOf(index);
        count += 1;
        owners[count] = place;
        before[count] = this.#last[bucket] ?? 0;
        this.#last[bucket] = count;
      }
    }
    this.#owners = owners.slice(0, count + 1);
    this.#before = before.slice(0, count + 1);
  }

  /** The nearest keys within the edits that a word of this length may have. */
  nearest(word: string): NearestKeys {
    let limit = editsAllowed(word.length);
    let places: number[] = [];
    if (limit === 0 || word.length > this.#longest + limit) return { distance: limit, places };
    this.#searches += 1;
    const remainders = hashRemainders(word, limit, this.#remainders);
    for (let index = 0; index < remainders; index += 1) {
      let entry = this.#last[this.#bucketOf(index)] ?? 0;
      for (; entry > 0; entry = this.#before[entry] ?? 0) {
        const place = this.#owners[entry] ?? 0;
        if (this.#comparedIn[place] === this.#searches) continue;
        this.#comparedIn[place] = this.#searches;
        const distance = this.#distance(word, this.#keys[place] ?? '', limit);
        if (distance > limit) continue;
        if (distance < limit) places = [];
        limit = distance;
        places.push(place);
      }
    }
    return { distance: limit, places };
  }

  /** The high bits of a remainder's hash mixed into the low ones, of which there are as many as buckets. */
  #bucketOf(index: number): number {
    const hash = this.#remainders[index] ?? 0;
    return (hash ^ (hash >>> 15)) & (this.#last.length - 1);
  }
}

/**
 * Writes the hashes of what is left of a word's first letters, less each choice of up to so many of them.
 * @param into takes `mostRemainders`
 * @returns how many there are
 */
function hashRemainders(word: string, deletions: number, into: Uint32Array): number {
  const letters = Math.min(word.length, indexedLetters);
  // FNV-1a over the units: http://www.isthe.com/chongo/tech/comp/fnv/
  const goOn = (hash: number, from: number) => {
    let result = hash;
    for (let at = from; at < letters; at += 1) result = Math.imul(result ^ word.charCodeAt(at), 0x01000193);
    return result;
  };
  let count = 0;
  let before = 0x811c9dc5;
  into[count++] = goOn(before, 0);
  for (let first = 0; first < letters && deletions > 0; first += 1) {
    into[count++] = goOn(before, first + 1);
    let between = before;
    for (let second = first + 1; second < letters && deletions > 1; second += 1) {
      into[count++] = goOn(between, second + 1);
      between = Math.imul(between ^ word.charCodeAt(second), 0x01000193);
    }
    before = Math.imul(before ^ word.charCodeAt(first), 0x01000193);
  }
  return count;
}

/** The edits between two texts, or a number above the limit when they are more. */
type BoundedDistance = (a: string, b: string, limit: number) => number;

/**
 * Damerau's distance as optimal string alignment (no letter is edited twice), in the band of cells that a few edits can reach.
 * @param longest letters of the longer text, at most
 */
function boundedDistance(longest: number): BoundedDistance {
  let beforeLast = new Uint8Array(longest + 3);
  let last = new Uint8Array(longest + 3);
  let row = new Uint8Array(longest + 3);
  return (a, b, limit) => {
    const far = limit + 1;
    if (Math.abs(a.length - b.length) > limit) return far;
    for (let j = 0; j <= far; j += 1) last[j] = j;
    for (let i = 1; i <= a.length; i += 1) {
      const from = Math.max(1, i - limit);
      const to = Math.min(b.length, i + limit);
      row[from - 1] = from === 1 ? Math.min(i, far) : far;
      let least = row[from - 1] ?? far;
      for (let j = from; j <= to; j += 1) {
        const isSame = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
        let distance = (last[j - 1] ?? far) + (isSame ? 0 : 1);
        distance = Math.min(distance, (last[j] ?? far) + 1, (row[j - 1] ?? far) + 1);
        const isSwap = i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2);
        if (isSwap && a.charCodeAt(i - 2) === b.charCodeAt(j - 1)) {
          distance = Math.min(distance, (beforeLast[j - 2] ?? far) + 1);
        }
        row[j] = distance;
        least = Math.min(least, distance);
      }
      // The next row looks one cell beyond.
      row[to + 1] = far;
      if (least > limit) return far;
      [beforeLast, last, row] = [last, row, beforeLast];
    }
    return last[b.length] ?? far;
  };
}
