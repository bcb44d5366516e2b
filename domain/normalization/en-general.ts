import { applyRules } from './apply.ts';
import { emailAt, phoneAt } from './en-addresses.ts';
import { dateAt } from './en-dates.ts';
import { enGeneralPronunciation } from './en-general-pronunciation.ts';
import { measureAt, numberAt } from './en-measures.ts';
import { timeAt } from './en-times.ts';
import { expressionRule } from './expression.ts';
import { lexiconRule, parseLexicon } from './lexicon.ts';
import { createLexicon } from './lexicon-index.ts';
import type { Pack } from './pack.ts';

/** What is read at a word, in this order: `at five to ten percent` tells no time. */
const writeExpressions = expressionRule([emailAt, phoneAt, dateAt, measureAt, timeAt, numberAt]);

/**
 * Dictated English: numbers, measures, dates, times, e-mail addresses and phone numbers as people write them.
 * @param readAsset gives the bytes of a file that belongs to the pack
 */
export function createEnGeneral(readAsset: (file: string) => Uint8Array): Pack {
  const terms = parseLexicon(new TextDecoder().decode(readAsset('en-general-lexicon.tsv')));
  // Without a list of English words no word may be taken for a misspelled term.
  const shipped = createLexicon({ terms, ordinary: { has: () => true } });
  return {
    name: 'en-general',
    language: 'en',
    normalizer: (layers = []) => {
      const rules = [writeExpressions, lexiconRule(shipped.with(layers))];
      const keyTerms = [...new Set([...layers, terms].flatMap((layer) => layer.map((term) => term.canonical)))];
      return {
        pack: 'en-general',
        language: 'en',
        normalize: (text) => applyRules(text, rules),
        keyTerms: () => keyTerms,
      };
    },
    pronunciation: enGeneralPronunciation,
  };
}
