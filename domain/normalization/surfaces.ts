import { isJoinedBy, type Token } from './tokens.ts';

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

/** Names of the letters as Dutch recognisers write them, without those that are everyday words (`en`, `er`, `u`). */
const letterNames = new Map(
  `aa:a bee:b see:c cee:c dee:d ee:e ef:f gee:g haa:h ie:i jee:j kaa:k el:l em:m oo:o pee:p ku:q tee:t uu:u vee:v wee:w
   iks:x ij:y zet:z`
    .split(/\s+/)
    .map((pair) => pair.split(':') as [string, string]),
);

const recordOrder = 'MOIDBVLP';
/** Surfaces that lie in the same direction: a code holds one of them. */
const sameDirection = ['OI', 'BV', 'LP'];
/** A preposition far more often than a code. */
const preposition = 'op';
/** An acronym of its own: bleeding on probing. */
const acronym = 'bop';
/** A letter name that is also a colloquial `hij`: no surface where nothing but the tooth stands before it. */
const pronoun = 'ie';

/** One code to be written in place of the tokens `from` up to but not including `to`. */
interface SurfaceRun {
  from: number;
  to: number;
  code: string;
}

/** The runs behind a tooth (`mesiaal en distaal` is two) and whether they are more than one lone letter. */
interface Surfaces {
  runs: SurfaceRun[];
  certain: boolean;
}

/** A surface word, code or row of spelled letters, or several of them. */
interface Piece {
  to: number;
  letters: string;
  /** More than one lone letter. */
  certain: boolean;
}

/** Reads the surfaces that begin at a token, the first one behind a tooth. No runs: there are none. */
export function surfacesAt(tokens: readonly Token[], index: number): Surfaces {
  const surfaces: Surfaces = { runs: [], certain: false };
  for (let from = index; tokens[from]?.spaced && tokens[from]?.key !== pronoun; ) {
    let letters = '';
    let to = from;
    for (let piece = hyphenatedAt(tokens, to); piece; ) {
      letters += piece.letters;
      surfaces.certain ||= piece.certain;
      to = piece.to;
      piece = tokens[to]?.spaced ? hyphenatedAt(tokens, to) : undefined;
    }
    if (to === from) break;
    surfaces.runs.push({ from, to, code: codeOf(letters) });
    if (tokens[to]?.key !== 'en') break;
    from = to + 1;
  }
  return surfaces;
}

/** Letters in record order, each once: M, O or I, D, B or V, L or P; without an M the D goes first. */
function codeOf(letters: string): string {
  const code = [...recordOrder].filter((letter) => letters.includes(letter)).join('');
  return code.includes('D') && !code.includes('M') ? `D${code.replace('D', '')}` : code;
}

/** Pieces joined by hyphens, if all of the expression is surfaces: not `mesio-angulair`, not the `d` of `d.d.`. */
function hyphenatedAt(tokens: readonly Token[], index: number): Piece | undefined {
  let whole = pieceAt(tokens, index);
  while (whole && isJoinedBy(tokens, whole.to, '-')) {
    const piece = pieceAt(tokens, whole.to + 1);
    whole = piece && { to: piece.to, letters: whole.letters + piece.letters, certain: true };
  }
  return whole && isJoinedBy(tokens, whole.to, './') && tokens[whole.to + 1]?.kind !== 'other' ? undefined : whole;
}

function pieceAt(tokens: readonly Token[], index: number): Piece | undefined {
  const token = tokens[index];
  if (token?.kind !== 'word') return undefined;
  const letters = surfaceWord(token.key) ?? codeWord(token.key);
  return letters === undefined ? spelledAt(tokens, index) : { letters, to: index + 1, certain: true };
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
 * one direction, spells something else (`o p g`).
 */
function spelledAt(tokens: readonly Token[], index: number): Piece | undefined {
  let spelled = '';
  let to = index;
  for (let letter = letterAt(tokens[to]); letter; ) {
    spelled += letter;
    to += 1;
    const next = isJoinedBy(tokens, to, '-') ? to + 1 : to;
    letter = next > to || tokens[next]?.spaced ? letterAt(tokens[next]) : undefined;
    if (letter) to = next;
  }
  if (spelled === '' || spelled.length > recordOrder.length || spelled.includes(acronym)) return undefined;
  const letters = spelled.toUpperCase();
  const isCode =
    [...letters].every((letter) => recordOrder.includes(letter)) &&
    new Set(letters).size === letters.length &&
    !sameDirection.some(([one = '', other = '']) => letters.includes(one) && letters.includes(other));
  return isCode ? { letters, to, certain: letters.length > 1 } : undefined;
}

function letterAt(token: Token | undefined): string | undefined {
  if (token?.kind !== 'word') return undefined;
  if (token.key.length === 1 && token.key !== 'u' && /[a-z]/.test(token.key)) return token.key;
  return letterNames.get(token.key);
}
