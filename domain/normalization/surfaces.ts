import type { Draft } from './draft.ts';
import { isSurelyLetter, letterAt } from './letters.ts';
import { isJoinedBy } from './tokens.ts';

/** Tooth surfaces: what dentists say for them, and the code a record holds. */

/** Stems of the surface words; a stem is followed by `o` inside a word and by one of `endings` at its end. */
const stems: readonly (readonly [stem: string, letter: string, endings: readonly string[]])[] = [
  ['mesi', 'M', ['aal', 'o']],
  ['occlus', 'O', ['aal', 'o']],
  ['incis', 'I', ['aal', 'o']],
  ['dist', 'D', ['aal', 'o']],
  ['bucc', 'B', ['aal', 'o']],
  ['vestibul', 'V', ['air']],
  ['lingu', 'L', ['aal', 'o']],
  ['palatin', 'P', ['aal']],
  ['palat', 'P', ['o']],
];

const recordOrder = 'MOIDBVLP';
/** Surfaces that lie in the same direction: a code holds one of them. */
const sameDirection = ['OI', 'BV', 'LP'];
/** A preposition far more often than a code. */
const preposition = 'op';
/** A letter name that is also a colloquial `hij`: no surface where nothing but the tooth stands before it. */
const pronoun = 'ie';

/** Letter names that mean nothing else: alone behind a number they are a surface. */
const sureNames = new Set(['em', 'oo', 'dee', 'bee', 'pee']);

/** One code to be written in place of the tokens `from` up to but not including `to`. */
interface SurfaceRun {
  from: number;
  to: number;
  code: string;
  /** No lone letter, and no code that is a unit or abbreviation as well (`55 dB`): it makes a number a tooth. */
  certain: boolean;
}

/** A surface word, code or row of spelled letters, or several of them. */
interface Piece {
  to: number;
  letters: string;
  /** As in `SurfaceRun`. */
  certain: boolean;
}

/** The run of surfaces that begins at a token, of which none is claimed. */
export function surfaceRunAt(draft: Draft, from: number): SurfaceRun | undefined {
  if (!draft.at(from)?.spaced || draft.at(from)?.key === pronoun) return undefined;
  let letters = '';
  let certain = false;
  let to = from;
  for (let piece = hyphenatedAt(draft, to); piece; ) {
    letters += piece.letters;
    certain ||= piece.certain;
    to = piece.to;
    piece = draft.at(to)?.spaced ? hyphenatedAt(draft, to) : undefined;
  }
  return to === from ? undefined : { from, to, code: codeOf(letters), certain };
}

/** Letters in record order, each once: M, O or I, D, B or V, L or P; without an M the D goes first. */
function codeOf(letters: string): string {
  const code = [...recordOrder].filter((letter) => letters.includes(letter)).join('');
  return code.includes('D') && !code.includes('M') ? `D${code.replace('D', '')}` : code;
}

/** Pieces joined by hyphens, if all of the expression is surfaces: not `mesio-angulair`, not the `d` of `d.d.`. */
function hyphenatedAt(draft: Draft, index: number): Piece | undefined {
  let whole = pieceAt(draft, index);
  while (whole && isJoinedBy(draft, whole.to, '-')) {
    const piece = pieceAt(draft, whole.to + 1);
    whole = piece && { to: piece.to, letters: whole.letters + piece.letters, certain: true };
  }
  return whole && isJoinedBy(draft, whole.to, './') && draft.at(whole.to + 1)?.kind !== 'other' ? undefined : whole;
}

function pieceAt(draft: Draft, index: number): Piece | undefined {
  const token = draft.at(index);
  if (token?.kind !== 'word' || !draft.isFree(index)) return undefined;
  const word = surfaceWord(token.key);
  if (word) return { letters: word, to: index + 1, certain: true };
  const code = codeWord(token.key);
  return code ? { letters: code, to: index + 1, certain: /[OI]|MD/.test(code) } : spelledAt(draft, index);
}

/** Letters of a word made of surface words: `mesiaal`, `mesio`, `mesiodistaal`, `mesiocclusaal`. */
function surfaceWord(key: string): string | undefined {
  let letters = '';
  let rest = key;
  while (rest !== '') {
    const found = stems.find(([stem]) => rest.startsWith(stem));
    if (!found) return undefined;
    const [stem, letter, endings] = found;
    letters += letter;
    rest = rest.slice(stem.length);
    if (endings.includes(rest)) return letters;
    if (rest.startsWith('o') && !rest.startsWith('occlus')) rest = rest.slice(1);
    else if (!rest.startsWith('occlus')) return undefined;
  }
  return undefined;
}

/** Letters of a code said as a word: `mod`, `do`. `om`, `vol` or `bod` hold such letters too, in no order of a code. */
function codeWord(key: string): string | undefined {
  if (key.length < 2 || key.length > 5 || key === preposition) return undefined;
  return /^m?(?:[oi]?d?|d[oi])[bv]?[lp]?$/.test(key) ? key.toUpperCase() : undefined;
}

/**
 * Letters said one by one, alone or in a row: `em oo dee`, `m-o-d`. A row that holds another letter, or two surfaces in
 * one direction, spells something else.
 */
function spelledAt(draft: Draft, index: number): Piece | undefined {
  let spelled = '';
  let to = index;
  for (let letter = surfaceLetterAt(draft, to); letter; ) {
    spelled += letter;
    to += 1;
    const next = isJoinedBy(draft, to, '-') ? to + 1 : to;
    letter = next > to || draft.at(next)?.spaced ? surfaceLetterAt(draft, next) : undefined;
    if (letter) to = next;
  }
  if (spelled === '' || spelled.length > recordOrder.length) return undefined;
  const letters = spelled.toUpperCase();
  const isCode =
    [...letters].every((letter) => recordOrder.includes(letter)) &&
    new Set(letters).size === letters.length &&
    !sameDirection.some(([one = '', other = '']) => letters.includes(one) && letters.includes(other));
  return isCode ? { letters, to, certain: letters.length > 1 || sureNames.has(draft.at(index)?.key ?? '') } : undefined;
}

/** The letter at a token that isn't claimed; not `en` and the like, which are words there. */
function surfaceLetterAt(draft: Draft, index: number): string | undefined {
  const token = draft.at(index);
  const isLetter = token && (token.key === pronoun || isSurelyLetter(token)) && draft.isFree(index);
  return isLetter ? letterAt(token) : undefined;
}
