import { voice } from '@livekit/agents';
import { offsetMap } from '../../domain/normalization/apply.ts';
import type { Edit, Normalized, Span } from '../../domain/normalization/result.ts';

/** A recogniser's word with its place in the raw text. */
interface PlacedWord extends Span {
  word: voice.TimedString;
}

/**
 * The timed words of a normalized transcript. Words that one edit has made into one expression become one, from the
 * start of the first to the end of the last, as sure as the least sure of them. Words that aren't found in the raw
 * text, in order, are given back as they were.
 */
export function normalizeWords(
  words: readonly voice.TimedString[],
  transcript: Pick<Normalized, 'raw' | 'text' | 'edits'>,
): voice.TimedString[] {
  const placed = transcript.edits.length > 0 ? placeWords(words, transcript.raw) : undefined;
  if (!placed) return [...words];
  const toOutput = offsetMap(transcript.edits);
  return groupByEdit(placed, transcript.edits).map((group) => {
    const text = transcript.text.slice(toOutput(group[0].start), toOutput((group.at(-1) ?? group[0]).end));
    return merge(group, text);
  });
}

function placeWords(words: readonly voice.TimedString[], raw: string): PlacedWord[] | undefined {
  const placed: PlacedWord[] = [];
  let searched = 0;
  for (const word of words) {
    const start = raw.indexOf(word.text.trim(), searched);
    if (start < 0) return undefined;
    searched = start + word.text.trim().length;
    placed.push({ word, start, end: searched });
  }
  return placed;
}

/** Groups neighbours of which one edit touches both, so that no edit crosses the border of a group. */
function groupByEdit(words: readonly PlacedWord[], edits: readonly Edit[]): [PlacedWord, ...PlacedWord[]][] {
  const groups: [PlacedWord, ...PlacedWord[]][] = [];
  let next = 0;
  for (const word of words) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    while ((edits[next]?.input.end ?? Number.POSITIVE_INFINITY) <= word.start) next += 1;
    const edit = edits[next];
    if (group && before && edit && edit.input.start < before.end && edit.input.end > word.start) group.push(word);
    else groups.push([word]);
  }
  return groups;
}

function merge(group: readonly [PlacedWord, ...PlacedWord[]], text: string): voice.TimedString {
  const first = group[0].word;
  if (text === first.text.trim()) return first;
  const last = (group.at(-1) ?? group[0]).word;
  const confidences = group.flatMap(({ word }) => word.confidence ?? []);
  return voice.createTimedString({
    ...first,
    text,
    endTime: last.endTime,
    confidence: confidences.length > 0 ? Math.min(...confidences) : undefined,
  });
}
