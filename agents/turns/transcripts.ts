import type { Edit, Span } from '../../domain/normalization/result.ts';

/** One piece of what a person said, as heard and as normalized. */
export interface Transcript {
  raw: string;
  text: string;
  edits: Edit[];
}

/**
 * Joins the final transcripts of one turn by single spaces, as the framework joins their texts, and moves the edits' spans
 * along.
 */
export function joinTranscripts(pieces: readonly Transcript[]): Transcript {
  const joined: Transcript = { raw: '', text: '', edits: [] };
  for (const piece of pieces) {
    const rawStart = joined.raw ? joined.raw.length + 1 : 0;
    const textStart = joined.text ? joined.text.length + 1 : 0;
    joined.raw = joined.raw ? `${joined.raw} ${piece.raw}` : piece.raw;
    joined.text = joined.text ? `${joined.text} ${piece.text}` : piece.text;
    for (const edit of piece.edits) {
      joined.edits.push({ ...edit, input: shift(edit.input, rawStart), output: shift(edit.output, textStart) });
    }
  }
  return joined;
}

function shift(span: Span, by: number): Span {
  return { start: span.start + by, end: span.end + by };
}
