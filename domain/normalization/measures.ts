import { quantityAt } from './numbers.ts';
import { isJoinedBy, type Token } from './tokens.ts';

/** Folded words behind a number that make it a measure. */
const units = new Set(
  `mm millimeter millimeters cm centimeter centimeters mg milligram milligrammen µg μg ug mcg microgram microgrammen
   g gram grammen ml milliliter milliliters procent percent %`.split(/\s+/),
);

/** Folded words behind a number that make it a time, a date, a price or a count. */
const counted = new Set(
  `seconde seconden minuut minuten kwartier uur uren dag dagen nacht nachten week weken maand maanden jaar jaren
   januari februari maart april mei juni juli augustus september oktober november december
   euro cent keer maal`.split(/\s+/),
);

/**
 * End of the measure, time or count that begins at a token (`vijf millimeter`, `1-4 mm`, `veertien dagen`), as the
 * index of the token behind it, or undefined. Numbers in it are never teeth.
 */
export function measureEnd(tokens: readonly Token[], index: number): number | undefined {
  const first = quantityAt(tokens, index);
  if (!first) return undefined;
  if (isCounted(tokens[first.to])) return first.to + 1;
  const behindTo = rangeWordEnd(tokens, first.to);
  const second = behindTo === undefined ? undefined : quantityAt(tokens, behindTo);
  // `element zesentwintig tot vijf millimeter` is no range: the tooth stays one.
  const isRange = second && numberOf(first.amount) < numberOf(second.amount);
  return isRange && isCounted(tokens[second.to]) ? second.to + 1 : undefined;
}

/** End of `tot en met` or `t/m` at a token, as the index of the token behind it. */
export function throughEnd(tokens: readonly Token[], index: number): number | undefined {
  const keys = [0, 1, 2].map((offset) => tokens[index + offset]?.key).join(' ');
  if (keys === 'tot en met') return index + 3;
  return keys === 't / m' && isJoinedBy(tokens, index + 1, '/') ? index + 3 : undefined;
}

function isCounted(token: Token | undefined): boolean {
  return token !== undefined && (units.has(token.key) || counted.has(token.key));
}

/** End of `tot`, `tot en met`, `t/m` or a hyphen at a token, as the index of the token behind it. */
function rangeWordEnd(tokens: readonly Token[], index: number): number | undefined {
  const isBetween = tokens[index]?.key === 'tot' || isJoinedBy(tokens, index, '-');
  return throughEnd(tokens, index) ?? (isBetween ? index + 1 : undefined);
}

function numberOf(amount: string): number {
  return Number(amount.replace(',', '.'));
}
