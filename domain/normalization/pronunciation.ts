import { applyRules } from './apply.ts';
import { expressionRule, type Reading, readAt } from './expression.ts';
import type { Pronunciation } from './pack.ts';
import { settledTokens, type Token, type Tokens, tokenize } from './tokens.ts';

/**
 * How a pack says what it writes, made of readings of notation. They look at nothing before the white space that an
 * expression stands behind: so text can be cut there, and its parts sound the same one by one.
 */
export function createPronunciation(readings: readonly Reading[]): Pronunciation {
  const rule = expressionRule(readings);
  return {
    speak: (text) => applyRules(text, [rule]).text,
    settled: (text) => {
      const tokens = tokenize(text);
      const settled = settledTokens(text, tokens);
      const read = new ReadTokens(tokens);
      let cut = 0;
      let index = 0;
      while (index < tokens.length) {
        // A part is said without what follows it, so nothing before a cut may have been read with regard to it.
        if (tokens[index]?.spaced && read.furthest < index) cut = index;
        index = readAt(readings, read, index)?.to ?? index + 1;
        if (read.furthest >= settled) return tokens[cut]?.start ?? 0;
      }
      return text.length;
    },
  };
}

/** Tokens that remember how far they have been read. */
class ReadTokens implements Tokens {
  readonly #tokens: readonly Token[];
  furthest = -1;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  at(index: number): Token | undefined {
    this.furthest = Math.max(this.furthest, index);
    return this.#tokens[index];
  }
}
