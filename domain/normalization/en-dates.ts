import { isUnitAt, yearAt } from './en-measures.ts';
import { below100At, isNumberAt } from './en-numbers.ts';
import type { Expression } from './expression.ts';
import { isJoinedBy, type Tokens } from './tokens.ts';

/** Months with the days they have at most. */
const months = new Map(
  Object.entries({
    January: 31,
    February: 29,
    March: 31,
    April: 30,
    May: 31,
    June: 30,
    July: 31,
    August: 31,
    September: 30,
    October: 31,
    November: 30,
    December: 31,
  }).map(([name, days]) => [name.toLowerCase(), { name, days }] as const),
);

/** Months whose names are also other words. */
const ambiguousMonths = new Set(['march', 'may', 'august']);

/** Words that a date follows. */
const dateLeads = new Set(['on', 'by', 'until', 'till', 'since', 'before', 'after', 'from']);

const ordinals = new Map(
  `first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
   sixteenth seventeenth eighteenth nineteenth twentieth`
    .split(/\s+/)
    .map((word, index) => [word, index + 1] as const),
);

interface Found<Value> {
  value: Value;
  to: number;
}

/**
 * A day of a month, with its year if that was said, in the order it was said: `the third of May twenty twenty six` is
 * `3 May 2026`, `May third, twenty twenty six` is `May 3, 2026`. A day that the month doesn't have stays as it was.
 */
export function dateAt(tokens: Tokens, index: number): Expression | undefined {
  return dayFirstAt(tokens, index) ?? monthFirstAt(tokens, index);
}

/** How many days the month of a folded name has at most. */
export function monthDays(key: string): number | undefined {
  return months.get(key)?.days;
}

function dayFirstAt(tokens: Tokens, index: number): Expression | undefined {
  const day = dayAt(tokens, tokens.at(index)?.key === 'the' ? index + 1 : index);
  if (!day) return writtenDayAt(tokens, index);
  const isOf = tokens.at(day.to)?.key === 'of';
  const at = isOf ? day.to + 1 : day.to;
  const month = monthAt(tokens, at, day.value);
  if (!month || (!isOf && ambiguousMonths.has(tokens.at(at)?.key ?? ''))) return undefined;
  const year = yearBehind(tokens, month.to);
  const output = `${day.value} ${month.value}${year ? ` ${year.value}` : ''}`;
  return { output, to: year?.to ?? month.to, rule: 'date' };
}

/** `3 May twenty twenty six`: only the year was said. */
function writtenDayAt(tokens: Tokens, index: number): Expression | undefined {
  const day = tokens.at(index)?.kind === 'number' ? below100At(tokens, index) : undefined;
  const month = day && monthAt(tokens, day.to, day.value);
  if (!month || tokens.at(month.to)?.kind !== 'word') return undefined;
  const year = yearBehind(tokens, month.to);
  return year && { output: `${day.value} ${month.value} ${year.value}`, to: year.to, rule: 'date' };
}

function monthFirstAt(tokens: Tokens, index: number): Expression | undefined {
  const key = tokens.at(index)?.key ?? '';
  if (!months.has(key) || (index > 0 && isNumberAt(tokens, index - 1))) return undefined;
  const isThe = tokens.at(index + 1)?.key === 'the';
  const day = dayAt(tokens, isThe ? index + 2 : index + 1);
  const month = day && monthAt(tokens, index, day.value);
  if (!month) return undefined;
  const year = yearBehind(tokens, day.to);
  // `may third parties enter`, `march first through the door`
  const isAmbiguous = isThe || (ambiguousMonths.has(key) && day.value < 10);
  // `May third thirty pm`: a digit for the day would be read with what follows.
  if (!year && (isUnitAt(tokens, day.to) || isNumberAt(tokens, day.to))) return undefined;
  if (isAmbiguous && !year && !(index > 0 && dateLeads.has(tokens.at(index - 1)?.key ?? ''))) return undefined;
  const output = `${month.value} ${day.value}${year ? `, ${year.value}` : ''}`;
  return { output, to: year?.to ?? day.to, rule: 'date' };
}

/** Name of the month at a token, if it has such a day. */
function monthAt(tokens: Tokens, index: number, day: number): Found<string> | undefined {
  const month = months.get(tokens.at(index)?.key ?? '');
  return month && day <= month.days ? { value: month.name, to: index + 1 } : undefined;
}

/** The ordinal at a token, 1 to 31: `third`, `twenty first`, `twenty-first`, `3rd`. */
function dayAt(tokens: Tokens, index: number): Found<number> | undefined {
  const key = tokens.at(index)?.key ?? '';
  // The end of `thirty first` is no day by itself.
  if (index > 0 && isNumberAt(tokens, index - 1)) return undefined;
  const written = /^([0-9]{1,2})(?:st|nd|rd|th)$/.exec(key)?.[1];
  const value = written === undefined ? (ordinals.get(key) ?? (key === 'thirtieth' ? 30 : undefined)) : Number(written);
  if (value !== undefined) return value >= 1 && value <= 31 ? { value, to: index + 1 } : undefined;
  if (key !== 'twenty' && key !== 'thirty') return undefined;
  const at = isJoinedBy(tokens, index + 1, '-') ? index + 2 : index + 1;
  const unit = ordinals.get(tokens.at(at)?.key ?? '');
  if (unit === undefined || unit > 9) return undefined;
  const sum = (key === 'twenty' ? 20 : 30) + unit;
  return sum <= 31 ? { value: sum, to: at + 1 } : undefined;
}

/** The year behind a date, said or written, perhaps behind a comma. A round `two thousand` behind one counts something. */
function yearBehind(tokens: Tokens, index: number): Found<number> | undefined {
  const isComma = tokens.at(index)?.text === ',';
  const year = anyYearAt(tokens, isComma ? index + 1 : index);
  if (!year || isNumberAt(tokens, year.to) || isUnitAt(tokens, year.to)) return undefined;
  return isComma && year.value % 1000 === 0 ? undefined : year;
}

function anyYearAt(tokens: Tokens, index: number): Found<number> | undefined {
  const token = tokens.at(index);
  const isWritten = token?.kind === 'number' && /^[12][0-9]{3}$/.test(token.text);
  return isWritten ? { value: Number(token.text), to: index + 1 } : yearAt(tokens, index);
}
