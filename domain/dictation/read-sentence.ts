import type { FoundTerm, TermFinder } from './term-finder.ts';
import type { ToothGroup } from './tooth-groups.ts';

/** Something that a sentence says of teeth, or of the mouth. */
export type Statement = StatedTerm | StatedPocket | StatedBleeding;

interface OfTeeth {
  /** Where it stands; with its amount. */
  start: number;
  end: number;
  /** The teeth it is about; absent where none is named with it. */
  group?: ToothGroup;
}

export interface StatedTerm extends OfTeeth {
  kind: 'term';
  term: string;
  category: string;
  amount: string | null;
  isNegated: boolean;
}

export interface StatedPocket extends OfTeeth {
  kind: 'pocket';
  depthsMm: number[];
}

export interface StatedBleeding extends OfTeeth {
  kind: 'bleeding';
  percent: number | null;
  isNegated: boolean;
}

/** A sextant's score. */
export interface StatedDpsi {
  sextant: number | null;
  score: string;
}

const number = '\\d{1,4}(?:,\\d{1,3})?';
const measure = `${number}(?:-${number})?\\s?(?:mm|cm|mg|µg|g|ml|%)(?!\\p{L})`;
const amountBehind = new RegExp(
  `^\\s+(?:van\\s+)?(${measure}|(?:graad|klasse|stadium)\\s+(?:\\d|I{1,3})(?!\\p{L}))`,
  'iu',
);
const amountBefore = new RegExp(`(?<![\\d,-])(${measure})\\s+$`, 'iu');
const pocket = new RegExp(
  `(?<!\\p{L})(?:pocket(?:diepte)?|sondeerdiepte)[ns]?\\s+(?:van\\s+)?(${number}(?:(?:-|/|\\s+|,\\s*|\\s+(?:en|tot)\\s+)${number})*)(?:\\s?mm)?(?!\\p{L})`,
  'giu',
);
const bleeding = new RegExp(`(?<!\\p{L})BOP(?!\\p{L})(?:\\s+(?:van\\s+)?(${number})\\s?%)?`, 'giu');
const dpsi = /(?:(?<!\p{L})sextant\s+([1-6])[:,]?\s+)?(?<!\p{L})DPSI\s+(?:van\s+)?([0-4][-+]?)(?!\d)/giu;
const sextantBehind = /^\s+(?:(?:in|van|voor|bij)\s+)?sextant\s+([1-6])(?!\d)/iu;
const sextant = /(?<!\p{L})sextant\s+([1-6])(?!\d)/giu;
const deepestPocketMm = 20;

/** Longer than any amount with the spaces around it. */
const amountCharacters = 48;

const prepositions = new Set(
  'op rond rondom bij aan van in tussen onder boven langs naast tegen tpv thv t.p.v. t.h.v. ter plaatse hoogte'.split(
    ' ',
  ),
);
const betweenPreposition =
  /^(?:de|het|een|alle|beide|(?:mesi|dist|occlus|bucc|lingu|palat|incis|vestib|cervic)\p{L}*)$/u;

const adjective = /^(?:\p{L}+e|duidelijk|verder|meer|ook)$/u;
const negatedBehind =
  /^\s+(?:(?:is|zijn|was|waren)\s+)?(?:niet(?!\s+(?:uitgesloten|uit\s+te\s+sluiten))|afwezig|uitgesloten|negatief)(?!\p{L})/iu;
/** Longer than any of them with the spaces around it. */
const negationCharacters = 60;

/**
 * What a sentence says, in its order.
 * @param text where teeth stand, it holds marks of the same length that no rule takes for a word: see `masked`
 * @param groups the teeth of the sentence, in order
 */
export function statementsOf(text: string, groups: readonly ToothGroup[], findTerms: TermFinder): Statement[] {
  const scores = [...pocketsOf(text), ...bleedingsOf(text)].sort(byStart);
  const statements = [...scores, ...termsOf(text, findTerms(text), scores)].sort(byStart);
  let next = 0;
  return statements.map((statement) => {
    while ((groups[next]?.start ?? text.length) < statement.end) next += 1;
    return { ...statement, group: groupOf(text, statement, groups[next - 1], groups[next]) };
  });
}

/** The DPSI scores of a sentence, with the sextant right before or behind each, or else the last one before it. */
export function dpsiOf(text: string): StatedDpsi[] {
  let taken = 0;
  return Array.from(text.matchAll(dpsi), (match) => {
    const [whole, before, score = ''] = match;
    const end = match.index + whole.length;
    const behind = before ? null : sextantBehind.exec(text.slice(end, end + amountCharacters));
    const earlier = Array.from(text.slice(taken, match.index).matchAll(sextant), ([, each]) => each).at(-1);
    const named = before ?? behind?.[1] ?? earlier;
    taken = end + (behind?.[0].length ?? 0);
    return { sextant: named === undefined ? null : Number(named), score };
  });
}

/** The text with what stands in some spans, given in order, replaced by marks, so that other things keep their places. */
export function masked(text: string, spans: readonly { start: number; end: number }[]): string {
  let copied = 0;
  const parts = spans.map(({ start, end }) => {
    const part = text.slice(copied, start) + '\u0000'.repeat(end - start);
    copied = end;
    return part;
  });
  return parts.join('') + text.slice(copied);
}

function pocketsOf(text: string): StatedPocket[] {
  return Array.from(text.matchAll(pocket), ({ 0: whole, 1: list = '', index: start }) => {
    const depthsMm = Array.from(list.matchAll(new RegExp(number, 'g')), ([depth]) => Number(depth.replace(',', '.')));
    return { kind: 'pocket' as const, start, end: start + whole.length, depthsMm };
  }).filter(({ depthsMm }) => depthsMm.every((depth) => depth <= deepestPocketMm));
}

function bleedingsOf(text: string): StatedBleeding[] {
  return Array.from(text.matchAll(bleeding), ({ 0: whole, 1: percent, index: start }) => {
    const end = start + whole.length;
    const isNegated = isNegatedBefore(text, start) || isNegatedBehind(text, end);
    return {
      kind: 'bleeding' as const,
      start,
      end,
      percent: percent === undefined ? null : Number(percent.replace(',', '.')),
      isNegated,
    };
  });
}

function termsOf(text: string, found: readonly FoundTerm[], scores: readonly Statement[]): StatedTerm[] {
  const terms: StatedTerm[] = [];
  let next = 0;
  let free = 0;
  for (const { canonical: term, category, start, end } of found) {
    for (let score = scores[next]; score && score.start <= start; score = scores[next]) {
      free = score.end;
      next += 1;
    }
    // The words of a score, or an amount that is taken.
    if (start < free) continue;
    const behind = amountBehind.exec(text.slice(end, end + amountCharacters));
    const before = behind ? null : amountBefore.exec(text.slice(Math.max(free, start - amountCharacters), start));
    free = end + (behind?.[0].length ?? 0);
    const isNegated = isNegatedBefore(text, start) || isNegatedBehind(text, free);
    const amount = behind?.[1] ?? before?.[1] ?? null;
    terms.push({ kind: 'term', term, category, amount, start, end: free, isNegated });
  }
  return negatedTogether(text, terms);
}

/** `geen`, `zonder` or `nooit` before something; two adjectives may stand between. */
function isNegatedBefore(text: string, start: number): boolean {
  const words = text
    .slice(Math.max(0, start - negationCharacters), start)
    .toLowerCase()
    .trimEnd()
    .split(/\s+/);
  for (let skipped = 0; skipped <= 2; skipped += 1) {
    const word = words.pop() ?? '';
    if (/^(?:geen|zonder|nooit|noch)$/.test(word)) return true;
    if (!adjective.test(word)) return false;
  }
  return false;
}

function isNegatedBehind(text: string, end: number): boolean {
  return negatedBehind.test(text.slice(end, end + negationCharacters));
}

/** `geen cariës, fractuur of fistel` negates all three; behind a mere comma or `en` something else begins. */
function negatedTogether(text: string, terms: readonly StatedTerm[]): StatedTerm[] {
  const negated = new Set<StatedTerm>();
  let isListed = false;
  let pending: StatedTerm[] = [];
  let end = 0;
  for (const term of terms) {
    const mark = text.slice(end, term.start).trim().toLowerCase();
    isListed &&= /^(?:,|,?\s*(?:of|noch))$/.test(mark);
    pending = isListed ? [...pending, term] : [];
    if (term.isNegated || (isListed && mark !== ',')) {
      for (const each of [...pending, term]) negated.add(each);
      isListed = true;
      pending = [];
    }
    end = term.end;
  }
  return terms.map((term) => ({ ...term, isNegated: negated.has(term) }));
}

/**
 * The teeth a statement is about: those behind it when a preposition leads to them (`cariës op element 37`), or else the
 * nearest before it, or else, at the beginning of a sentence, the first behind it. Medicine is for the person before it is
 * for a tooth.
 */
function groupOf(
  text: string,
  statement: Statement,
  before: ToothGroup | undefined,
  behind: ToothGroup | undefined,
): ToothGroup | undefined {
  if (behind && isLedTo(text.slice(statement.end, behind.start))) return behind;
  const isMedicine = statement.kind === 'term' && statement.category === 'medication';
  return before ?? (isMedicine ? undefined : behind);
}

function byStart(one: Statement, other: Statement): number {
  return one.start - other.start;
}

function isLedTo(between: string): boolean {
  const words = between.toLowerCase().split(/\s+/).filter(Boolean);
  return (
    words.some((word) => prepositions.has(word)) &&
    words.every((word) => prepositions.has(word) || betweenPreposition.test(word))
  );
}
