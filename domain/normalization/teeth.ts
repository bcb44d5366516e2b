import type { Draft } from './draft.ts';
import { measureAt, throughEnd } from './measures.ts';
import { cardinalAt, digitAt, isLikeNumber, quantityAt, unitAndTenAt } from './numbers.ts';
import { surfaceRunAt } from './surfaces.ts';
import { isInsideNumber, isJoinedBy, type Token, type Tokens } from './tokens.ts';

/** Folded words that open a list of teeth. */
export const anchors = new Set(
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
  let index = 0;
  while (index < draft.length) {
    draft.decide(index);
    const token = draft.at(index);
    if (!draft.isFree(index)) index += 1;
    else if (anchors.has(token?.key ?? '')) index = writeList(draft, behindAnchor(draft, index));
    else if (!isLikeNumber(token)) index += 1;
    else index = writeUnanchoredTooth(draft, index) ?? quantityAt(draft, index)?.to ?? index + 1;
  }
}

/** Reads a list from its first place on and returns the index of the token behind it. */
function writeList(draft: Draft, first: number): number {
  let end = first;
  let next = first;
  let before: Item | undefined;
  while (true) {
    draft.decide(next);
    const bySpace = before !== undefined && next === end;
    if (bySpace && !draft.at(next)?.spaced) return end;
    const item = itemAt(draft, next);
    if (!item || (bySpace && isArticle(draft.at(next), item, before))) return end;
    const isWritten = item.kind === 'tooth' || (item.kind === 'invalid' && !bySpace);
    end = isWritten ? writeNumber(draft, next, item) : item.to;
    if (item.kind === 'invalid-apart') draft.invalidTeeth.push({ from: next, to: item.to });
    before = item;
    draft.decide(end);
    const range = isWritten ? throughEnd(draft, end) : undefined;
    const last = range === undefined ? undefined : itemAt(draft, range);
    if (range !== undefined && (last?.kind === 'tooth' || last?.kind === 'invalid')) {
      draft.rewrite({ from: end, to: range, output: 't/m', rule: 'tooth' });
      next = range;
    } else next = behindSeparators(draft, end);
  }
}

/** Without an anchor, a valid tooth is one only right before a surface. Returns the index behind both. */
function writeUnanchoredTooth(draft: Draft, index: number): number | undefined {
  if (isInsideNumber(draft, index)) return undefined;
  const item = itemAt(draft, index);
  if (item?.kind !== 'tooth' || (item.isApart && isUnaccentedEen(draft.at(index)))) return undefined;
  // `36 b` is a house number, `drie zes b` is not.
  const isSaidApart = item.isApart && draft.at(index)?.kind === 'word';
  const surfaces = surfaceRunAt(draft, item.to);
  return surfaces && (surfaces.certain || isSaidApart) ? writeNumber(draft, index, item) : undefined;
}

/** Writes one number of two digits, with its surfaces if it is a tooth, and returns the index of the token behind it. */
function writeNumber(draft: Draft, from: number, item: Item & { value: number }): number {
  draft.rewrite({ from, to: item.to, output: String(item.value), rule: 'tooth' });
  if (item.kind === 'invalid') {
    draft.invalidTeeth.push({ from, to: item.to });
    return item.to;
  }
  let end = item.to;
  draft.decide(end);
  let run = surfaceRunAt(draft, end);
  if (!run) draft.teeth.push({ tooth: item.value, surfaces: '', from, to: end });
  while (run) {
    draft.rewrite({ from: run.from, to: run.to, output: run.code, rule: 'surface' });
    draft.teeth.push({ tooth: item.value, surfaces: run.code, from: end === item.to ? from : run.from, to: run.to });
    end = run.to;
    draft.decide(end);
    run = draft.at(end)?.key === 'en' ? surfaceRunAt(draft, end + 1) : undefined;
  }
  return end;
}

/** What a number that begins at a token would be in a tooth list; undefined where no number begins. */
function itemAt(tokens: Tokens, index: number): Item | undefined {
  const measure = measureAt(tokens, index);
  if (measure) return { kind: 'other', to: measure.to };
  const joined = unitAndTenAt(tokens, index);
  if (joined && isTooth(joined.value) && !isMeasured(tokens, joined.to)) {
    return { kind: 'tooth', isApart: false, ...joined };
  }
  const cardinal = cardinalAt(tokens, index);
  if (!cardinal) return undefined;
  const { value, to } = cardinal;
  if (value < 10) return pairAt(tokens, index) ?? { kind: 'other', to };
  if (value > 99 || tokens.at(index)?.text.startsWith('0') || isCompound(tokens, to)) return { kind: 'other', to };
  return isTooth(value) ? { kind: 'tooth', value, to, isApart: false } : { kind: 'invalid', value, to };
}

/** Two digits said apart: `twee zes`, `2 6`, `2.6`, `2-6`; not the day and month of a date. */
function pairAt(tokens: Tokens, index: number): Item | undefined {
  const second = isJoinedBy(tokens, index + 1, '.-') ? index + 2 : index + 1;
  const to = second + 1;
  const quadrant = digitAt(tokens, index);
  const position = digitAt(tokens, second);
  if (quadrant === undefined || position === undefined || measureAt(tokens, second)) return undefined;
  if (second === index + 1 && !tokens.at(second)?.spaced) return undefined;
  if (isJoinedBy(tokens, to, '.-/:')) return undefined;
  const value = quadrant * 10 + position;
  return isTooth(value) ? { kind: 'tooth', value, to, isApart: true } : { kind: 'invalid-apart', to };
}

/** The token behind an anchor where its list may begin: `nummer` and a colon may stand between. */
function behindAnchor(tokens: Tokens, anchor: number): number {
  const behindNumber = tokens.at(anchor + 1)?.key === 'nummer' ? anchor + 2 : anchor + 1;
  return tokens.at(behindNumber)?.text === ':' ? behindNumber + 1 : behindNumber;
}

/**
 * The token behind what may stand between two places of a list: `,`, `en`, `of`, `en/of`; a hyphen only between numbers
 * (`dertien-drieëntwintig`).
 */
function behindSeparators(tokens: Tokens, index: number): number {
  let next = isJoinedBy(tokens, index, '-') ? index + 1 : index;
  while (isSeparator(tokens, next)) next += 1;
  return next;
}

function isSeparator(tokens: Tokens, index: number): boolean {
  const token = tokens.at(index);
  if (token?.kind === 'word') return token.key === 'en' || token.key === 'of';
  return token?.text === ',' || isJoinedBy(tokens, index, '/');
}

/** `een` behind a finished number is the article (`26 een kroon`); between digits said apart it is one of them. */
function isArticle(token: Token | undefined, item: Item, before: Item | undefined): boolean {
  const isDigit = item.kind !== 'tooth' || item.isApart;
  return isDigit && isUnaccentedEen(token) && before?.kind === 'tooth' && !before.isApart;
}

/** Whether the number that ends before `to` goes on as a measure from its last word: `zes en twintig weken`. */
function isMeasured(tokens: Tokens, to: number): boolean {
  return measureAt(tokens, to - 1) !== undefined;
}

/** `één` is always the number; `een` may be the article. */
function isUnaccentedEen(token: Token | undefined): boolean {
  return token?.text.toLowerCase() === 'een';
}

/** A number that a hyphen makes part of a word (`zesendertig-jarige`). */
function isCompound(tokens: Tokens, to: number): boolean {
  return isJoinedBy(tokens, to, '-') && tokens.at(to + 1)?.kind === 'word' && cardinalAt(tokens, to + 1) === undefined;
}
