import { writeAcronyms } from './acronyms.ts';
import { applyRules } from './apply.ts';
import { type LexiconTerm, lexiconRule, parseLexicon } from './lexicon.ts';
import { createLexicon } from './lexicon-index.ts';
import { writeMeasures } from './measures.ts';
import { nlDentalPronunciation } from './nl-dental-pronunciation.ts';
import { readOrdinaryWords } from './ordinary-words.ts';
import type { Pack } from './pack.ts';
import { writeScores } from './scores.ts';
import { writeTeeth } from './teeth.ts';

/**
 * Dutch as dentists dictate it: teeth in FDI notation (ISO 3950), surfaces as codes, measures and scores in digits, terms
 * as the lexicon spells them.
 * @param readAsset gives the bytes of a file that lies beside this one
 */
export function createNlDental(readAsset: (file: string) => Uint8Array): Pack {
  const terms = parseLexicon(new TextDecoder().decode(readAsset('nl-dental-lexicon.tsv')));
  const shipped = createLexicon({ terms, ordinary: readOrdinaryWords(readAsset('nl-words.bin')) });
  return {
    name: 'nl-dental',
    language: 'nl',
    normalizer: (layers = []) => {
      const rules = [writeScores, writeAcronyms, writeTeeth, writeMeasures, lexiconRule(shipped.with(layers))];
      const keyTerms = mostUsefulFirst([...layers, terms]);
      return {
        pack: 'nl-dental',
        language: 'nl',
        normalize: (text) => applyRules(text, rules),
        keyTerms: () => keyTerms,
      };
    },
    pronunciation: nlDentalPronunciation,
  };
}

/**
 * The terms of each layer, the strongest layer first. Terms with listed misspellings help a recogniser most; within
 * both groups the lexicon's order counts.
 */
function mostUsefulFirst(layers: readonly (readonly LexiconTerm[])[]): readonly string[] {
  const ordered = layers.flatMap((terms) => [
    ...terms.filter((term) => term.variants.length > 0),
    ...terms.filter((term) => term.variants.length === 0),
  ]);
  return [...new Set(ordered.map((term) => term.canonical))];
}
