import { z } from 'zod';

/** A half-open range of UTF-16 code units. */
export const spanSchema = z.object({ start: z.number().int(), end: z.number().int() }).meta({ id: 'Span' });

export type Span = z.infer<typeof spanSchema>;

/** One rewriting: where it stood in the input, where it stands in the output, and the rule that made it. */
export const editSchema = z
  .object({
    input: spanSchema,
    output: spanSchema,
    rule: z.string().max(32).describe('`tooth`, `surface`, `lexicon`, ...'),
  })
  .meta({ id: 'Edit' });

export type Edit = z.infer<typeof editSchema>;

/** A tooth that was named, in FDI notation (ISO 3950), with its surfaces in record order (`MOD`) or `''`. */
export interface ToothMention {
  tooth: number;
  surfaces: string;
  output: Span;
}

/** Something that looks wrong but was left for the speaker to judge. */
export interface NormalizationWarning {
  code: 'invalid-tooth';
  input: Span;
}

/** What a pack made of one text. Replacing each edit's output by its input gives the input back. */
export interface Normalized {
  raw: string;
  text: string;
  edits: Edit[];
  teeth: ToothMention[];
  warnings: NormalizationWarning[];
  /**
   * How many edits, from the first on, stay as they are whatever text follows the input: those with a token behind them,
   * or two where the first is a word of a list or range. For text that is still coming.
   */
  finished: number;
}

/** Terms and rules of one field in one language, ready to be applied. */
export interface Normalizer {
  /** Name of the pack, for example `nl-dental`. */
  pack: string;
  /** Language the pack is for (BCP 47); transcripts known to be in another one are left alone. */
  language: string;
  normalize(text: string): Normalized;
  /** Terms worth telling a speech recogniser about, the most useful first. */
  keyTerms(): readonly string[];
}
