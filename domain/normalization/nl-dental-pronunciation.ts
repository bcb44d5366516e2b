import { type Expression, isGlued } from './expression.ts';
import { measureAt, throughEnd } from './measures.ts';
import { dutchCardinal, dutchDecimals } from './nl-spoken-numbers.ts';
import type { Pronunciation } from './pack.ts';
import { createPronunciation } from './pronunciation.ts';
import { depthWords } from './scores.ts';
import { anchors } from './teeth.ts';
import { isInsideNumber, isJoinedBy, type Tokens } from './tokens.ts';

/** How a surface alone is said, and its letter in a code. */
const surfaces = new Map([
  ['M', { word: 'mesiaal', letter: 'em' }],
  ['O', { word: 'occlusaal', letter: 'oo' }],
  ['I', { word: 'incisaal', letter: 'ie' }],
  ['D', { word: 'distaal', letter: 'dee' }],
  ['B', { word: 'buccaal', letter: 'bee' }],
  ['V', { word: 'vestibulair', letter: 'vee' }],
  ['L', { word: 'linguaal', letter: 'el' }],
  ['P', { word: 'palatinaal', letter: 'pee' }],
]);

const units = new Map([
  ['mm', 'millimeter'],
  ['cm', 'centimeter'],
  ['mg', 'milligram'],
  // The micro sign and the Greek letter look the same.
  ['\u00b5g', 'microgram'],
  ['\u03bcg', 'microgram'],
  ['g', 'gram'],
  ['ml', 'milliliter'],
  ['%', 'procent'],
]);

const romans = new Map([
  ['I', 1],
  ['II', 2],
  ['III', 3],
]);

/** Words said so far, and the index of the token behind what they say. */
interface Said {
  said: string;
  to: number;
}

/**
 * Dental notation as a dentist reads it aloud: teeth digit by digit (`element twee zes`), several surfaces as letters and
 * one as its word, measures and scores in words. Capitals such as OPG stay: speech synthesis spells them itself.
 */
export const nlDentalPronunciation: Pronunciation = createPronunciation([
  sayToothList,
  sayToothWithSurface,
  sayScore,
  sayDepths,
  sayClass,
  sayMeasure,
  sayThrough,
]);

/** `elementen 13 t/m 23`: the whole list, since its numbers are teeth only behind its first word. */
function sayToothList(tokens: Tokens, index: number): Expression | undefined {
  const anchor = tokens.at(index);
  if (!anchors.has(anchor?.key ?? '')) return undefined;
  let said = anchor?.text ?? '';
  let to = index + 1;
  if (tokens.at(to)?.key === 'nummer') {
    said += ` ${tokens.at(to)?.text}`;
    to += 1;
  }
  if (tokens.at(to)?.text === ':') {
    said += ':';
    to += 1;
  }
  let tooth = toothAt(tokens, to);
  if (!tooth) return undefined;
  while (true) {
    said += ` ${tooth.said}`;
    to = tooth.to;
    const separator = separatorAt(tokens, to);
    const next = separator && toothAt(tokens, separator.to);
    if (!next) return spoken({ said, to });
    said += separator.said;
    tooth = next;
  }
}

/** `26 MOD` without such a word. */
function sayToothWithSurface(tokens: Tokens, index: number): Expression | undefined {
  const tooth = toothAt(tokens, index);
  return tooth && tooth.to > index + 1 ? spoken(tooth) : undefined;
}

/** `DPSI 3-` */
function sayScore(tokens: Tokens, index: number): Expression | undefined {
  const name = tokens.at(index);
  const score = name?.key === 'dpsi' ? tokens.at(index + 1) : undefined;
  if (score?.kind !== 'number' || !score.spaced || !/^[0-4]$/.test(score.text)) return undefined;
  const mark = tokens.at(index + 2);
  const isSign = (mark?.text === '-' || mark?.text === '+') && !mark.spaced;
  if (isGlued(tokens, isSign ? index + 3 : index + 2)) return undefined;
  const sign = isSign ? (mark.text === '-' ? ' min' : ' plus') : '';
  return spoken({ said: `${name?.text} ${dutchCardinal(Number(score.text))}${sign}`, to: index + (isSign ? 3 : 2) });
}

/** `pockets 3 5 4`, with the unit behind them */
function sayDepths(tokens: Tokens, index: number): Expression | undefined {
  if (!depthWords.has(tokens.at(index)?.key ?? '')) return undefined;
  const isVan = tokens.at(index + 1)?.key === 'van';
  let said = `${tokens.at(index)?.text}${isVan ? ` ${tokens.at(index + 1)?.text}` : ''}`;
  const first = isVan ? index + 2 : index + 1;
  let to = first;
  for (let depth = depthAt(tokens, to); depth; depth = depthAt(tokens, to)) {
    said += ` ${depth.said}`;
    to = depth.to;
  }
  return to > first ? spoken({ said, to }) : undefined;
}

/** `klasse II` */
function sayClass(tokens: Tokens, index: number): Expression | undefined {
  const value = tokens.at(index)?.key === 'klasse' ? romans.get(tokens.at(index + 1)?.text ?? '') : undefined;
  if (value === undefined || isGlued(tokens, index + 2)) return undefined;
  return spoken({ said: `${tokens.at(index)?.text} ${dutchCardinal(value)}`, to: index + 2 });
}

/** `4-5 mm`, `0,12%` */
function sayMeasure(tokens: Tokens, index: number): Expression | undefined {
  if (isInsideNumber(tokens, index)) return undefined;
  const measure = amountsAt(tokens, index);
  return measure && spoken(measure);
}

/** `t/m` anywhere */
function sayThrough(tokens: Tokens, index: number): Expression | undefined {
  const to = tokens.at(index)?.key === 't' ? throughEnd(tokens, index) : undefined;
  return to === undefined ? undefined : spoken({ said: 'tot en met', to });
}

function spoken({ said, to }: Said): Expression {
  return { output: said, to, rule: 'pronunciation' };
}

/** A tooth in FDI notation with its surfaces, `26 M en D`; not `26 mm`, `26.5` or `14 dagen`. */
function toothAt(tokens: Tokens, index: number): Said | undefined {
  const token = tokens.at(index);
  if (token?.kind !== 'number' || !/^(?:[1-4][1-8]|[5-8][1-5])$/.test(token.text)) return undefined;
  if (!token.spaced && isInsideNumber(tokens, index)) return undefined;
  if (isGlued(tokens, index + 1) || measureAt(tokens, index) !== undefined) return undefined;
  let said = [...token.text].map((digit) => dutchCardinal(Number(digit))).join(' ');
  let to = index + 1;
  for (let next = to; ; next = to + 1) {
    const code = tokens.at(next)?.spaced ? sayCode(tokens.at(next)?.text ?? '') : undefined;
    if (code === undefined || isGlued(tokens, next + 1)) return { said, to };
    said += `${next > to ? ` ${tokens.at(to)?.text}` : ''} ${code}`;
    to = next + 1;
    if (tokens.at(to)?.key !== 'en') return { said, to };
  }
}

/** A code in the order of the record, as letters; a single surface as its word. */
function sayCode(code: string): string | undefined {
  if (code === '' || !/^(?:M?[OI]?D?|D[OI])[BV]?[LP]?$/.test(code)) return undefined;
  const letters = [...code].map((letter) => surfaces.get(letter));
  return letters.length === 1 ? letters[0]?.word : letters.map((surface) => surface?.letter).join(' ');
}

/** What may stand between two teeth of a list, as it is said. */
function separatorAt(tokens: Tokens, index: number): Said | undefined {
  const token = tokens.at(index);
  const isThrough = token?.key === 'tot' || token?.key === 't';
  const through = isThrough ? throughEnd(tokens, index) : undefined;
  if (through !== undefined) return { said: ' tot en met', to: through };
  if (token?.text === ',' && !token.spaced) {
    const isAnd = tokens.at(index + 1)?.key === 'en' || tokens.at(index + 1)?.key === 'of';
    return isAnd ? { said: `, ${tokens.at(index + 1)?.text}`, to: index + 2 } : { said: ',', to: index + 1 };
  }
  if (token?.key === 'en' || token?.key === 'of') return { said: ` ${token.text}`, to: index + 1 };
  return token?.spaced ? { said: '', to: index } : undefined;
}

/** A number of at most two digits that stands apart, or a measure. */
function depthAt(tokens: Tokens, index: number): Said | undefined {
  const measure = amountsAt(tokens, index);
  if (measure) return measure;
  const token = tokens.at(index);
  if (token?.kind !== 'number' || !token.spaced || token.text.length > 2 || isGlued(tokens, index + 1))
    return undefined;
  return { said: dutchCardinal(Number(token.text)), to: index + 1 };
}

/** An amount or two, and their unit. */
function amountsAt(tokens: Tokens, index: number): Said | undefined {
  const first = amountAt(tokens, index);
  const isRange = first !== undefined && isJoinedBy(tokens, first.to, '-');
  const second = isRange ? amountAt(tokens, first.to + 1) : undefined;
  const last = second ?? first;
  const token = tokens.at(last?.to ?? index);
  const unit = last && units.get(token?.text ?? '');
  if (!first || !unit || (!token?.spaced && token?.text !== '%') || isGlued(tokens, last.to + 1)) return undefined;
  const amounts = second ? `${first.said} tot ${second.said}` : first.said;
  return { said: `${amounts} ${unit}`, to: last.to + 1 };
}

/** A number of at most four digits, with at most four decimals behind a comma; longer ones stay in digits. */
function amountAt(tokens: Tokens, index: number): Said | undefined {
  const whole = tokens.at(index);
  if (whole?.kind !== 'number') return undefined;
  const decimals = isJoinedBy(tokens, index + 1, ',') ? tokens.at(index + 2) : undefined;
  const isWhole = decimals?.kind !== 'number';
  const isSayable = /^(?:0|[1-9][0-9]{0,3})$/.test(whole.text) && (isWhole || decimals.text.length <= 4);
  const to = isWhole ? index + 1 : index + 3;
  if (!isSayable) return { said: isWhole ? whole.text : `${whole.text},${decimals.text}`, to };
  const said = dutchCardinal(Number(whole.text));
  return { said: isWhole ? said : `${said} komma ${dutchDecimals(decimals.text)}`, to };
}
