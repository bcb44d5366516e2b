import { isJoinedBy, type Token } from './tokens.ts';

/** Dutch number words as people write and say them (0 to 9999), and the quantities made of them. */

const units = ['nul', 'een', 'twee', 'drie', 'vier', 'vijf', 'zes', 'zeven', 'acht', 'negen'];
const teens = ['elf', 'twaalf', 'dertien', 'veertien', 'vijftien', 'zestien', 'zeventien', 'achttien', 'negentien'];
const tens = ['tien', 'twintig', 'dertig', 'veertig', 'vijftig', 'zestig', 'zeventig', 'tachtig', 'negentig'];

/** Values by folded spelling; `drieëntwintig` is found with and without its diaeresis. */
const below100 = new Map<string, number>([
  ...units.map((word, index) => [word, index] as const),
  ...teens.map((word, index) => [word, index + 11] as const),
  ...tens.map((word, index) => [word, (index + 1) * 10] as const),
  ...tens
    .slice(1)
    .flatMap((ten, index) =>
      units.slice(1).map((unit, below) => [`${unit}en${ten}`, (index + 2) * 10 + below + 1] as const),
    ),
]);

/** `duizendnegenhonderdnegenennegentig` and the like fit into it; longer words are no number. */
const longestCardinal = 48;

/** A number found at some token: its value and the index of the token behind it. */
export interface FoundNumber {
  value: number;
  to: number;
}

/** An amount found at some token, written with a decimal comma, and the index of the token behind it. */
export interface FoundQuantity {
  amount: string;
  to: number;
}

/** Value of a cardinal written as one word, folded: `zesentwintig`, `honderdvijf`, `twaalfhonderd`. */
export function cardinalWord(key: string): number | undefined {
  const small = below100.get(key);
  if (small !== undefined || key.length > longestCardinal) return small;
  return multiple(key, 'duizend', 1000, 9) ?? multiple(key, 'honderd', 100, 99);
}

/** Value of the digit at a token, said (`zes`) or written (`6`). */
export function digitAt(tokens: readonly Token[], index: number): number | undefined {
  const token = tokens[index];
  if (token?.kind === 'number' && token.text.length > 1) return undefined;
  const value = singleAt(token);
  return value !== undefined && value < 10 ? value : undefined;
}

/** Value of the cardinal that begins at a token: digits, one word, or words apart (`honderd vijf`). */
export function cardinalAt(tokens: readonly Token[], index: number): FoundNumber | undefined {
  const value = singleAt(tokens[index]);
  if (value === undefined) return undefined;
  if (tokens[index]?.kind === 'number') return { value, to: index + 1 };
  const number = { value, to: index + 1 };
  extend(number, tokens, 'duizend', 1000, 9);
  extend(number, tokens, 'honderd', 100, 99);
  return number;
}

/**
 * The ten said behind its unit, apart: `zes en twintig`, `zes-en-twintig`. The caller says where such words may be one
 * number.
 */
export function unitAndTenAt(tokens: readonly Token[], index: number): FoundNumber | undefined {
  const skipHyphen = (at: number) => (isJoinedBy(tokens, at, '-') ? at + 1 : at);
  const and = skipHyphen(index + 1);
  const at = skipHyphen(and + 1);
  const unit = tokens[index]?.kind === 'word' ? digitAt(tokens, index) : undefined;
  const ten = tens.indexOf(tokens[at]?.key ?? '');
  if (!unit || tokens[and]?.key !== 'en' || ten < 1) return undefined;
  return { value: (ten + 1) * 10 + unit, to: at + 1 };
}

/** The amount that begins at a token: a cardinal, decimals (`nul komma vijf`, `1,5`) or halves (`anderhalve`). */
export function quantityAt(tokens: readonly Token[], index: number): FoundQuantity | undefined {
  const half = halfWord(tokens[index]?.key ?? '');
  if (half) return { amount: half, to: index + 1 };
  const whole = cardinalAt(tokens, index);
  if (!whole) return undefined;
  if (whole.value === 1 && isHalf(tokens[whole.to])) return { amount: '0,5', to: whole.to + 1 };
  if (tokens[whole.to]?.key === 'en' && tokens[whole.to + 1]?.key === 'een' && isHalf(tokens[whole.to + 2])) {
    return { amount: `${whole.value},5`, to: whole.to + 3 };
  }
  const decimals = decimalsAt(tokens, whole.to);
  return decimals
    ? { amount: `${whole.value},${decimals.amount}`, to: decimals.to }
    : { amount: String(whole.value), to: whole.to };
}

function singleAt(token: Token | undefined): number | undefined {
  if (token?.kind === 'word') return cardinalWord(token.key);
  return token?.kind === 'number' && token.text.length <= 4 ? Number(token.text) : undefined;
}

/** `[two to most]word[and][less than one of it]`, all in one word. */
function multiple(key: string, word: string, worth: number, most: number): number | undefined {
  const at = key.indexOf(word);
  if (at < 0) return undefined;
  const times = at === 0 ? 1 : below100.get(key.slice(0, at));
  const rest = key.slice(at + word.length);
  const below = rest === '' ? 0 : (cardinalWord(rest) ?? cardinalWord(rest.replace(/^en/, '')));
  if (!times || times > most || below === undefined || below >= worth) return undefined;
  return times * worth + below;
}

/** Adds what is said behind a round number: `vijf` + `honderd`, `honderd` + `vijf`. */
function extend(number: FoundNumber, tokens: readonly Token[], word: string, worth: number, most: number): void {
  const next = tokens[number.to];
  const value = next?.kind === 'word' && next.spaced ? cardinalWord(next.key) : undefined;
  if (value === undefined) return;
  if (next?.key.startsWith(word) && number.value > 1 && number.value <= most) {
    number.value = (number.value - 1) * worth + value;
  } else if (number.value > 0 && number.value % worth === 0 && value > 0 && value < worth) {
    number.value += value;
  } else return;
  number.to += 1;
  extend(number, tokens, word, worth, 0);
}

/** Digits behind a decimal comma, spoken or written: at most four, so that a row of digits costs no more than that. */
function decimalsAt(tokens: readonly Token[], index: number): FoundQuantity | undefined {
  if (isJoinedBy(tokens, index, ',.') && tokens[index + 1]?.kind === 'number') {
    return { amount: tokens[index + 1]?.text ?? '', to: index + 2 };
  }
  if (tokens[index]?.key !== 'komma') return undefined;
  let amount = '';
  let to = index + 1;
  while (amount.length < 4) {
    const digit = digitAt(tokens, to);
    if (digit === undefined) break;
    amount += digit;
    to += 1;
  }
  const rest = amount.replaceAll('0', '') === '' ? cardinalAt(tokens, to) : undefined;
  if (rest) return { amount: amount + rest.value, to: rest.to };
  return amount ? { amount, to } : undefined;
}

/** `halve` is 0,5, `anderhalve` 1,5, `tweeënhalve` 2,5. */
function halfWord(key: string): string | undefined {
  const before = key.length <= longestCardinal ? /^(.*?)(?:hal[fv]e?)$/.exec(key)?.[1] : undefined;
  if (before === '') return '0,5';
  if (before === 'ander') return '1,5';
  const whole = before?.endsWith('en') ? cardinalWord(before.slice(0, -2)) : undefined;
  return whole === undefined ? undefined : `${whole},5`;
}

function isHalf(token: Token | undefined): boolean {
  return token?.key === 'halve' || token?.key === 'half';
}
