import { amountAt, cardinalAt, decimalsAt, isNumberAt, readsAs } from './en-numbers.ts';
import type { Expression } from './expression.ts';
import { isInsideNumber, isJoinedBy, type Tokens } from './tokens.ts';

/** Symbols of the SI by the words for them; the symbol itself is met behind a number that was said. */
const units = new Map(
  Object.entries({
    mm: 'millimetre millimetres millimeter millimeters mm',
    cm: 'centimetre centimetres centimeter centimeters cm',
    m: 'metre metres meter meters',
    km: 'kilometre kilometres kilometer kilometers km',
    µg: 'microgram micrograms mcg',
    mg: 'milligram milligrams mg',
    g: 'gram grams gramme grammes',
    kg: 'kilogram kilograms kilo kilos kg',
    ml: 'millilitre millilitres milliliter milliliters ml',
    l: 'litre litres liter liters',
    '%': 'percent %',
  }).flatMap(([symbol, words]) => words.split(' ').map((word) => [word, symbol] as const)),
);

/** What a measure may be per, besides the units. */
const perUnits = new Map([
  ['second', 's'],
  ['minute', 'min'],
  ['hour', 'h'],
]);

/** Words that number what stands behind them (`page twelve`). */
const labels = new Set(['page', 'chapter', 'section', 'paragraph', 'version']);

/** Words that a year may follow, and words of time that make such a number a duration. */
const yearLeads = new Set(['in', 'since', 'until', 'year']);
const durations = new Set(
  'second seconds minute minutes hour hours day days week weeks month months year years'.split(' '),
);

interface FoundUnit {
  symbol: string;
  to: number;
}

/** `five milligrams` is `5 mg`, `four to five millimetres` `4 to 5 mm`, `minus five degrees Celsius` `-5 °C`. */
export function measureAt(tokens: Tokens, index: number): Expression | undefined {
  if (isInsideNumber(tokens, index) || isPartOfRow(tokens, index)) return undefined;
  const isNegative = tokens.at(index)?.key === 'minus';
  const first = amountAt(tokens, isNegative ? index + 1 : index);
  if (!first) return undefined;
  const sign = isNegative ? '-' : '';
  const unit = unitAt(tokens, first.to);
  if (unit) {
    const isWritten = !first.isSaid && tokens.at(first.to)?.key === unit.symbol;
    return isWritten ? undefined : measure(`${sign}${first.amount}`, unit);
  }
  const conjunction = conjunctionAt(tokens, index, first.to);
  const second = conjunction === undefined ? undefined : amountAt(tokens, first.to + 1);
  const shared = second && unitAt(tokens, second.to);
  if (!shared || Number(first.amount) >= Number(second.amount) || !(first.isSaid || second.isSaid)) return undefined;
  return measure(`${sign}${first.amount} ${conjunction} ${second.amount}`, shared);
}

/** A number of several words, decimals, a year, or what a word numbers: `twenty three`, `two point five`, `page twelve`. */
export function numberAt(tokens: Tokens, index: number): Expression | undefined {
  if (isInsideNumber(tokens, index) || isPartOfRow(tokens, index)) return undefined;
  const lead = index > 0 ? (tokens.at(index - 1)?.key ?? '') : '';
  const year = yearLeads.has(lead) ? yearAt(tokens, index) : undefined;
  const isCounting = year && (isUnitAt(tokens, year.to) || durations.has(tokens.at(year.to)?.key ?? ''));
  if (year && endsHere(tokens, year.to) && !isCounting) return number(year);
  const cardinal = cardinalAt(tokens, index);
  if (!cardinal || cardinal.words === 0) return undefined;
  const decimals = decimalsAt(tokens, cardinal.to);
  // `at one point three people left` tells of a moment.
  if (decimals && !(cardinal.value === 1 && lead === 'at')) {
    const { amount, to } = decimals;
    return endsHere(tokens, to) ? number({ value: `${cardinal.value}.${amount}`, to }) : undefined;
  }
  const isClear = cardinal.words > 1 || labels.has(lead);
  return isClear && endsHere(tokens, cardinal.to) ? number(cardinal) : undefined;
}

/** A year as it is said: `twenty twenty six`, `nineteen oh five`, `nineteen hundred`, `two thousand and six`. */
export function yearAt(tokens: Tokens, index: number): { value: number; to: number } | undefined {
  const century = cardinalAt(tokens, index);
  if (!century || century.words === 0) return undefined;
  if (century.value >= 1000 && century.value < 3000) return century;
  if (century.value < 11 || century.value > 20 || century.words > 1) return undefined;
  const isOh = tokens.at(century.to)?.key === 'oh';
  const rest = cardinalAt(tokens, isOh ? century.to + 1 : century.to);
  if (!rest || rest.words === 0 || (isOh ? rest.value > 9 : rest.value < 10) || rest.value > 99) return undefined;
  return { value: century.value * 100 + rest.value, to: rest.to };
}

/** Whether a unit stands at a token: the number before it is no year and no day. */
export function isUnitAt(tokens: Tokens, index: number): boolean {
  return unitAt(tokens, index) !== undefined;
}

function measure(amount: string, { symbol, to }: FoundUnit): Expression {
  return { output: symbol === '%' ? `${amount}%` : `${amount} ${symbol}`, to, rule: 'measure' };
}

function number({ value, to }: { value: number | string; to: number }): Expression {
  return { output: String(value), to, rule: 'number' };
}

/** The unit at a token, with what it is per: `milligrams per millilitre`. */
function unitAt(tokens: Tokens, index: number): FoundUnit | undefined {
  if (readsAs(tokens, index, ['per', 'cent'])) return { symbol: '%', to: index + 2 };
  const isDegrees = tokens.at(index)?.key === 'degrees' || tokens.at(index)?.key === 'degree';
  if (isDegrees && tokens.at(index + 1)?.key === 'celsius') return { symbol: '°C', to: index + 2 };
  if (isDegrees && tokens.at(index + 1)?.key === 'fahrenheit') return { symbol: '°F', to: index + 2 };
  const symbol = units.get(tokens.at(index)?.key ?? '');
  if (symbol === undefined || isCompound(tokens, index + 1)) return undefined;
  const per = tokens.at(index + 1)?.key === 'per' ? (tokens.at(index + 2)?.key ?? '') : '';
  const divisor = perUnits.get(per) ?? units.get(per);
  return divisor ? { symbol: `${symbol}/${divisor}`, to: index + 3 } : { symbol, to: index + 1 };
}

/** The word between two amounts that share a unit. */
function conjunctionAt(tokens: Tokens, from: number, index: number): string | undefined {
  const key = tokens.at(index)?.key;
  if (key === 'to' || key === 'or') return key;
  return key === 'and' && from > 0 && tokens.at(from - 1)?.key === 'between' ? key : undefined;
}

/** Whether no other number, and no part of a compound, stands right behind a number. */
function endsHere(tokens: Tokens, index: number): boolean {
  return !isNumberAt(tokens, index) && !isCompound(tokens, index);
}

/** A number right behind another one, perhaps with a point between them, or behind a hyphen: the writer knows best how the row is meant. */
function isPartOfRow(tokens: Tokens, index: number): boolean {
  if (index === 0) return false;
  const before = index > 1 && tokens.at(index - 1)?.key === 'point' ? index - 2 : index - 1;
  return isNumberAt(tokens, before) || isCompound(tokens, index - 1);
}

function isCompound(tokens: Tokens, index: number): boolean {
  return isJoinedBy(tokens, index, '-–');
}
