/**
 * A piece of text that rules look at. White space is no token; `spaced` says that some stood before this one.
 * `start` and `end` are UTF-16 offsets into the text, half open.
 */
export interface Token {
  /** `word`: letters only; `number`: the digits 0-9 only; `other`: a mark, or anything mixed. */
  kind: 'word' | 'number' | 'other';
  start: number;
  end: number;
  text: string;
  /** The text without case and diacritics: what rules compare. */
  key: string;
  /** White space, or the beginning of the text, stands before it. */
  spaced: boolean;
}

const pieces = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*|\S/gu;

/** Cuts a text into tokens, in one pass. An address (`@`, `://`) is one token of kind `other`: no rule looks into it. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const chunk of text.matchAll(/\S+/g)) {
    const isAddress = chunk[0].includes('@') || chunk[0].includes('://');
    let spaced = true;
    for (const piece of isAddress ? [chunk] : chunk[0].matchAll(pieces)) {
      const start = isAddress ? chunk.index : chunk.index + piece.index;
      const kind = isAddress ? 'other' : kindOf(piece[0]);
      tokens.push({ kind, start, end: start + piece[0].length, text: piece[0], key: fold(piece[0]), spaced });
      spaced = false;
    }
  }
  return tokens;
}

/** Lower case without diacritics: `Cariës` and `caries` fold to the same key. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  return /^[\p{ASCII}]*$/u.test(lower) ? lower : lower.normalize('NFD').replace(/\p{M}/gu, '');
}

/** Whether two neighbouring tokens are parts of one expression, with the named mark and no space between them. */
export function isJoinedBy(tokens: readonly Token[], index: number, marks: string): boolean {
  const mark = tokens[index];
  const next = tokens[index + 1];
  return mark?.kind === 'other' && !mark.spaced && marks.includes(mark.text) && next !== undefined && !next.spaced;
}

function kindOf(piece: string): Token['kind'] {
  if (/^[0-9]+$/.test(piece)) return 'number';
  return /^\p{L}/u.test(piece) && !/\p{N}/u.test(piece) ? 'word' : 'other';
}
