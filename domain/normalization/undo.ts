import type { Normalized } from './result.ts';

/** A text with the edits that made it. */
type Transcript = Pick<Normalized, 'raw' | 'text' | 'edits'>;

/**
 * The same transcript with one edit undone: its place in the text says again what was heard, and the edits behind it
 * are moved.
 * @param index of the edit in `edits`
 * @throws RangeError when there is no such edit
 */
export function withoutEdit({ raw, text, edits }: Transcript, index: number): Transcript {
  const undone = edits[index];
  if (!undone) throw new RangeError(`there is no edit ${index}: the transcript has ${edits.length}`);
  const heard = raw.slice(undone.input.start, undone.input.end);
  const moved = heard.length - (undone.output.end - undone.output.start);
  return {
    raw,
    text: text.slice(0, undone.output.start) + heard + text.slice(undone.output.end),
    edits: edits.toSpliced(index, 1).map((edit, position) => {
      if (position < index) return edit;
      return { ...edit, output: { start: edit.output.start + moved, end: edit.output.end + moved } };
    }),
  };
}
