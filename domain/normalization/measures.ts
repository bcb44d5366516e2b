import type { Draft } from './draft.ts';
import { isLikeNumber, quantityAt, unitAndTenAt } from './numbers.ts';
import { isInsideNumber, isJoinedBy, type Token, type Tokens } from './tokens.ts';

/** What a record writes for a unit, by the folded words for it. */
const units = new Map(
  `mm=mm millimeter=mm millimeters=mm cm=cm centimeter=cm centimeters=cm mg=mg milligram=mg milligrammen=mg
   µg=µg μg=µg ug=µg mcg=µg microgram=µg microgrammen=µg g=g gram=g grammen=g ml=ml milliliter=ml milliliters=ml
   procent=% percent=% %=%`
    .split(/\s+/)
    .map((pair) => pair.split('=') as [string, string]),
);

/** Folded words behind a number that make it a time, a date, a price or a count. */
const counted = new Set(
  `seconde seconden minuut minuten kwartier uur uren dag dagen nacht nachten week weken maand maanden jaar jaren
   januari februari maart april mei juni juli augustus september oktober november december
   euro cent keer maal`.split(/\s+/),
);

/** A measure, time or count; `to` is the index of the token behind it. */
interface Measure {
  to: number;
  /** As a record writes it. None for what isn't written differently: a time, a date, a price or a count. */
  output?: string;
}

/** Writes measures in digits with the unit's symbol: `anderhalve millimeter` is `1,5 mm`. */
export function writeMeasures(draft: Draft): void {
  let index = 0;
  while (index < draft.length) {
    draft.decide(index);
    if (!isLikeNumber(draft.at(index)) || !draft.isFree(index)) {
      index += 1;
      continue;
    }
    const measure = isInsideNumber(draft, index) ? undefined : measureAt(draft, index);
    if (measure) writeMeasure(draft, index, measure);
    index = measure?.to ?? doubtfulEnd(draft, index) ?? quantityAt(draft, index)?.to ?? index + 1;
  }
}

/** Writes a measure that was found at a token, if a record writes it differently. */
export function writeMeasure(draft: Draft, from: number, { to, output }: Measure): void {
  if (output) draft.rewrite({ from, to, output, rule: 'measure' });
}

/**
 * The measure, time or count that begins at a token (`vijf millimeter`, `1-4 mm`, `veertien dagen`). Numbers in it are
 * never teeth.
 */
export function measureAt(tokens: Tokens, index: number): Measure | undefined {
  const first = quantityAt(tokens, index);
  if (!first) return undefined;
  if (isCounted(tokens.at(first.to))) return measureOf(first.amount, tokens.at(first.to), first.to);
  const behindTo = rangeWordEnd(tokens, first.to);
  const second = behindTo === undefined ? undefined : quantityAt(tokens, behindTo);
  // `element zesentwintig tot vijf millimeter` is no range: the tooth stays one.
  if (!second || numberOf(first.amount) >= numberOf(second.amount) || !isCounted(tokens.at(second.to)))
    return undefined;
  return measureOf(`${first.amount}-${second.amount}`, tokens.at(second.to), second.to);
}

/** End of `tot en met` or `t/m` at a token, as the index of the token behind it. */
export function throughEnd(tokens: Tokens, index: number): number | undefined {
  const first = tokens.at(index)?.key;
  if (first === 'tot' && tokens.at(index + 1)?.key === 'en' && tokens.at(index + 2)?.key === 'met') return index + 3;
  return first === 't' && isJoinedBy(tokens, index + 1, '/') && tokens.at(index + 2)?.key === 'm'
    ? index + 3
    : undefined;
}

/** `zes en twintig millimeter` may be one number or two: behind it, so that it is left for the speaker to judge. */
function doubtfulEnd(tokens: Tokens, index: number): number | undefined {
  const joined = unitAndTenAt(tokens, index);
  return joined && isCounted(tokens.at(joined.to)) ? joined.to + 1 : undefined;
}

function measureOf(amount: string, word: Token | undefined, at: number): Measure {
  const unit = word && unitOf(word);
  if (!unit) return { to: at + 1 };
  return { to: at + 1, output: unit === '%' ? `${amount}%` : `${amount} ${unit}` };
}

function isCounted(token: Token | undefined): boolean {
  return token !== undefined && (unitOf(token) !== undefined || counted.has(token.key));
}

/** The symbol of a unit. `ML` is what a record writes for the surfaces mesial and lingual, `G` is any letter. */
function unitOf(token: Token): string | undefined {
  return token.text === 'ML' || token.text === 'G' ? undefined : units.get(token.key);
}

/** End of `tot`, `tot en met`, `t/m` or a hyphen at a token, as the index of the token behind it. */
function rangeWordEnd(tokens: Tokens, index: number): number | undefined {
  const isBetween = tokens.at(index)?.key === 'tot' || isJoinedBy(tokens, index, '-');
  return throughEnd(tokens, index) ?? (isBetween ? index + 1 : undefined);
}

function numberOf(amount: string): number {
  return Number(amount.replace(',', '.'));
}
