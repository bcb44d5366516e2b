/**
 * Deepgram takes 100 key terms and 500 tokens of them (developers.deepgram.com/docs/keyterm#key-term-limits) and stops
 * transcribing above that. It doesn't say what a token is; three characters are fewer than tokens have on average.
 */
const limits = { terms: 100, tokens: 500, charactersPerToken: 3 };

/** As many of the terms as Deepgram takes, the first ones first. */
export function withinLimits(keyTerms: readonly string[]): string[] {
  let tokens = 0;
  return keyTerms.slice(0, limits.terms).filter((term) => {
    tokens += Math.ceil(term.length / limits.charactersPerToken);
    return tokens <= limits.tokens;
  });
}
