import { isJoinedBy, type Token, type Tokens } from './tokens.ts';

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

/** The first two letters of number words and halves. */
const beginnings = new Set(
  [...below100.keys(), 'honderd', 'duizend', 'halve', 'anderhalve'].map((word) => word.slice(0, 2)),
);

/** Whether a number may begin at a token: a quick look, for most tokens say no. */
export function isLikeNumber(token: Token | undefined): boolean {
  return token?.kind === 'number' || (token?.kind === 'word' && beginnings.has(token.key.slice(0, 2)));
}

/** Value of a cardinal written as one word, folded: `zesentwintig`, `honderdvijf`, `twaalfhonderd`. */
export function cardinalWord(key: string): number | undefined {
  const small = below100.get(key);
  if (small !== undefined || key.length > longestCardinal) return small;
  return multiple(key, 'duizend', 1000, 9) ?? multiple(key, 'honderd', 100, 99);
}

/** Value of the digit at a token, said (`zes`) or written (`6`). */
export function digitAt(tokens: Tokens, index: number): number | undefined {
  const token = tokens.at(index);
  if (token?.kind === 'number' && token.text.length > 1) return undefined;
  const value = singleAt(token);
  return value !== undefined && value < 10 ? value : undefined;
}

/** Value of the cardinal that begins at a token: digits, one word, or words apart (`honderd vijf`). */
export function cardinalAt(tokens: Tokens, index: number): FoundNumber | undefined {
  const number = hundredsAt(tokens, index);
  if (!number || tokens.at(index)?.kind === 'number') return number;
  const thousands = multiplied(number, tokens, 'duizend', 1000, 9);
  const rest = thousands.value > 0 && thousands.value % 1000 === 0 ? hundredsAt(tokens, thousands.to) : undefined;
  if (!rest || tokens.at(thousands.to)?.kind !== 'word' || rest.value === 0 || rest.value >= 1000) return thousands;
  return { value: thousands.value + rest.value, to: rest.to };
}

/**
 * The ten said behind its unit, apart: `zes en twintig`, `zes-en-twintig`. The caller says where such words may be one
 * number.
 */
export function unitAndTenAt(tokens: Tokens, index: number): FoundNumber | undefined {
  const unit = tokens.at(index)?.kind === 'word' ? digitAt(tokens, index) : undefined;
  if (!unit) return undefined;
  const skipHyphen = (at: number) => (isJoinedBy(tokens, at, '-') ? at + 1 : at);
  const and = skipHyphen(index + 1);
  if (tokens.at(and)?.key !== 'en') return undefined;
  const at = skipHyphen(and + 1);
  const ten = tens.indexOf(tokens.at(at)?.key ?? '');
  return ten < 1 ? undefined : { value: (ten + 1) * 10 + unit, to: at + 1 };
}

/**
 * The amount that begins at a token: a cardinal, digits of any length, decimals (`nul komma vijf`, `1.5`) or halves
 * (`anderhalve`, `twee en een halve`).
 */
export function quantityAt(tokens: Tokens, index: number): FoundQuantity | undefined {
  const token = tokens.at(index);
  const half = token?.kind === 'word' ? halfWord(token.key) : undefined;
  if (half) return { amount: half, to: index + 1 };
  const whole = wholeAt(tokens, index);
  if (!whole) return undefined;
  if (whole.amount === '1' && isHalf(tokens.at(whole.to))) return { amount: '0,5', to: whole.to + 1 };
  if (isAndAHalf(tokens, whole.to)) return { amount: `${whole.amount},5`, to: whole.to + 3 };
  const fraction = tokens.at(whole.to);
  if (token?.kind === 'number' && isJoinedBy(tokens, whole.to, ',.') && tokens.at(whole.to + 1)?.kind === 'number') {
    const decimals = tokens.at(whole.to + 1)?.text ?? '';
    // `1.000` is a thousand, `0.125` an eighth.
    const isThousands = fraction?.text === '.' && decimals.length === 3 && Number(whole.amount) > 0;
    return { amount: `${whole.amount}${isThousands ? '.' : ','}${decimals}`, to: whole.to + 2 };
  }
  const decimals = fraction?.key === 'komma' ? decimalsAt(tokens, whole.to + 1) : undefined;
  return decimals ? { amount: `${whole.amount},${decimals.amount}`, to: decimals.to } : whole;
}

/** A whole number as it is written: digits as they are, words as digits. */
function wholeAt(tokens: Tokens, index: number): FoundQuantity | undefined {
  const token = tokens.at(index);
  if (token?.kind === 'number') return { amount: token.text, to: index + 1 };
  const cardinal = cardinalAt(tokens, index);
  return cardinal && { amount: String(cardinal.value), to: cardinal.to };
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
function hundredsAt(tokens: Tokens, index: number): FoundNumber | undefined {
  const value = singleAt(tokens.at(index));
  if (value === undefined) return undefined;
  if (tokens.at(index)?.kind === 'number') return { value, to: index + 1 };
  const hundreds = multiplied({ value, to: index + 1 }, tokens, 'honderd', 100, 99);
  const isRound = hundreds.value > 0 && hundreds.value % 100 === 0;
  return isRound ? (smallBehind(tokens, hundreds) ?? hundreds) : hundreds;
}

/** What is said behind round hundreds or thousands: `honderd vijf`; up to twelve also `honderd en vijf`. */
function smallBehind(tokens: Tokens, round: FoundNumber): FoundNumber | undefined {
  const hasAnd = tokens.at(round.to)?.key === 'en' && !isAndAHalf(tokens, round.to);
  const at = hasAnd ? round.to + 1 : round.to;
  const small = tokens.at(at)?.kind === 'word' ? singleAt(tokens.at(at)) : undefined;
  return small && small <= (hasAnd ? 12 : 99) ? { value: round.value + small, to: at + 1 } : undefined;
}

/** `vijf` followed by `honderd` or `honderdtwee`, in two words. */
function multiplied(times: FoundNumber, tokens: Tokens, word: string, worth: number, most: number): FoundNumber {
  const next = tokens.at(times.to);
  const value = next?.key.startsWith(word) ? singleAt(next) : undefined;
  if (value === undefined || times.value < 2 || times.value > most) return times;
  return { value: (times.value - 1) * worth + value, to: times.to + 1 };
}

/** Digits said behind `komma`: at most four, so that a row of digits costs no more than that. */
function decimalsAt(tokens: Tokens, index: number): FoundQuantity | undefined {
  let amount = '';
  let to = index;
  while (amount.length < 4) {
    const digit = digitAt(tokens, to);
    if (digit === undefined) break;
    amount += digit;
    to += 1;
  }
  const rest = /^0*$/.test(amount) ? cardinalAt(tokens, to) : undefined;
  if (rest) return { amount: amount + rest.value, to: rest.to };
  return amount ? { amount, to } : undefined;
}

/** `halve` is 0,5, `anderhalve` 1,5, `tweeënhalve` and `tweeëneenhalve` 2,5. */
function halfWord(key: string): string | undefined {
  const ending = ['halve', 'half'].find((word) => key.endsWith(word));
  if (!ending || key.length > longestCardinal) return undefined;
  const before = key.slice(0, -ending.length);
  if (before === '') return '0,5';
  if (before === 'ander') return '1,5';
  const and = ['eneen', 'en'].find((word) => before.endsWith(word));
  const whole = and ? cardinalWord(before.slice(0, -and.length)) : undefined;
  return whole === undefined ? undefined : `${whole},5`;
}

function isHalf(token: Token | undefined): boolean {
  return token?.key === 'halve' || token?.key === 'half';
}

/** `en een halve` at a token. */
function isAndAHalf(tokens: Tokens, index: number): boolean {
  return tokens.at(index)?.key === 'en' && tokens.at(index + 1)?.key === 'een' && isHalf(tokens.at(index + 2));
}
