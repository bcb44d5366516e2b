/** English numbers in words, British style (`one hundred and five`). */

const small = `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
  seventeen eighteen nineteen`.split(/\s+/);
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];
const ordinals = `zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
  fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth`.split(/\s+/);

/** A cardinal from 0 to 9999: `one hundred and five`, `two thousand six hundred`. */
export function englishCardinal(value: number): string {
  if (value < 100) return below100(value);
  const [round, word] = value < 1000 ? [100, 'hundred'] : [1000, 'thousand'];
  const rest = value % round;
  const head = `${below100(Math.floor(value / round))} ${word}`;
  if (rest === 0) return head;
  return `${head} ${rest < 100 ? 'and ' : ''}${englishCardinal(rest)}`;
}

/** A day of a month, 1 to 31: `third`, `twenty first`. */
export function englishOrdinal(day: number): string {
  const word = ordinals[day];
  if (word !== undefined) return word;
  return day === 30 ? 'thirtieth' : `${day < 30 ? 'twenty' : 'thirty'} ${ordinals[day % 10]}`;
}

/** A year from 1100 to 2099 as it is said: `nineteen ninety nine`, `two thousand and six`, `twenty twenty six`. */
export function englishYear(year: number): string {
  const below = year % 100;
  if (year % 1000 < 10) return englishCardinal(year);
  const century = below100(Math.floor(year / 100));
  if (below === 0) return `${century} hundred`;
  return `${century} ${below < 10 ? 'oh ' : ''}${below100(below)}`;
}

/** Digits one by one, the zero as `oh`: how phone numbers and minutes are said. */
export function englishDigits(digits: string): string {
  return [...digits].map((digit) => (digit === '0' ? 'oh' : small[Number(digit)])).join(' ');
}

function below100(value: number): string {
  const word = small[value];
  if (word !== undefined) return word;
  const ten = tens[Math.floor(value / 10) - 2] ?? '';
  return value % 10 === 0 ? ten : `${ten} ${small[value % 10]}`;
}
