import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';

/** Whose words they are: a tenant's are for all of its users, a person's for themselves. The person's win. */
export const lexiconOwnerSchema = z.enum(['tenant', 'user']).meta({ id: 'LexiconOwner' });

export type LexiconOwner = z.infer<typeof lexiconOwnerSchema>;

/** How an entry came to be: by hand, from a file, or from corrections. */
const lexiconOriginSchema = z.enum(['added', 'imported', 'learned']).meta({ id: 'LexiconOrigin' });

export type LexiconOrigin = z.infer<typeof lexiconOriginSchema>;

/** Name of a normalization pack. */
export const packNameSchema = z
  .string()
  .regex(/^[a-z]{2}(-[a-z]+)+$/, 'is no name of a pack, such as nl-dental')
  .max(40);

/**
 * One text of a lexicon's file. `|` stands between variants there, and a spreadsheet takes a cell that begins with `=`, `+`,
 * `-` or `@` (also the full-width ones) for a formula: https://owasp.org/www-community/attacks/CSV_Injection.
 */
const cell = (longestCharacters: number) =>
  line(longestCharacters)
    .regex(/^[^|\p{Cc}\u2028\u2029]*$/u, 'holds a | or a control character')
    .regex(/^(?!\s*[=+\-@＝＋－＠])/u, 'begins with = + - or @, which spreadsheets take for a formula')
    .normalize('NFC');

/** One spelling of a term. */
const spellingSchema = cell(sizes.termCharacters);

const categorySchema = cell(sizes.nameCharacters).describe('What kind of word it is, for example `finding`.');

const variantsSchema = z
  .array(spellingSchema)
  .max(sizes.variantsPerTerm, `are more than ${sizes.variantsPerTerm}`)
  .describe('As it is said or misspelled.');

/** A term to be added: how the record spells it, and how it is said or misspelled. */
export const newLexiconEntrySchema = z
  .strictObject({
    canonical: spellingSchema.describe('As the record has it.'),
    category: categorySchema.default('term'),
    variants: variantsSchema.default([]),
  })
  .meta({ id: 'NewLexiconEntry' });

export type NewLexiconEntry = z.output<typeof newLexiconEntrySchema>;

/** What may be changed about an entry: a field that is left out stays. */
export const lexiconEntryChangesSchema = z
  .strictObject({
    canonical: spellingSchema.optional(),
    category: categorySchema.optional(),
    variants: variantsSchema.optional(),
  })
  .meta({ id: 'LexiconEntryChanges' });

export type LexiconEntryChanges = z.output<typeof lexiconEntryChangesSchema>;

/** A term as the rules of a pack take it. */
export const lexiconTermSchema = z
  .object({ canonical: z.string(), category: z.string(), variants: z.array(z.string()) })
  .meta({ id: 'LexiconTerm' });

/** An entry as it is shown. */
export const lexiconEntrySchema = lexiconTermSchema
  .extend({
    id: z.uuid(),
    pack: z.string(),
    origin: lexiconOriginSchema,
    corrections: z.int().describe('How often the person has corrected text to it.'),
    isActive: z.boolean().describe('False while it is learned and has been corrected to once only.'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    version: z.int(),
  })
  .meta({ id: 'LexiconEntry' });

export type LexiconEntry = z.infer<typeof lexiconEntrySchema>;

/**
 * What applies to a person beside the shipped lexicon of a pack: each layer wins over the next, and within one the first of
 * two terms with the same spelling does. `version` changes with any change of either, and is the same for all packs.
 */
export const effectiveLexiconSchema = z
  .object({ version: z.string(), user: z.array(lexiconTermSchema), tenant: z.array(lexiconTermSchema) })
  .meta({ id: 'EffectiveLexicon' });

export type EffectiveLexicon = z.infer<typeof effectiveLexiconSchema>;

/** What became of a file of terms. Lines are counted from 1, the header. */
export const lexiconImportSchema = z
  .object({
    added: z.int(),
    changed: z.int(),
    unchanged: z.int(),
    rejected: z.array(z.object({ line: z.int(), reason: z.string() })),
  })
  .meta({ id: 'LexiconImport' });

export type LexiconImport = z.infer<typeof lexiconImportSchema>;

/** Rules whose edits teach something when they are undone or corrected, and `hand` for a word nobody had touched. */
const teachingRules: ReadonlySet<string> = new Set(['lexicon', 'spelling', 'acronym', 'hand']);

/** A person's correction of one stretch of text. */
export const correctionSchema = z
  .strictObject({
    spoken: z.string().max(sizes.answerCharacters).describe('What was heard.'),
    written: z
      .string()
      .max(sizes.answerCharacters)
      .describe('What it should read: the same as `spoken` when an edit is undone.'),
    rule: z.string().max(32).describe('Rule of the edit that is corrected; `hand` where there was none.'),
    remember: z.boolean().default(false).describe('Applies it from now on, not only after a second time.'),
  })
  .meta({ id: 'Correction' });

export type Correction = z.output<typeof correctionSchema>;

/** What a correction did: nothing, counted for a second time, or applied from now on. */
export const correctionOutcomeSchema = z
  .object({ outcome: z.enum(['ignored', 'noted', 'learned']) })
  .meta({ id: 'CorrectionOutcome' });

export type CorrectionOutcome = z.infer<typeof correctionOutcomeSchema>['outcome'];

/**
 * The spellings that a correction teaches; null when it teaches nothing: made to a number or tooth, which is another fact and
 * no spelling, or to something no lexicon holds.
 */
export function lessonOf({ spoken, written, rule }: Correction): { spoken: string; written: string } | null {
  const lesson = z.object({ spoken: spellingSchema, written: spellingSchema }).safeParse({ spoken, written }).data;
  if (!lesson || !teachingRules.has(rule)) return null;
  const isWords = [lesson.spoken, lesson.written].every((text) => /\p{L}/u.test(text) && !/\p{N}/u.test(text));
  return isWords ? lesson : null;
}
