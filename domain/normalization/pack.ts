import type { LexiconTerm } from './lexicon.ts';
import type { Normalizer } from './result.ts';

/**
 * What a field in one language is made of: rules with their lexicon, which write down what was said, and its inverse, which
 * says what was written.
 */
export interface Pack {
  /** For example `nl-dental`. */
  name: string;
  /** BCP 47 tag of the language it is for. */
  language: string;
  /**
   * Makes a normalizer with further terms. The shipped lexicon is shared by all of them, so this costs what the layers
   * do. @param layers the strongest first: the person's own, then the tenant's; each wins over the shipped lexicon
   */
  normalizer(layers?: readonly (readonly LexiconTerm[])[]): Normalizer;
  pronunciation: Pronunciation;
}

/** How what a record writes is said aloud. */
export interface Pronunciation {
  /** The text with notation written out as words: `26 MOD` becomes `twee zes em oo dee`. */
  speak(text: string): string;
  /**
   * For text that is still coming: the length of the beginning of `text` that can be spoken now, since nothing behind it
   * can change how it is said. Never inside a word. 0: nothing yet.
   */
  settled(text: string): number;
}
