/**
 * The words of a language as a directed acyclic word graph: words that begin or end alike share their edges. It is a file of
 * unsigned 32-bit integers in the byte order of the machine that made it: the format, a fingerprint of what it was made
 * from, the index of the first edge at the root, then the edges. The edges of one node lie side by side. An edge holds, from
 * the lowest bit on: its letter (5 bits), whether it is the last of its node, what the letters up to it are (3 bits,
 * `wordKinds`), and the index of the first edge of the node it leads to (23 bits, 0: none).
 */
export const wordGraph = {
  format: 0x504e_4c31,
  headerLength: 3,
  letterBits: 0x1f,
  lastBit: 0x20,
  kindShift: 6,
  targetShift: 9,
} as const;

/** What letters that end in the graph are: a word, what a compound begins or goes on with, what it ends with. */
export const wordKinds = { word: 1, link: 2, tail: 4 } as const;

/** The letters that words in the graph are made of; the code of a letter is its place, from 1. */
export const wordLetters = "abcdefghijklmnopqrstuvwxyz'";

/** The words that everybody uses: never taken for misspelled terms. */
export interface OrdinaryWords {
  /** @param foldedWord without case and diacritics (`fold`) */
  has(foldedWord: string): boolean;
}

/** A shorter part makes compounds only where the list says so of the word: else `kar` and `ies` would make `karies`. */
const shortestFreePart = 5;
const shortestPart = 3;

/** A longer word is none: what looks at it stays cheap. */
const longestWord = 64;

/**
 * Reads a graph of words. A word is ordinary when it is in the graph, or a compound of words in it, at most four.
 * @param bytes what the build made of a dictionary
 * @throws Error when they are something else
 */
export function readOrdinaryWords(bytes: Uint8Array): OrdinaryWords {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const graph = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
  if (graph[0] !== wordGraph.format) throw new Error('this is no graph of words: build it again');
  const root = graph[2] ?? 0;

  /** Whether the letters from `from` on are a compound's rest, of so many parts at most; its first part may end it. */
  const isCompound = (word: string, from: number, parts: number): boolean => {
    let node = root;
    for (let at = from; at < word.length; at += 1) {
      const edge = edgeOf(graph, node, word.charCodeAt(at));
      if (edge === 0) return false;
      node = edge >>> wordGraph.targetShift;
      const length = at + 1 - from;
      if (length < shortestPart) continue;
      const kinds = edge >>> wordGraph.kindShift;
      const isFree = length >= shortestFreePart && (kinds & wordKinds.word) !== 0;
      if (at + 1 === word.length) return from > 0 && (isFree || (kinds & wordKinds.tail) !== 0);
      if (parts === 1 || !(isFree || (kinds & wordKinds.link) !== 0)) continue;
      if (isCompound(word, at + 1, parts - 1)) return true;
      // Dutch glues with an s: `verdoving-s-spuit`. Its other links, -en- and -e-, make words that are listed themselves.
      if (isFree && word[at + 1] === 's' && isCompound(word, at + 2, parts - 1)) return true;
    }
    return false;
  };

  return {
    has(word) {
      if (word.length > longestWord) return false;
      let edge = 0;
      let node = root;
      for (let at = 0; at < word.length; at += 1) {
        edge = edgeOf(graph, node, word.charCodeAt(at));
        if (edge === 0) break;
        node = edge >>> wordGraph.targetShift;
      }
      if (((edge >>> wordGraph.kindShift) & wordKinds.word) !== 0) return true;
      return isCompound(word, 0, 4);
    },
  };
}

/** The edge of a letter out of a node, 0 when there is none. */
function edgeOf(graph: Uint32Array, node: number, charCode: number): number {
  const isApostrophe = charCode === 0x27 || charCode === 0x2019;
  const letter = isApostrophe ? wordLetters.length : charCode - 0x60;
  if (node === 0 || letter < 1 || letter > wordLetters.length) return 0;
  for (let index = node; ; index += 1) {
    const edge = graph[index] ?? wordGraph.lastBit;
    if ((edge & wordGraph.letterBits) === letter) return edge;
    if ((edge & wordGraph.lastBit) !== 0) return 0;
  }
}
