import { isJoinedBy, type Tokens } from './tokens.ts';

/** English number words as people say and write them (0 to 999,999), and the amounts and digits made of them. */

const units = `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
  seventeen eighteen nineteen`.split(/\s+/);
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];

const small = new Map(units.map((word, value) => [word, value] as const));
const tensValues = new Map(tens.map((word, index) => [word, (index + 2) * 10] as const));

const multipliers = new Set(['hundred', 'thousand']);

/** A number found at some token. */
export interface FoundNumber {
  value: number;
  /** The index of the token behind it. */
  to: number;
  /** How many of its words are numbers; 0 for digits. `a hundred` has one. */
  words: number;
}

/** An amount as it is written, found at some token. */
interface FoundAmount {
  amount: string;
  /** The index of the token behind it. */
  to: number;
  /** Made of words, at least in part. */
  isSaid: boolean;
}

/** Whether a number word stands at a token. */
function isNumberWord(tokens: Tokens, index: number): boolean {
  const key = tokens.at(index)?.key ?? '';
  return small.has(key) || tensValues.has(key) || multipliers.has(key);
}

/** Whether a number, said or written, stands at a token. */
export function isNumberAt(tokens: Tokens, index: number): boolean {
  return tokens.at(index)?.kind === 'number' || isNumberWord(tokens, index);
}

/** Value of a digit at a token, said (`five`, `oh`) or written. */
export function digitAt(tokens: Tokens, index: number): number | undefined {
  const token = tokens.at(index);
  if (token?.kind === 'number') return token.text.length === 1 ? Number(token.text) : undefined;
  if (token?.key === 'oh' || token?.key === 'o') return 0;
  const value = small.get(token?.key ?? '');
  return value !== undefined && value < 10 ? value : undefined;
}

/** The number below 100 at a token: `seven`, `twelve`, `twenty`, `twenty three`, `twenty-three`, or digits. */
export function below100At(tokens: Tokens, index: number): FoundNumber | undefined {
  const token = tokens.at(index);
  if (token?.kind === 'number') {
    return token.text.length <= 2 ? { value: Number(token.text), to: index + 1, words: 0 } : undefined;
  }
  const value = small.get(token?.key ?? '');
  if (value !== undefined) return { value, to: index + 1, words: 1 };
  const ten = tensValues.get(token?.key ?? '');
  if (ten === undefined) return undefined;
  const at = isJoinedBy(tokens, index + 1, '-') ? index + 2 : index + 1;
  const unit = small.get(tokens.at(at)?.key ?? '');
  const isOne = unit !== undefined && unit > 0 && unit < 10;
  return isOne ? { value: ten + unit, to: at + 1, words: 2 } : { value: ten, to: index + 1, words: 1 };
}

/** The cardinal at a token: `five`, `a hundred and five`, `two thousand six hundred`, or digits. */
export function cardinalAt(tokens: Tokens, index: number): FoundNumber | undefined {
  const token = tokens.at(index);
  if (token?.kind === 'number') {
    return token.text.length <= 6 ? { value: Number(token.text), to: index + 1, words: 0 } : undefined;
  }
  const first = belowThousandAt(tokens, index);
  if (!first || tokens.at(first.to)?.key !== 'thousand' || first.value === 0) return first;
  const thousands = { value: first.value * 1000, to: first.to + 1, words: first.words + 1 };
  return withRest(tokens, thousands, 'thousand', belowThousandAt);
}

/** The amount at a token: a cardinal, with decimals (`two point five`, `2.5`) or `and a half`. */
export function amountAt(tokens: Tokens, index: number): FoundAmount | undefined {
  if (tokens.at(index)?.key === 'point') {
    const decimals = decimalsAt(tokens, index);
    return decimals && { amount: `0.${decimals.amount}`, to: decimals.to, isSaid: true };
  }
  const whole = cardinalAt(tokens, index);
  if (!whole) return undefined;
  if (whole.words === 0) return writtenAmount(tokens, index);
  const decimals = decimalsAt(tokens, whole.to);
  if (decimals) return { amount: `${whole.value}.${decimals.amount}`, to: decimals.to, isSaid: true };
  if (readsAs(tokens, whole.to, ['and', 'a', 'half'])) {
    return { amount: `${whole.value}.5`, to: whole.to + 3, isSaid: true };
  }
  return { amount: String(whole.value), to: whole.to, isSaid: true };
}

/** Digits behind `point`, said one by one or as one number (`point twenty five`), and where they end. */
export function decimalsAt(tokens: Tokens, index: number): { amount: string; to: number } | undefined {
  if (tokens.at(index)?.key !== 'point') return undefined;
  let amount = '';
  let to = index + 1;
  while (amount.length < 6 && tokens.at(to)?.kind === 'word') {
    const digit = digitAt(tokens, to);
    if (digit === undefined) break;
    amount += digit;
    to += 1;
  }
  if (amount !== '') return { amount, to };
  const pair = below100At(tokens, to);
  return pair && pair.value >= 10 && pair.words > 0 ? { amount: String(pair.value), to: pair.to } : undefined;
}

/** Whether these words stand at a token, apart. */
export function readsAs(tokens: Tokens, index: number, words: readonly string[]): boolean {
  return words.every((word, offset) => tokens.at(index + offset)?.key === word);
}

/** Digits as they are written: `2.5`, `1,000`. */
function writtenAmount(tokens: Tokens, index: number): FoundAmount {
  let amount = tokens.at(index)?.text ?? '';
  let to = index + 1;
  while (isJoinedBy(tokens, to, '.,') && tokens.at(to + 1)?.kind === 'number' && amount.length < 24) {
    amount += `${tokens.at(to)?.text}${tokens.at(to + 1)?.text}`;
    to += 2;
  }
  return { amount, to, isSaid: false };
}

function belowThousandAt(tokens: Tokens, index: number): FoundNumber | undefined {
  const isArticle = tokens.at(index)?.key === 'a' && multipliers.has(tokens.at(index + 1)?.key ?? '');
  const first = isArticle ? { value: 1, to: index + 1, words: 0 } : below100At(tokens, index);
  if (!first || first.value === 0 || tokens.at(first.to)?.key !== 'hundred') return first;
  const hundreds = { value: first.value * 100, to: first.to + 1, words: first.words + 1 };
  return withRest(tokens, hundreds, 'hundred', below100At);
}

/** A round number with what is said behind it: `hundred and five`. In `one hundred and two hundred` nothing is. */
function withRest(
  tokens: Tokens,
  round: FoundNumber,
  multiplier: string,
  restAt: (tokens: Tokens, index: number) => FoundNumber | undefined,
): FoundNumber {
  const rest = restAt(tokens, tokens.at(round.to)?.key === 'and' ? round.to + 1 : round.to);
  if (!rest || rest.words === 0 || rest.value === 0 || tokens.at(rest.to)?.key === multiplier) return round;
  return { value: round.value + rest.value, to: rest.to, words: round.words + rest.words };
}
