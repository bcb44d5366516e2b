import { marksOf, type SpeakableLanguage } from './speakable-notation.ts';
import { isDay, phoneReading, reading, readNumber } from './speakable-numbers.ts';

const months = `January February March April May June July August September October November December`.split(' ');

/** Words of units for one and for more. */
const units = new Map<string, readonly [one: string, more: string]>([
  ['km/h', ['kilometre per hour', 'kilometres per hour']],
  ['m/s', ['metre per second', 'metres per second']],
  ['km', ['kilometre', 'kilometres']],
  ['m\u00b2', ['square metre', 'square metres']],
  ['cm', ['centimetre', 'centimetres']],
  ['mm', ['millimetre', 'millimetres']],
  ['m', ['metre', 'metres']],
  ['kg', ['kilogram', 'kilograms']],
  ['mg', ['milligram', 'milligrams']],
  ['g', ['gram', 'grams']],
  ['ml', ['millilitre', 'millilitres']],
  ['l', ['litre', 'litres']],
  ['\u00b0C', ['degree Celsius', 'degrees Celsius']],
  ['\u00b0F', ['degree Fahrenheit', 'degrees Fahrenheit']],
  ['\u00b0', ['degree', 'degrees']],
  ['%', ['percent', 'percent']],
  ['min', ['minute', 'minutes']],
]);

const currencies = new Map<string, readonly [one: string, more: string, part: string]>([
  ['$', ['dollar', 'dollars', 'cents']],
  ['\u20ac', ['euro', 'euros', 'cents']],
  ['\u00a3', ['pound', 'pounds', 'pence']],
]);

const amount = '[0-9]{1,3}(?:,[0-9]{3})+(?:\\.[0-9]+)?|[0-9]+(?:\\.[0-9]+)?';
const minus = '([-\\u2212]?)';

const readings = [
  // The order of day and month is only told by a number above twelve: what could be both stays.
  reading('([0-9]{4})-([0-9]{2})-([0-9]{2})', (year, month, day) => sayDate(Number(day), Number(month), year)),
  reading('([0-9]{1,2})/([0-9]{1,2})(?:/([0-9]{4}))?', (first, second, year) => {
    if (`${first}/${second}` === '24/7') return undefined;
    if (Number(first) > 12) return sayDate(Number(first), Number(second), year);
    return Number(second) > 12 && (year || isPlausible(first, second))
      ? sayDate(Number(second), Number(first), year)
      : undefined;
  }),
  phoneReading('plus'),
  // Voices read `9:30` and `2:30 PM` well, and hours after twelve or full ones in many ways.
  reading('([01]?[0-9]|2[0-3]):([0-5][0-9])(?!\\s*[ap]\\.?m\\b)(?!\\s*[AP]\\.?M\\b)', (hour, minute) =>
    sayTime(Number(hour), minute ?? ''),
  ),
  reading(`([$\\u20ac\\u00a3])\\s?(${amount})(?:\\s(thousand|million|billion|trillion))?`, sayMoney),
  reading(`${minus}(${amount})\\s?(${unitPattern([...units.keys()])})`, (sign, number = '', unit = '') => {
    const [one, more] = units.get(unit) ?? ['', ''];
    const value = number.replaceAll(',', '');
    return `${sign ? 'minus ' : ''}${value} ${value === '1' ? one : more}`;
  }),
  // Some voices make a pause of the comma.
  reading('([0-9]{1,3}(?:,[0-9]{3})+(?:\\.[0-9]+)?)', (number) => number?.replaceAll(',', '')),
];

/**
 * English. Changed is only what voices get wrong or read in many ways: addresses, numeric dates, times of the 24-hour clock, amounts
 * of money, signs of units, thousands, phone numbers and Latin abbreviations. Plain numbers, years, decimals, ordinals (`3rd`) and
 * titles (`Dr.`) they read well.
 */
export const english: SpeakableLanguage = {
  number: (text) => readNumber(readings, text),
  abbreviations: new Map([
    ['e.g.', 'for example'],
    ['i.e.', 'that is'],
    ['etc.', 'et cetera'],
    ['vs.', 'versus'],
    ['approx.', 'approximately'],
    ['incl.', 'including'],
    ['excl.', 'excluding'],
  ]),
  ending: new Set(['etc.']),
  marks: marksOf('dot', 'slash', 'dash', 'underscore', 'at', 'plus'),
};

function sayDate(day: number, month: number, year: string | undefined): string | undefined {
  if (!isDay(day, month)) return undefined;
  return `${months[month - 1]} ${day}${year ? `, ${year}` : ''}`;
}

/** `10/20` is a date, `1/16` a fraction. */
function isPlausible(first = '', second = ''): boolean {
  return first.length === 2 && isDay(Number(second), Number(first));
}

function sayTime(hour: number, minute: string): string | undefined {
  if (hour >= 1 && hour <= 12) return minute === '00' ? `${hour} o'clock` : undefined;
  if (minute === '00' && hour === 0) return 'midnight';
  const half = hour > 12 ? 'PM' : 'AM';
  return `${hour % 12 || 12}${minute === '00' ? '' : `:${minute}`} ${half}`;
}

function sayMoney(sign = '', number = '', magnitude = ''): string {
  const [one, more, part] = currencies.get(sign) ?? ['', '', ''];
  const [whole = '', decimals = ''] = number.replaceAll(',', '').split('.');
  if (magnitude) return `${whole}${decimals && `.${decimals}`} ${magnitude} ${more}`;
  const coins = decimals.length === 2 ? Number(decimals) : 0;
  if (decimals && decimals.length !== 2) return `${whole}.${decimals} ${more}`;
  const said = `${whole} ${whole === '1' ? one : more}`;
  return coins ? `${said} and ${coins} ${coins === 1 && part === 'cents' ? 'cent' : part}` : said;
}

function unitPattern(names: readonly string[]): string {
  return names.map((name) => name.replaceAll('/', '\\/')).join('|');
}
