import type { Said } from './speakable-notation.ts';

/** A kind of notation: how it looks where a text begins, and how what was found is said; undefined when it is something else. */
export interface NumberReading {
  pattern: RegExp;
  say(...groups: string[]): string | undefined;
}

/** What may follow notation: marks that end a phrase, then white space or the end. */
const end = '(?=[.,;:!?)\\]"\'\\u201d\\u2019\\u2026\\u2063]*(?:\\s|$))';

/** A reading of notation that ends where a word does; groups that are not in it are said as ''. */
export function reading(pattern: string, say: NumberReading['say']): NumberReading {
  return { pattern: new RegExp(`^(?:${pattern})${end}`, 'u'), say };
}

/** What the first of the readings finds that has something to say. */
export function readNumber(readings: readonly NumberReading[], text: string): Said | undefined {
  for (const { pattern, say } of readings) {
    const found = pattern.exec(text);
    if (!found) continue;
    const said = say(...found.slice(1).map((group) => group ?? ''));
    if (said !== undefined) return { said, length: found[0].length };
  }
  return undefined;
}

/**
 * Phone numbers: `+31 6 12345678`, `06-12345678`, `(020) 555 1234`; nine to fifteen digits (ITU-T E.164), of which the first group
 * begins with + or 0, or as `555-123-4567`.
 */
export function phoneReading(plus: string): NumberReading {
  const groups = '\\+[0-9]{1,3}(?:[ -]?\\(?[0-9]+\\)?)+|\\(?0[0-9]+\\)?(?:[ -][0-9]+)*|[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}';
  return reading(`(${groups})`, (number = '') => {
    const digits = number.replace(/[^0-9]/g, '').length;
    if (digits < 9 || digits > 15) return undefined;
    const said = (number.match(/[0-9]+/g) ?? []).map((group) => [...group].join(' ')).join(', ');
    return number.startsWith('+') ? `${plus} ${said}` : said;
  });
}

/** A day of a month, or undefined when there is none: every year may have a leap day. */
export function isDay(day: number, month: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(2024, month, 0)).getUTCDate();
}

/** Without what separates thousands. */
export function plain(number: string): string {
  return number.replace(/[.,](?=[0-9]{3})/g, '');
}
