/** How what was heard differs from what there was to say, in words. */
export interface WordCount {
  /** Words that nobody heard. */
  lost: number;
  /** Words that nobody should have heard: said twice, or made up. */
  doubled: number;
}

/** Compares by letters and digits alone, in order: what is not part of the longest common sequence is lost or too much. */
export function compareWords(expected: string, heard: string): WordCount {
  const wanted = wordsOf(expected);
  const got = wordsOf(heard);
  const common = longestCommonLength(wanted, got);
  return { lost: wanted.length - common, doubled: got.length - common };
}

/**
 * How many words are missing from, or too many in, audio of a length. Less than a word is within what a network and the pauses of
 * a voice change.
 * @param expectedMs voiced audio of the whole text
 */
export function compareAudio(text: string, expectedMs: number, heardMs: number): WordCount {
  const wordMs = expectedMs / wordsOf(text).length;
  const words = Math.trunc((heardMs - expectedMs) / wordMs);
  return { lost: Math.max(0, -words), doubled: Math.max(0, words) };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

function longestCommonLength(a: readonly string[], b: readonly string[]): number {
  let before = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const row = [0];
    for (const [index, other] of b.entries()) {
      const above = before[index + 1] ?? 0;
      const left = row[index] ?? 0;
      row.push(word === other ? (before[index] ?? 0) + 1 : Math.max(above, left));
    }
    before = row;
  }
  return before[b.length] ?? 0;
}
