import type { ToothMention } from '../normalization/result.ts';

/** A tooth and the surfaces it was named with, as codes. */
export interface NamedTooth {
  tooth: number;
  surfaces: string[];
}

/** Teeth that were named together: one, a list or a range. Offsets are of the text; `start` is that of the word before them. */
export interface ToothGroup {
  start: number;
  end: number;
  teeth: NamedTooth[];
}

/** Words that say that teeth follow. */
const anchor =
  '(?:element(?:en)?|(?:melk|snij|hoek)?tand(?:en)?|(?:melk)?kie(?:s|zen)|(?:pre)?mola(?:ar|ren)|regio|melkelement(?:en)?)(?:\\s+nummer)?:?';
/** Between two teeth of a group; the first group is there for a range. */
const separator = new RegExp(`^\\s*(?:(t/m|-)|,?\\s*(?:en|of)|,|)\\s*(?:${anchor}\\s*)?$`, 'iu');
const leadingAnchor = new RegExp(`(?<!\\p{L})${anchor}\\s*$`, 'iu');
/** Longer than any anchor with `nummer` and spaces. */
const anchorCharacters = 40;

const surfaceCode = '(?=[MOIDBVLP])(?:M[OI]?D?|D[OI]?|[OI])?[BV]?[LP]?(?!\\p{L})';
/** A tooth without a word before it is known by its surfaces: their codes are capitals. */
const notation = new RegExp(
  `(?<![\\p{L}\\d]|\\d[.,:/-])([1-4][1-8]|[5-8][1-5])\\s+(${surfaceCode})((?:\\s+en\\s+${surfaceCode})*)`,
  'gu',
);

/**
 * The teeth of a written text, grouped as they were listed.
 * @param named those that a normalizer has found in it, in the order of the text
 */
export function toothGroups(text: string, named: readonly ToothMention[]): ToothGroup[] {
  const starts = new Set(named.map(({ output }) => output.start));
  const written = notationOf(text).filter(({ output }) => !starts.has(output.start));
  const groups: ToothGroup[] = [];
  for (const { tooth, surfaces, output } of [...named, ...written].sort(byStart)) {
    const group = groups.at(-1);
    const between = group && separatorBetween(text.slice(group.end, output.start));
    if (!group || !between) {
      groups.push({
        start: anchoredStart(text, output.start),
        end: output.end,
        teeth: [withSurfaces(tooth, surfaces)],
      });
      continue;
    }
    const last = group.teeth.at(-1) as NamedTooth;
    const skipped = between[1] ? teethBetween(last.tooth, tooth) : [];
    group.teeth.push(...skipped.map((each) => withSurfaces(each, '')));
    group.end = output.end;
    if (last.tooth === tooth && surfaces) last.surfaces.push(surfaces);
    else group.teeth.push(withSurfaces(tooth, surfaces));
  }
  return groups;
}

/** Teeth with the codes of their surfaces: `36 M en D` is two mentions. */
function notationOf(text: string): ToothMention[] {
  return Array.from(text.matchAll(notation), ({ 0: whole, 1: number, 2: first = '', 3: more = '', index }) => {
    const end = index + whole.length - more.length;
    const further = Array.from(more.matchAll(new RegExp(surfaceCode, 'gu')), ({ 0: code, index: at }) => ({
      surfaces: code,
      output: { start: end + at, end: end + at + code.length },
    }));
    const mentions = [{ surfaces: first, output: { start: index, end } }, ...further];
    return mentions.map((mention) => ({ tooth: Number(number), ...mention }));
  }).flat();
}

function byStart(one: ToothMention, other: ToothMention): number {
  return one.output.start - other.output.start;
}

/** The teeth between two of one jaw, along the arch, without both. Of different jaws there are none. */
function teethBetween(from: number, to: number): number[] {
  const arch = archs.find((each) => each.includes(from) && each.includes(to));
  if (!arch) return [];
  const [start, end] = [arch.indexOf(from), arch.indexOf(to)];
  const between = arch.slice(Math.min(start, end) + 1, Math.max(start, end));
  return start <= end ? between : between.reverse();
}

/** Quadrant by quadrant from the back of one side to the back of the other (ISO 3950). */
const archs: readonly (readonly number[])[] = [
  [1, 2, 8],
  [4, 3, 8],
  [5, 6, 5],
  [8, 7, 5],
].map(([right = 0, left = 0, teeth = 0]) => {
  const positions = Array.from({ length: teeth }, (_, index) => index + 1);
  return [...positions.toReversed().map((at) => right * 10 + at), ...positions.map((at) => left * 10 + at)];
});

function withSurfaces(tooth: number, surfaces: string): NamedTooth {
  return { tooth, surfaces: surfaces ? [surfaces] : [] };
}

function separatorBetween(text: string): RegExpExecArray | null {
  return text.length <= anchorCharacters ? separator.exec(text) : null;
}

function anchoredStart(text: string, start: number): number {
  const before = text.slice(Math.max(0, start - anchorCharacters), start);
  return start - (leadingAnchor.exec(before)?.[0].length ?? 0);
}
