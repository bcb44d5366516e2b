import type { Draft } from './draft.ts';
import { measureEnd, throughEnd } from './measures.ts';
import { cardinalAt, digitAt, quantityAt, unitAndTenAt } from './numbers.ts';
import { surfacesAt } from './surfaces.ts';
import { isJoinedBy, type Token } from './tokens.ts';

/** Folded words that open a list of teeth. */
const anchors = new Set(
  `element elementen tand tanden kies kiezen molaar molaren premolaar premolaren snijtand snijtanden
   hoektand hoektanden melkelement melkelementen melktand melktanden melkkies melkkiezen regio`.split(/\s+/),
);

/** What stands at a place of a tooth list; `to` is the index of the token behind it. */
type Item =
  | { kind: 'tooth'; value: number; to: number; isApart: boolean }
  /** A cardinal of two digits that is no FDI number. */
  | { kind: 'invalid'; value: number; to: number }
  /** Two digits said apart that are no FDI number. */
  | { kind: 'invalid-apart'; to: number }
  /** Another number, or a measure. */
  | { kind: 'other'; to: number };

/** Whether a number names a tooth in FDI notation (ISO 3950): 11-48 permanent, 51-85 milk teeth. */
function isTooth(value: number): boolean {
  const quadrant = Math.floor(value / 10);
  const position = value % 10;
  return position >= 1 && quadrant >= 1 && (quadrant <= 4 ? position <= 8 : quadrant <= 8 && position <= 5);
}

/** Writes teeth as FDI numbers and their surfaces as codes: in lists behind an anchor, elsewhere where a surface follows. */
export function writeTeeth(draft: Draft): void {
  const { tokens } = draft;
  let index = 0;
  while (index < tokens.length) {
    if (!draft.isFree(index)) index += 1;
    else if (anchors.has(tokens[index]?.key ?? '')) index = writeList(draft, behindAnchor(tokens, index));
    else index = writeUnanchoredTooth(draft, index) ?? quantityAt(tokens, index)?.to ?? index + 1;
  }
}

/** Reads a list from its first place on and returns the index of the token behind it. */
function writeList(draft: Draft, first: number): number {
  const { tokens } = draft;
  let end = first;
  let next = first;
  let before: Item | undefined;
  while (true) {
    const bySpace = before !== undefined && next === end;
    if (bySpace && !tokens[next]?.spaced) return end;
    const item = itemAt(tokens, next);
    if (!item || (bySpace && isArticle(tokens[next], item, before))) return end;
    const isWritten = item.kind === 'tooth' || (item.kind === 'invalid' && !bySpace);
    end = isWritten ? writeNumber(draft, next, item) : item.to;
    if (item.kind === 'invalid-apart') draft.invalidTeeth.push({ from: next, to: item.to });
    before = item;
    const range = isWritten ? throughEnd(tokens, end) : undefined;
    const last = range === undefined ? undefined : itemAt(tokens, range);
    if (range !== undefined && (last?.kind === 'tooth' || last?.kind === 'invalid')) {
      draft.rewrite({ from: end, to: range, output: 't/m', rule: 'tooth' });
      next = range;
    } else next = behindSeparators(tokens, end);
  }
}

/** Without an anchor, a valid tooth is one only right before a surface. Returns the index behind both. */
function writeUnanchoredTooth(draft: Draft, index: number): number | undefined {
  const { tokens } = draft;
  if (isInsideNumber(tokens, index)) return undefined;
  const item = itemAt(tokens, index);
  if (item?.kind !== 'tooth' || (item.isApart && isUnaccentedEen(tokens[index]))) return undefined;
  return surfacesAt(tokens, item.to).certain ? writeNumber(draft, index, item) : undefined;
}

/** Writes one number of two digits, with its surfaces if it is a tooth, and returns the index of the token behind it. */
function writeNumber(draft: Draft, from: number, item: Item & { value: number }): number {
  draft.rewrite({ from, to: item.to, output: String(item.value), rule: 'tooth' });
  if (item.kind === 'invalid') {
    draft.invalidTeeth.push({ from, to: item.to });
    return item.to;
  }
  const { runs } = surfacesAt(draft.tokens, item.to);
  if (runs.length === 0) draft.teeth.push({ tooth: item.value, surfaces: '', from, to: item.to });
  for (const [position, run] of runs.entries()) {
    draft.rewrite({ from: run.from, to: run.to, output: run.code, rule: 'surface' });
    const start = position === 0 ? from : run.from;
    draft.teeth.push({ tooth: item.value, surfaces: run.code, from: start, to: run.to });
  }
  return runs.at(-1)?.to ?? item.to;
}

/** What a number that begins at a token would be in a tooth list; undefined where no number begins. */
function itemAt(tokens: readonly Token[], index: number): Item | undefined {
  const measure = measureEnd(tokens, index);
  if (measure !== undefined) return { kind: 'other', to: measure };
  const joined = unitAndTenAt(tokens, index);
  if (joined && isTooth(joined.value) && !isMeasured(tokens, joined.to)) {
    return { kind: 'tooth', isApart: false, ...joined };
  }
  const cardinal = cardinalAt(tokens, index);
  if (!cardinal) return undefined;
  const { value, to } = cardinal;
  if (value < 10) return pairAt(tokens, index) ?? { kind: 'other', to };
  if (value > 99 || tokens[index]?.text.startsWith('0') || isCompound(tokens, to)) return { kind: 'other', to };
  return isTooth(value) ? { kind: 'tooth', value, to, isApart: false } : { kind: 'invalid', value, to };
}

/** Two digits said apart: `twee zes`, `2 6`, `2.6`, `2-6`; not the day and month of a date. */
function pairAt(tokens: readonly Token[], index: number): Item | undefined {
  const second = isJoinedBy(tokens, index + 1, '.-') ? index + 2 : index + 1;
  const to = second + 1;
  const quadrant = digitAt(tokens, index);
  const position = digitAt(tokens, second);
  if (quadrant === undefined || position === undefined || measureEnd(tokens, second) !== undefined) return undefined;
  if (second === index + 1 && !tokens[second]?.spaced) return undefined;
  if (isJoinedBy(tokens, to, '.-/:')) return undefined;
  const value = quadrant * 10 + position;
  return isTooth(value) ? { kind: 'tooth', value, to, isApart: true } : { kind: 'invalid-apart', to };
}

/** The token behind an anchor where its list may begin: `nummer` and a colon may stand between. */
function behindAnchor(tokens: readonly Token[], anchor: number): number {
  const behindNumber = tokens[anchor + 1]?.key === 'nummer' ? anchor + 2 : anchor + 1;
  return tokens[behindNumber]?.text === ':' ? behindNumber + 1 : behindNumber;
}

/** The token behind what may stand between two places of a list; a hyphen only between numbers (`dertien-drieëntwintig`). */
function behindSeparators(tokens: readonly Token[], index: number): number {
  let next = isJoinedBy(tokens, index, '-') ? index + 1 : index;
  while (tokens[next]?.text === ',' || tokens[next]?.key === 'en' || tokens[next]?.key === 'of') next += 1;
  return next;
}

/** `een` behind a finished number is the article (`26 een kroon`); between digits said apart it is one of them. */
function isArticle(token: Token | undefined, item: Item, before: Item | undefined): boolean {
  const isDigit = item.kind !== 'tooth' || item.isApart;
  return isDigit && isUnaccentedEen(token) && before?.kind === 'tooth' && !before.isApart;
}

/** Whether the number that ends before `to` goes on as a measure from its last word: `zes en twintig weken`. */
function isMeasured(tokens: readonly Token[], to: number): boolean {
  return measureEnd(tokens, to - 1) !== undefined;
}

/** The decimals of `1,36`, the year of a date: digits joined to digits before them. */
function isInsideNumber(tokens: readonly Token[], index: number): boolean {
  return isJoinedBy(tokens, index - 1, '.,-/:') && tokens[index - 2]?.kind === 'number';
}

/** `één` is always the number; `een` may be the article. */
function isUnaccentedEen(token: Token | undefined): boolean {
  return token?.text.toLowerCase() === 'een';
}

/** A number that a hyphen makes part of a word (`zesendertig-jarige`). */
function isCompound(tokens: readonly Token[], to: number): boolean {
  return isJoinedBy(tokens, to, '-') && tokens[to + 1]?.kind === 'word' && cardinalAt(tokens, to + 1) === undefined;
}
