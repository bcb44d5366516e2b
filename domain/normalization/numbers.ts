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
interface FoundNumber {
  value: number;
  to: number;
}

/** An amount found at some token, written with a decimal comma, and the index of the token behind it. */
interface FoundQuantity {
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
  const number = hundredsAt(tokens, index);
  if (!number || tokens[index]?.kind === 'number') return number;
  const thousands = multiplied(number, tokens, 'duizend', 1000, 9);
  const rest = thousands.value > 0 && thousands.value % 1000 === 0 ? hundredsAt(tokens, thousands.to) : undefined;
  if (!rest || tokens[thousands.to]?.kind !== 'word' || rest.value === 0 || rest.value >= 1000) return thousands;
  return { value: thousands.value + rest.value, to: rest.to };
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

/** A cardinal without words apart behind its thousands. */
function hundredsAt(tokens: readonly Token[], index: number): FoundNumber | undefined {
  const value = singleAt(tokens[index]);
  if (value === undefined) return undefined;
  if (tokens[index]?.kind === 'number') return { value, to: index + 1 };
  const hundreds = multiplied({ value, to: index + 1 }, tokens, 'honderd', 100, 99);
  const rest = tokens[hundreds.to]?.kind === 'word' ? singleAt(tokens[hundreds.to]) : undefined;
  const isRound = hundreds.value % 100 === 0 && hundreds.value % 1000 !== 0;
  return isRound && rest && rest < 100 ? { value: hundreds.value + rest, to: hundreds.to + 1 } : hundreds;
}

/** `vijf` followed by `honderd` or `honderdtwee`, in two words. */
function multiplied(
  times: FoundNumber,
  tokens: readonly Token[],
  word: string,
  worth: number,
  most: number,
): FoundNumber {
  const next = tokens[times.to];
  const value = next?.key.startsWith(word) ? singleAt(next) : undefined;
  if (value === undefined || times.value < 2 || times.value > most) return times;
  return { value: (times.value - 1) * worth + value, to: times.to + 1 };
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
