import { applyDraft } from './apply.ts';
import { Draft, type Rule } from './draft.ts';
import { type LexiconTerm, lexiconRule, parseLexicon } from './lexicon.ts';
import type { Normalizer } from './result.ts';
import { keepDepths } from './scores.ts';
import { writeTeeth } from './teeth.ts';
import { tokenize } from './tokens.ts';

/**
 * Dutch as dentists dictate it: teeth in FDI notation (ISO 3950), surfaces as codes, terms as the lexicon spells them.
 * @param readAsset gives the text of a file that lies beside this one
 */
export function createNlDental(readAsset: (file: string) => string): Normalizer {
  const terms = parseLexicon(readAsset('nl-dental-lexicon.tsv'));
  // A word belongs to the first rule that claims it, so the order decides between them.
  const rules: readonly Rule[] = [keepDepths, writeTeeth, lexiconRule(terms)];
  const keyTerms = mostMisheardFirst(terms);
  return {
    pack: 'nl-dental',
    language: 'nl',
    normalize: (text) => {
      const draft = new Draft(tokenize(text));
      for (const rule of rules) rule(draft);
      return applyDraft(text, draft);
    },
    keyTerms: () => keyTerms,
  };
}

/** Terms with listed misspellings help a recogniser most; within both groups the lexicon's order counts. */
function mostMisheardFirst(terms: readonly LexiconTerm[]): readonly string[] {
  const ordered = [
    ...terms.filter((term) => term.variants.length > 0),
    ...terms.filter((term) => term.variants.length === 0),
  ];
  return [...new Set(ordered.map((term) => term.canonical))];
}
