import type { Correction } from '../lexicon.ts';
import type { Edit, Span } from '../normalization/result.ts';
import type { Segment } from '../note.ts';

/** The place where two texts differ, in each of them. */
interface Difference {
  before: Span;
  after: Span;
}

/** A segment with its text changed by hand. Edits outside of the change are kept, and can still be undone. */
export function revised(segment: Segment, text: string): Segment {
  const { before, after } = differenceOf(segment.text, text);
  const edits = segment.edits.flatMap((edit) => {
    if (edit.output.end <= before.start) return [edit];
    return edit.output.start >= before.end ? [moved(edit, after.end - before.end)] : [];
  });
  return { ...segment, text, edits, isRevised: true };
}

/**
 * What a new text of a segment teaches: something when it changes what one edit has written, and nothing around that.
 */
export function correctionOf(
  { raw, text, edits }: Segment,
  changed: string,
): Pick<Correction, 'spoken' | 'written' | 'rule'> | undefined {
  const { before, after } = differenceOf(text, changed);
  const edit = edits.find(({ output }) => output.start <= before.start && before.end <= output.end);
  // Words that were put in change none that was there.
  if (!edit || before.start === before.end) return undefined;
  const written = changed.slice(edit.output.start, edit.output.end + after.end - before.end).trim();
  return written === '' ? undefined : { spoken: heardOf(raw, edit), written, rule: edit.rule };
}

/** What was heard where an edit was made. */
export function heardOf(raw: string, { input }: Edit): string {
  return raw.slice(input.start, input.end);
}

/** A segment that was changed by hand, with what was said since behind it. @param grown the segment as it is heard now */
export function withMoreSaid(segment: Segment, grown: Segment): Segment {
  const isLonger = grown.raw.startsWith(segment.raw);
  const heard = isLonger ? segment.raw.length : 0;
  const more = grown.edits.filter(({ input }) => input.end > heard);
  const start = writtenOffset(grown.edits, heard);
  const tail = grown.text.slice(start);
  const gap = /\S$/.test(segment.text) && /^\S/.test(tail) ? ' ' : '';
  const text = segment.text + gap + tail;
  const by = text.length - grown.text.length;
  const kept = isLonger ? segment.edits : [];
  return { ...grown, text, edits: [...kept, ...more.map((edit) => moved(edit, by))], isRevised: true };
}

/** Where the text goes on that was heard from an offset on; with the whole of an edit that reaches over it. */
function writtenOffset(edits: readonly Edit[], heard: number): number {
  const over = edits.find(({ input }) => input.start < heard && heard < input.end);
  if (over) return over.output.start;
  const before = edits.findLast(({ input }) => input.end <= heard);
  return before ? before.output.end + heard - before.input.end : heard;
}

function moved(edit: Edit, by: number): Edit {
  return { ...edit, output: { start: edit.output.start + by, end: edit.output.end + by } };
}

/** Where two texts differ, widened to whole words, so that a change inside of a word is a change of that word. */
function differenceOf(before: string, after: string): Difference {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let same = 0;
  while (same < shorter - start && before.at(-1 - same) === after.at(-1 - same)) same += 1;
  const cutsWord = (text: string, at: number) => isWordUnit(text[at - 1]) && isWordUnit(text[at]);
  while (cutsWord(before, start) || cutsWord(after, start)) start -= 1;
  while (cutsWord(before, before.length - same) || cutsWord(after, after.length - same)) same -= 1;
  return { before: { start, end: before.length - same }, after: { start, end: after.length - same } };
}

function isWordUnit(unit: string | undefined): boolean {
  return unit !== undefined && /[\p{L}\p{M}\p{N}\p{Cs}]/u.test(unit);
}
