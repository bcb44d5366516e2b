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

/** The tokens of a text, for reading: a draft, which minds what is read, or an array. */
export interface Tokens {
  /** The token at an index of 0 or more, or undefined behind the last. */
  at(index: number): Token | undefined;
}

/** What a character is to the tokenizer; each a bit, so that what a piece is made of adds up. */
const space = 1;
const letter = 2;
const accent = 4;
const digit = 8;
const numeral = 16;
const apostrophe = 32;
const mark = 64;
const beyondAscii = 128;
/** What words and numbers are made of; an apostrophe only between two of these. */
const wordPart = letter | accent | digit | numeral;

const asciiClasses = Uint8Array.from({ length: 128 }, (_, code) => classOf(String.fromCharCode(code)));

/** Digits with a unit right behind them (`5mm`), which are two tokens. */
const measured = /^([0-9]+)(?:mm|cm|ml|[mµμ]g)$/i;

/** Cuts a text into tokens, in one pass. An address (`@`, `://`) is one token of kind `other`: no rule looks into it. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (classAt(text, at) & space) {
      at += 1;
      continue;
    }
    const start = at;
    const first = tokens.length;
    while (at < text.length && !(classAt(text, at) & space)) at = addPiece(tokens, text, at, at === start);
    const chunk = text.slice(start, at);
    if (chunk.includes('@') || chunk.includes('://')) {
      tokens.length = first;
      tokens.push({ kind: 'other', start, end: at, text: chunk, key: fold(chunk), spaced: true });
    }
  }
  return tokens;
}

/** Adds the word, number or mark that begins at an offset, and returns where it ends. */
function addPiece(tokens: Token[], text: string, start: number, spaced: boolean): number {
  const first = classAt(text, start);
  let seen = first;
  let end = start + widthAt(text, start);
  while (seen & wordPart && end < text.length) {
    const next = classAt(text, end);
    const isInside = next & apostrophe && end + 1 < text.length && classAt(text, end + 1) & wordPart;
    if (!isInside && !(next & wordPart)) break;
    seen |= next;
    end += widthAt(text, end);
  }
  const piece = text.slice(start, end);
  const digits = seen & digit && seen & letter ? measured.exec(piece)?.[1] : undefined;
  if (digits) {
    const middle = start + digits.length;
    tokens.push({ kind: 'number', start, end: middle, text: digits, key: digits, spaced });
    const unit = piece.slice(digits.length);
    tokens.push({ kind: 'word', start: middle, end, text: unit, key: fold(unit), spaced: false });
  } else {
    const key = seen & beyondAscii ? fold(piece) : piece.toLowerCase();
    tokens.push({ kind: kindOf(first, seen), start, end, text: piece, key, spaced });
  }
  return end;
}

function kindOf(first: number, seen: number): Token['kind'] {
  if (seen === digit) return 'number';
  return first & letter && !(seen & (digit | numeral)) ? 'word' : 'other';
}

function classAt(text: string, at: number): number {
  const ascii = asciiClasses[text.charCodeAt(at)];
  return ascii ?? classOf(String.fromCodePoint(text.codePointAt(at) ?? 0)) | beyondAscii;
}

function classOf(character: string): number {
  if (!/[\s\p{L}\p{M}\p{N}'’]/u.test(character)) return mark;
  if (/\s/.test(character)) return space;
  if (/\p{L}/u.test(character)) return letter;
  if (/\p{M}/u.test(character)) return accent;
  if (/[0-9]/.test(character)) return digit;
  return /\p{N}/u.test(character) ? numeral : apostrophe;
}

/** 2 for a character beyond the basic plane, which takes two code units. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/**
 * How many tokens, from the first on, stay what they are whatever follows the text: all but those behind the last white
 * space, which may still become a longer word or an address.
 */
export function settledTokens(text: string, tokens: readonly Token[]): number {
  if (/\s/.test(text.slice(-1))) return tokens.length;
  return Math.max(
    0,
    tokens.findLastIndex((token) => token.spaced),
  );
}

/** Lower case without diacritics: `Cariës` and `caries` fold to the same key. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  return /^[\p{ASCII}]*$/u.test(lower) ? lower : lower.normalize('NFD').replace(/\p{M}/gu, '');
}

/** Whether two neighbouring tokens are parts of one expression, with the named mark and no space between them. */
export function isJoinedBy(tokens: Tokens, index: number, marks: string): boolean {
  const mark = tokens.at(index);
  if (mark?.kind !== 'other' || mark.spaced || !marks.includes(mark.text)) return false;
  const next = tokens.at(index + 1);
  return next !== undefined && !next.spaced;
}

/** The decimals of `1,36`, the year of a date: a token joined to digits before it. */
export function isInsideNumber(tokens: Tokens, index: number): boolean {
  return index > 1 && isJoinedBy(tokens, index - 1, '.,-/:') && tokens.at(index - 2)?.kind === 'number';
}
