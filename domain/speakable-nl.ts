import { dutchCardinal } from './normalization/nl-spoken-numbers.ts';
import { marksOf, type SpeakableLanguage } from './speakable-notation.ts';
import { isDay, phoneReading, plain, reading, readNumber } from './speakable-numbers.ts';

const months = `januari februari maart april mei juni juli augustus september oktober november december`.split(' ');

const units = new Map([
  ['km/u', 'kilometer per uur'],
  ['km/h', 'kilometer per uur'],
  ['m/s', 'meter per seconde'],
  ['km', 'kilometer'],
  ['m\u00b2', 'vierkante meter'],
  ['cm', 'centimeter'],
  ['mm', 'millimeter'],
  ['m', 'meter'],
  ['kg', 'kilogram'],
  ['mg', 'milligram'],
  ['g', 'gram'],
  ['ml', 'milliliter'],
  ['l', 'liter'],
  ['\u00b0C', 'graden Celsius'],
  ['\u00b0', 'graden'],
  ['%', 'procent'],
]);

const currencies = new Map([
  ['\u20ac', 'euro'],
  ['$', 'dollar'],
  ['\u00a3', 'pond'],
]);

const amount = '[0-9]{1,3}(?:\\.[0-9]{3})+(?:,[0-9]+)?|[0-9]+(?:,[0-9]+)?';
const minus = '([-\\u2212]?)';

const readings = [
  reading('([0-9]{4})-([0-9]{2})-([0-9]{2})', (year, month, day) => sayDate(day, month, year)),
  reading('([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})', (day, month, year) => sayDate(day, month, year)),
  // Without a year, `3/4` is a fraction and `24/7` is always; a day above twelve or a zero tells a date.
  reading('([0-9]{1,2})/([0-9]{1,2})', (day = '', month = '') =>
    day !== '24' && (Number(day) > 12 || day.startsWith('0') || month.startsWith('0'))
      ? sayDate(day, month, '')
      : undefined,
  ),
  phoneReading('plus'),
  // Also behind a point, where the hour is named.
  reading('([01]?[0-9]|2[0-3])(?::([0-5][0-9])(?:\\suur)?|\\.([0-5][0-9])\\suur)', (hour, colon, point) => {
    const minute = Number(colon || point);
    return `${Number(hour)} uur${minute ? ` ${minute}` : ''}`;
  }),
  reading(
    `([\\u20ac$\\u00a3])\\s?(${amount})(?:,-)?(?:\\s(duizend|miljoen|miljard))?`,
    (sign = '', number = '', magnitude = '') => {
      const currency = currencies.get(sign) ?? '';
      if (magnitude) return `${decimal(number)} ${magnitude} ${currency}`;
      return money(number, currency);
    },
  ),
  reading('([0-9]+,[0-9]{2})\\s(euro|dollar|pond)', (number, currency) => money(number, currency)),
  reading(
    `${minus}(${amount})(?:-(${amount}))?\\s?(${[...units.keys()].join('|')})`,
    (sign, number = '', to = '', unit = '') => {
      const range = to ? ` tot ${decimal(to)}` : '';
      return `${sign ? 'min ' : ''}${decimal(number)}${range} ${units.get(unit)}`;
    },
  ),
  // Voices of more languages than Dutch read the point as that of decimals, and pause at the comma.
  reading('([0-9]{1,3}(?:\\.[0-9]{3})+(?:,[0-9]+)?|[0-9]+,[0-9]+)', (number = '') => decimal(number)),
  reading('([1-9][0-9]?)(?:e|ste|de)', (number) => ordinal(Number(number))),
];

/**
 * Dutch. Changed is only what voices get wrong or read in many ways: addresses, numeric dates, times, amounts of money, signs of
 * units, decimals and thousands, ordinals (`3e`), phone numbers and abbreviations. Whole numbers and years they read well, and
 * codes such as `26 MO` are left to the pack of a field, which reads them later.
 */
export const dutch: SpeakableLanguage = {
  number: (text) => readNumber(readings, text),
  abbreviations: new Map([
    ['bijv.', 'bijvoorbeeld'],
    ['bv.', 'bijvoorbeeld'],
    ['d.w.z.', 'dat wil zeggen'],
    ['o.a.', 'onder andere'],
    ['m.a.w.', 'met andere woorden'],
    ['m.b.t.', 'met betrekking tot'],
    ['i.v.m.', 'in verband met'],
    ['t.a.v.', 'ten aanzien van'],
    ['t.o.v.', 'ten opzichte van'],
    ['n.v.t.', 'niet van toepassing'],
    ['a.u.b.', 'alstublieft'],
    ['z.s.m.', 'zo snel mogelijk'],
    ['e.d.', 'en dergelijke'],
    ['enz.', 'enzovoort'],
    ['etc.', 'et cetera'],
    ['evt.', 'eventueel'],
    ['ca.', 'circa'],
    ['incl.', 'inclusief'],
    ['excl.', 'exclusief'],
    ['dhr.', 'de heer'],
    ['mevr.', 'mevrouw'],
  ]),
  ending: new Set(['enz.', 'etc.', 'e.d.', 'a.u.b.', 'n.v.t.', 'z.s.m.']),
  marks: marksOf('punt', 'slash', 'streepje', 'underscore', 'apenstaartje', 'plus'),
};

function sayDate(day = '', month = '', year = ''): string | undefined {
  if (!isDay(Number(day), Number(month))) return undefined;
  return `${Number(day)} ${months[Number(month) - 1]}${year && ` ${year}`}`;
}

/** `1.250,75` as `1250 komma 75`; a zero behind the comma has each digit said. */
function decimal(number: string): string {
  const [whole = '', decimals = ''] = plain(number).split(',');
  const said = decimals.startsWith('0') || decimals.length > 2 ? [...decimals].join(' ') : decimals;
  return said ? `${whole} komma ${said}` : whole;
}

function money(number = '', currency = ''): string {
  const [whole = '', coins = ''] = plain(number).split(',');
  if (coins.length !== 2) return `${decimal(number)} ${currency}`;
  return `${whole} ${currency}${Number(coins) ? ` ${Number(coins)}` : ''}`;
}

function ordinal(value: number): string {
  const words = new Map([
    [1, 'eerste'],
    [3, 'derde'],
    [8, 'achtste'],
  ]);
  return words.get(value) ?? `${dutchCardinal(value)}${value < 20 ? 'de' : 'ste'}`;
}
