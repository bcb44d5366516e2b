import { acronymAt } from './acronyms.ts';
import type { Draft } from './draft.ts';
import { measureAt, writeMeasure } from './measures.ts';
import { cardinalAt, quantityAt } from './numbers.ts';
import { isJoinedBy, type Tokens } from './tokens.ts';

/** Folded words whose numbers are depths. */
export const depthWords = new Set(
  `pocket pockets pocketdiepte pocketdieptes pocketdiepten sondeerdiepte sondeerdieptes sondeerdiepten`.split(/\s+/),
);

/** Folded words whose number is written in digits. */
const gradeWords = new Set(['graad', 'kwadrant', 'sextant', 'divisie', 'stadium']);

const romanNumerals = ['', 'I', 'II', 'III'];
/** Dutch Periodontal Screening Index: 0 to 4. */
const highestDpsi = 4;
const signs = new Map([
  ['min', '-'],
  ['plus', '+'],
]);

/** Words behind `van een` where `een` is a depth and no article: `pocket van een bij element zestien`. */
const behindDepth = new Set(['bij', 'op', 'aan', 'en', 'of', 'tot']);

/** Writes scores: `DPSI 3-`, depths behind `pocket` in digits, grades in digits and classes in Roman numerals. */
export function writeScores(draft: Draft): void {
  let index = 0;
  while (index < draft.length) {
    draft.decide(index);
    const key = draft.at(index)?.key ?? '';
    if (depthWords.has(key)) index = writeDepths(draft, behindColon(draft, index + 1));
    else if (gradeWords.has(key)) index = writeGrade(draft, behindColon(draft, index + 1), String);
    else if (key === 'klasse')
      index = writeGrade(draft, behindColon(draft, index + 1), (value) => romanNumerals[value] ?? '');
    else index = (key.startsWith('d') ? writeDpsi(draft, index) : undefined) ?? index + 1;
  }
}

/** Writes the numbers behind a depth word, and returns the index of the token behind them. */
function writeDepths(draft: Draft, first: number): number {
  const hasVan = draft.at(first)?.key === 'van';
  let next = hasVan ? first + 1 : first;
  let end = first;
  while (true) {
    draft.decide(next);
    const measure = measureAt(draft, next);
    const number = quantityAt(draft, next);
    // A time isn't a depth (`pocket drie weken geleden`), nor is an article.
    if (measure ? !measure.output : !number || isArticle(draft, next, number.to, end === first && !hasVan)) return end;
    end = measure?.to ?? number?.to ?? next;
    if (measure) writeMeasure(draft, next, measure);
    else if (draft.at(end - 1)?.kind === 'number') draft.claim(next, end);
    else if (number) draft.rewrite({ from: next, to: end, output: number.amount, rule: 'score' });
    next = behindSeparators(draft, end);
  }
}

/** Whether what was read as 1 is `een` the article. Right behind the depth word it never is. */
function isArticle(tokens: Tokens, index: number, to: number, isRightBehind: boolean): boolean {
  if (isRightBehind || to > index + 1 || tokens.at(index)?.text.toLowerCase() !== 'een') return false;
  const next = tokens.at(to);
  return next?.kind === 'word' && !behindDepth.has(next.key) && cardinalAt(tokens, to) === undefined;
}

/** Depths follow each other over a mere space, a comma, a hyphen, a slash, `en`, `of` and `tot`. */
function behindSeparators(tokens: Tokens, index: number): number {
  const token = tokens.at(index);
  if (token?.kind === 'word') return ['en', 'of', 'tot'].includes(token.key) ? index + 1 : index;
  return token?.text === ',' || isJoinedBy(tokens, index, '-/') ? index + 1 : index;
}

/** Writes the value behind a word as `write` has it, if that gives something. Returns the index of the token behind it. */
function writeGrade(draft: Draft, at: number, write: (value: number) => string): number {
  const value = valueAt(draft, at);
  const output = value ? write(value.value) : '';
  if (!value || output === '') return at;
  draft.rewrite({ from: at, to: value.to, output, rule: 'score' });
  return value.to;
}

/** Writes `dpsi` with its value; a value outside the scale stays. Undefined: there is no `dpsi` at the token. */
function writeDpsi(draft: Draft, index: number): number | undefined {
  const found = acronymAt(draft, index);
  if (found?.acronym !== 'DPSI') return undefined;
  draft.rewrite({ from: index, to: found.to, output: found.acronym, rule: 'acronym' });
  draft.decide(found.to);
  const from = behindColon(draft, found.to);
  const value = valueAt(draft, from);
  if (!value || value.value > highestDpsi) return found.to;
  const signAt = isJoinedBy(draft, value.to, '-') ? value.to + 1 : value.to;
  const sign = signs.get(draft.at(signAt)?.key ?? '');
  const to = sign === undefined ? value.to : signAt + 1;
  draft.rewrite({ from, to, output: `${value.value}${sign ?? ''}`, rule: 'score' });
  return to;
}

/** The token where a value begins: a colon may stand before it (`DPSI: 3`). */
function behindColon(tokens: Tokens, index: number): number {
  return tokens.at(index)?.text === ':' ? index + 1 : index;
}

/** The whole number at a token that isn't part of a measure, a time or a decimal. */
function valueAt(tokens: Tokens, index: number): { value: number; to: number } | undefined {
  const value = cardinalAt(tokens, index);
  if (!value || measureAt(tokens, index) || quantityAt(tokens, index)?.to !== value.to) return undefined;
  return value;
}
