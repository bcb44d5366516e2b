import { digitAt, isNumberAt } from './en-numbers.ts';
import { type Expression, isGlued } from './expression.ts';
import type { Tokens } from './tokens.ts';

/** Marks by how they are said: those of a domain, and of the part before the `@`. */
const domainMarks = new Map([
  ['dot', '.'],
  ['dash', '-'],
  ['hyphen', '-'],
]);
const localMarks = new Map([...domainMarks, ['underscore', '_'], ['plus', '+']]);

/** Last labels of a domain that make `at ... dot ...` an address; another one stays in words. */
const topLevelDomains = new Set(
  'com net org info biz edu gov int eu nl be de fr uk ie us ca au nz ch at dk se no fi es it pt pl io dev app ai co'.split(
    ' ',
  ),
);

/** Words before an address of one word (`email john at example dot com`); elsewhere that is a place on the web. */
const addressLeads = new Set(['email', 'mail', 'address', 'is', 'to', 'contact', 'write', ':']);
const pronouns = new Set('me us him her them it you this that these those'.split(' '));

/** More words than this joined by said marks are no address. */
const mostPieces = 8;

/** An E.164 number has at most 15 digits; fewer than 7 may be any row of digits. */
const fewestDigits = 7;
const mostDigits = 15;

/** Words that announce a phone number, looked for among the four words before it. */
const phoneLeads = new Set('phone telephone mobile cell number numbers fax call dial ring text'.split(' '));

/** `john dot smith at example dot com` is `john.smith@example.com`; the last label has to be a known one. */
export function emailAt(tokens: Tokens, index: number): Expression | undefined {
  const before = index > 0 ? (tokens.at(index - 1)?.key ?? '') : '';
  const isWhole = !localMarks.has(before) && standsApart(tokens, index);
  const local = isWhole ? labelsAt(tokens, index, localMarks) : undefined;
  if (!local || tokens.at(local.to)?.key !== 'at') return undefined;
  if (local.pieces === 1 && (!addressLeads.has(before) || pronouns.has(local.text))) return undefined;
  const domain = labelsAt(tokens, local.to + 1, domainMarks);
  const ending = domain && /^[a-z0-9.-]+\.([a-z]+)$/.exec(domain.text)?.[1];
  if (!ending || !topLevelDomains.has(ending) || isGlued(tokens, domain.to)) return undefined;
  return { output: `${local.text}@${domain.text}`, to: domain.to, rule: 'email' };
}

/**
 * A phone number said digit by digit, with `oh` and `double`: it begins with 0 or `plus`, or such a word announces it.
 * Commas part its groups: `oh two oh, five five five, one two three four` is `020 555 1234`.
 */
export function phoneAt(tokens: Tokens, index: number): Expression | undefined {
  if (isBehindDigit(tokens, index)) return undefined;
  const isPlus = tokens.at(index)?.key === 'plus';
  const first = groupAt(tokens, isPlus ? index + 1 : index);
  if (first.digits === '') return undefined;
  const groups = [first];
  let { to } = first;
  while (tokens.at(to)?.text === ',' && groups.length <= mostDigits) {
    const group = groupAt(tokens, to + 1);
    // `call five five five one two three four, two of us`
    if (group.digits.length < 2) break;
    groups.push(group);
    to = group.to;
  }
  const digits = groups.map((group) => group.digits).join('');
  // `one two three four five six seven` is counting.
  const isPhone = digits.length >= fewestDigits && digits.length <= mostDigits && !'0123456789'.includes(digits);
  if (!isPhone || isNumberAt(tokens, to)) return undefined;
  if (!isPlus && !digits.startsWith('0') && !isAnnounced(tokens, index)) return undefined;
  return { output: `${isPlus ? '+' : ''}${groups.map((group) => group.digits).join(' ')}`, to, rule: 'phone' };
}

/** Words joined by said marks: `john dot smith`. A label has 63 characters at most (RFC 1035 section 2.3.4). */
function labelsAt(
  tokens: Tokens,
  index: number,
  marks: ReadonlyMap<string, string>,
): { text: string; to: number; pieces: number } | undefined {
  let text = '';
  let to = index;
  for (let pieces = 1; pieces <= mostPieces; pieces += 1) {
    const key = tokens.at(to)?.key ?? '';
    if (!/^[a-z0-9]{1,63}$/.test(key) || key === 'at') return undefined;
    text += key;
    const mark = marks.get(tokens.at(to + 1)?.key ?? '');
    if (mark === undefined) return { text, to: to + 1, pieces };
    text += mark;
    to += 2;
  }
  return undefined;
}

/** White space stands before a token, or before the mark that opens a bracket or quotation. */
function standsApart(tokens: Tokens, index: number): boolean {
  if (tokens.at(index)?.spaced) return true;
  return index > 0 && tokens.at(index - 1)?.spaced === true && /^[("'“‘[]$/.test(tokens.at(index - 1)?.text ?? '');
}

/** Digits said one by one, some with `double` or `triple` before them; none gives an empty group. */
function groupAt(tokens: Tokens, index: number): { digits: string; to: number } {
  let digits = '';
  let to = index;
  while (digits.length <= mostDigits) {
    const key = tokens.at(to)?.key;
    const times = key === 'double' ? 2 : key === 'triple' ? 3 : 1;
    const at = times > 1 ? to + 1 : to;
    const digit = tokens.at(at)?.kind === 'word' ? digitAt(tokens, at) : undefined;
    if (digit === undefined) break;
    digits += String(digit).repeat(times);
    to = at + 1;
  }
  return { digits, to };
}

function isBehindDigit(tokens: Tokens, index: number): boolean {
  if (index === 0) return false;
  const before = index > 1 && tokens.at(index - 1)?.text === ',' ? index - 2 : index - 1;
  return tokens.at(before)?.key === 'plus' || isNumberAt(tokens, before) || digitAt(tokens, before) !== undefined;
}

function isAnnounced(tokens: Tokens, index: number): boolean {
  for (let before = index - 1; before >= 0 && before >= index - 4; before -= 1) {
    const token = tokens.at(before);
    if (phoneLeads.has(token?.key ?? '')) return true;
    if (token?.kind !== 'word' && token?.text !== ':') return false;
    if (isNumberAt(tokens, before)) return false;
  }
  return false;
}
