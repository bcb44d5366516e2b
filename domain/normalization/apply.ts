import { Draft, type Rule, type TokenRange } from './draft.ts';
import type { Edit, Normalized, Span } from './result.ts';
import { type Token, tokenize } from './tokens.ts';

/**
 * Normalizes a text by the rules of a pack. A word belongs to the first rule that claims it, so the order decides
 * between them.
 */
export function applyRules(raw: string, rules: readonly Rule[]): Normalized {
  const tokens = tokenize(raw);
  const draft = new Draft(raw, tokens);
  for (const rule of rules) {
    draft.decide(0);
    rule(draft);
  }
  return applyDraft(raw, tokens, draft);
}

/** The text with the proposed edits made, and every span. An edit that changes nothing is left out. */
function applyDraft(raw: string, tokens: readonly Token[], draft: Draft): Normalized {
  const inputOf = (range: TokenRange): Span => ({
    start: tokens[range.from]?.start ?? raw.length,
    end: tokens[range.to - 1]?.end ?? raw.length,
  });
  const parts: string[] = [];
  const edits: Edit[] = [];
  let copied = 0;
  let length = 0;
  let finished = 0;
  for (const proposed of draft.edits.toSorted((a, b) => a.from - b.from)) {
    const input = inputOf(proposed);
    if (raw.slice(input.start, input.end) === proposed.output) continue;
    const start = length + input.start - copied;
    length = start + proposed.output.length;
    parts.push(raw.slice(copied, input.start), proposed.output);
    copied = input.end;
    edits.push({ input, output: { start, end: length }, rule: proposed.rule });
    if (proposed.from < draft.open) finished = edits.length;
  }
  parts.push(raw.slice(copied));

  const toOutput = offsetMap(edits);
  const teeth = draft.teeth.map(({ tooth, surfaces, ...range }) => {
    const input = inputOf(range);
    return { tooth, surfaces, output: { start: toOutput(input.start), end: toOutput(input.end) } };
  });
  const warnings = draft.invalidTeeth.map((range) => ({ code: 'invalid-tooth' as const, input: inputOf(range) }));
  return { raw, text: parts.join(''), edits, teeth, warnings, finished };
}

/**
 * Maps an offset of the input to the output. An offset inside an edit is moved to the edit's end in the output.
 * @param edits in the order of the text, not overlapping
 */
export function offsetMap(edits: readonly Edit[]): (offset: number) => number {
  return (offset) => {
    let low = 0;
    let high = edits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((edits[middle]?.input.start ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    const before = edits[low - 1];
    return before ? before.output.end + Math.max(0, offset - before.input.end) : offset;
  };
}
