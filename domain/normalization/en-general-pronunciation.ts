import { monthDays } from './en-dates.ts';
import { englishCardinal, englishDigits, englishOrdinal, englishYear } from './en-spoken-numbers.ts';
import { type Expression, isGlued } from './expression.ts';
import type { Pronunciation } from './pack.ts';
import { createPronunciation } from './pronunciation.ts';
import { isInsideNumber, isJoinedBy, type Token, type Tokens } from './tokens.ts';

/** Words of the units, for one and for more. */
const units = new Map<string, readonly [one: string, more: string]>([
  ['mm', ['millimetre', 'millimetres']],
  ['cm', ['centimetre', 'centimetres']],
  ['m', ['metre', 'metres']],
  ['km', ['kilometre', 'kilometres']],
  ['\u00b5g', ['microgram', 'micrograms']],
  ['mg', ['milligram', 'milligrams']],
  ['g', ['gram', 'grams']],
  ['kg', ['kilogram', 'kilograms']],
  ['ml', ['millilitre', 'millilitres']],
  ['l', ['litre', 'litres']],
  ['%', ['percent', 'percent']],
]);

/** Units of time behind a stroke. */
const times = new Map([
  ['s', 'second'],
  ['min', 'minute'],
  ['h', 'hour'],
]);

/** The longest address that can be sent to (RFC 5321 section 4.5.3.1.3). */
const longestAddress = 254;

/** How the marks of an address are said. */
const marks = new Map([
  ['.', 'dot'],
  ['_', 'underscore'],
  ['-', 'dash'],
  ['+', 'plus'],
  ['@', 'at'],
]);

/** Digits behind one another that are no number but a phone's: 0 and six more at least. */
const phoneNumber = /^0[0-9]{6,14}$/;

/** English notation read aloud: measures, times, dates, e-mail addresses and phone numbers. */
export const enGeneralPronunciation: Pronunciation = createPronunciation([
  sayAddress,
  sayDate,
  sayTime,
  sayMeasure,
  sayPhone,
]);

/** `john.smith@example.com`; a mark that ends the sentence stays. */
function sayAddress(tokens: Tokens, index: number): Expression | undefined {
  const token = tokens.at(index);
  if (token?.kind !== 'other' || token.text.length > longestAddress) return undefined;
  const [, address, end] = /^([a-z0-9._+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+)([.,;:!?)]*)$/i.exec(token.text) ?? [];
  const said = address?.match(/[a-z0-9]+|[._@+-]/gi)?.map((piece) => marks.get(piece) ?? piece);
  return said && spoken(`${said.join(' ')}${end}`, index + 1);
}

/** `3 May 2026`, `May 3, 2026`, with or without the year */
function sayDate(tokens: Tokens, index: number): Expression | undefined {
  if (isInsideNumber(tokens, index)) return undefined;
  const isDayFirst = tokens.at(index)?.kind === 'number';
  const month = tokens.at(isDayFirst ? index + 1 : index);
  const days = month && /^\p{Lu}/u.test(month.text) ? monthDays(month.key) : undefined;
  const day = tokens.at(isDayFirst ? index : index + 1);
  if (!days || day?.kind !== 'number' || day.text.length > 2 || !tokens.at(index + 1)?.spaced) return undefined;
  const value = Number(day.text);
  if (value < 1 || value > days || isGlued(tokens, index + 2)) return undefined;
  const said = isDayFirst
    ? `the ${englishOrdinal(value)} of ${month?.text}`
    : `${month?.text} ${englishOrdinal(value)}`;
  const isComma = !isDayFirst && tokens.at(index + 2)?.text === ',';
  const at = isComma ? index + 3 : index + 2;
  const year = tokens.at(at);
  if (!isYear(year) || !year.spaced || isGlued(tokens, at + 1)) return spoken(said, index + 2);
  return spoken(`${said}${isComma ? ',' : ''} ${englishYear(Number(year.text))}`, at + 1);
}

/** `3:30`, `15:05` */
function sayTime(tokens: Tokens, index: number): Expression | undefined {
  if (isInsideNumber(tokens, index) || !isJoinedBy(tokens, index + 1, ':')) return undefined;
  const hour = tokens.at(index);
  const minute = tokens.at(index + 2);
  const isTime =
    hour?.kind === 'number' && /^(?:[01]?[0-9]|2[0-3])$/.test(hour.text) && /^[0-5][0-9]$/.test(minute?.text ?? '');
  if (!isTime || isGlued(tokens, index + 3)) return undefined;
  const minutes = Number(minute?.text);
  const word = englishCardinal(Number(hour.text));
  if (minutes === 0) return spoken(`${word} o'clock`, index + 3);
  return spoken(`${word} ${minutes < 10 ? 'oh ' : ''}${englishCardinal(minutes)}`, index + 3);
}

/** `5 mg`, `2.5 kg`, `10%`, `-5 °C`, `60 km/h` */
function sayMeasure(tokens: Tokens, index: number): Expression | undefined {
  const isNegative = tokens.at(index)?.spaced && tokens.at(index)?.text === '-' && !tokens.at(index + 1)?.spaced;
  return amountAt(tokens, isNegative ? index + 1 : index, isNegative ? 'minus ' : '');
}

function amountAt(tokens: Tokens, index: number, sign: string): Expression | undefined {
  const whole = tokens.at(index);
  if (whole?.kind !== 'number' || isInsideNumber(tokens, index) || whole.text.length > 4) return undefined;
  const decimals = isJoinedBy(tokens, index + 1, '.') ? tokens.at(index + 2) : undefined;
  const hasDecimals = decimals?.kind === 'number' && decimals.text.length <= 4;
  const at = hasDecimals ? index + 3 : index + 1;
  const unit = unitAt(tokens, at, whole.text === '1' && !hasDecimals);
  if (!unit) return undefined;
  const point = hasDecimals
    ? ` point ${[...decimals.text].map((digit) => englishCardinal(Number(digit))).join(' ')}`
    : '';
  return spoken(`${sign}${englishCardinal(Number(whole.text))}${point} ${unit.said}`, unit.to);
}

/** `0205551234`, digit by digit */
function sayPhone(tokens: Tokens, index: number): Expression | undefined {
  const token = tokens.at(index);
  if (token?.kind !== 'number' || !phoneNumber.test(token.text) || isInsideNumber(tokens, index)) return undefined;
  return isGlued(tokens, index + 1) ? undefined : spoken(englishDigits(token.text), index + 1);
}

function unitAt(tokens: Tokens, index: number, isOne: boolean): { said: string; to: number } | undefined {
  const token = tokens.at(index);
  if (token?.text !== '%' && !token?.spaced) return undefined;
  const degrees = token.text === '°' ? tokens.at(index + 1) : undefined;
  if (degrees && !degrees.spaced && (degrees.text === 'C' || degrees.text === 'F') && !isGlued(tokens, index + 2)) {
    const scale = degrees.text === 'C' ? 'Celsius' : 'Fahrenheit';
    return { said: `${isOne ? 'degree' : 'degrees'} ${scale}`, to: index + 2 };
  }
  const unit = units.get(token.text);
  if (!unit) return undefined;
  const said = isOne ? unit[0] : unit[1];
  const per = isJoinedBy(tokens, index + 1, '/') ? (tokens.at(index + 2)?.text ?? '') : '';
  const divisor = times.get(per) ?? units.get(per)?.[0];
  if (divisor && !isGlued(tokens, index + 3)) return { said: `${said} per ${divisor}`, to: index + 3 };
  return isGlued(tokens, index + 1) ? undefined : { said, to: index + 1 };
}

function isYear(token: Token | undefined): token is Token {
  return token?.kind === 'number' && /^(?:1[1-9]|20)[0-9]{2}$/.test(token.text);
}

function spoken(output: string, to: number): Expression {
  return { output, to, rule: 'pronunciation' };
}
