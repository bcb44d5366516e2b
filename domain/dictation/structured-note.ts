import { z } from 'zod';

const negation = z.boolean().describe('Noted as absent or not done: `geen cariës`.');

/** A term of the lexicon as it was noted. */
const notedTermSchema = z
  .object({
    term: z.string().describe('As the lexicon spells it.'),
    category: z.string().describe('Category of the lexicon: `finding`, `treatment`, ...'),
    surfaces: z.array(z.string()).describe('Surfaces of the tooth it was noted with, as codes: `MOD`.'),
    amount: z.string().nullable().describe('A measure or grade that was said with it: `2 mm`, `graad 2`.'),
    isNegated: negation,
  })
  .meta({ id: 'NotedTerm' });

export type NotedTerm = z.output<typeof notedTermSchema>;

const termLists = {
  findings: z.array(notedTermSchema),
  treatments: z.array(notedTermSchema),
  materials: z.array(notedTermSchema),
  appliances: z.array(notedTermSchema),
  others: z.array(notedTermSchema).describe('Terms of every other category.'),
};

const fdi = z.int().describe('FDI code (ISO 3950).');

/** Everything noted of one tooth. */
const structuredToothSchema = z
  .object({ tooth: fdi, surfaces: z.array(z.string()), ...termLists })
  .meta({ id: 'StructuredTooth' });

export type StructuredTooth = z.output<typeof structuredToothSchema>;

/** Scores of the periodontium. Sextant or tooth is null where none was named. */
const perioSchema = z
  .object({
    dpsi: z.array(z.object({ sextant: z.int().nullable(), score: z.string().describe('`0` to `4`, `3-`, `3+`.') })),
    pockets: z.array(z.object({ tooth: fdi.nullable(), depthsMm: z.array(z.number()) })),
    mobility: z.array(z.object({ tooth: fdi.nullable(), grade: z.int() })),
    bleeding: z
      .array(z.object({ tooth: fdi.nullable(), percent: z.number().nullable(), isNegated: negation }))
      .describe('Bleeding on probing (BOP).'),
  })
  .meta({ id: 'Perio' });

/** What a note says, as data: for each patient in order, by tooth, and without a tooth. */
export const structuredNoteSchema = z
  .object({
    patients: z.array(
      z
        .object({
          teeth: z.array(structuredToothSchema).describe('In the order they were first named.'),
          general: z.object(termLists).meta({ id: 'StructuredTerms' }).describe('What was noted without a tooth.'),
          perio: perioSchema,
        })
        .meta({ id: 'StructuredPatient' }),
    ),
  })
  .meta({ id: 'StructuredNote' });

export type StructuredNote = z.output<typeof structuredNoteSchema>;
