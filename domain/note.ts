import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { structuredNoteSchema } from './dictation/structured-note.ts';
import { packNameSchema } from './lexicon.ts';
import { line } from './line.ts';
import { momentSchema } from './moment.ts';
import { type Edit, editSchema } from './normalization/result.ts';

/**
 * A dictated note. *Segment*: what was said in one go, as heard and as the record writes it. Segments make a *line*, lines a
 * *paragraph*, paragraphs what is noted of one *patient*. Dictation goes on at the end of the last patient.
 */

const segmentFields = {
  id: z.uuid().describe('Chosen by its writer, who may write it again while it grows.'),
  raw: z.string().describe('As heard.'),
  text: z.string().describe('As the record writes it.'),
  edits: z.array(editSchema).describe('What normalization did to it, in the order of the text.'),
  pack: packNameSchema.nullable().default(null).describe('The pack that made the edits.'),
  language: z.string().max(35).nullable().default(null).describe('BCP 47 tag of what was said.'),
  saidAt: momentSchema,
};

/** A segment as it is written. */
export const newSegmentSchema = z
  .strictObject({
    ...segmentFields,
    raw: segmentFields.raw.max(sizes.turnCharacters),
    text: segmentFields.text.max(sizes.turnCharacters),
    edits: segmentFields.edits.max(1_000),
  })
  .refine(({ raw, text, edits }) => areInOrder(edits, raw.length, text.length), {
    path: ['edits'],
    message: 'need to be in the order of the text, without overlaps, inside of `raw` and `text`',
  })
  .meta({ id: 'NewSegment' });

/** A segment as it is kept. */
export const segmentSchema = z
  .object({
    ...segmentFields,
    isRevised: z.boolean().describe('Its text was changed by hand, or an edit of it undone.'),
  })
  .meta({ id: 'Segment' });

export type Segment = z.output<typeof segmentSchema>;

const lineSchema = z.object({ segments: z.array(segmentSchema) }).meta({ id: 'NoteLine' });
const paragraphSchema = z.object({ lines: z.array(lineSchema) }).meta({ id: 'NoteParagraph' });
const patientSchema = z.object({ paragraphs: z.array(paragraphSchema) }).meta({ id: 'NotePatient' });

export type NoteLine = z.output<typeof lineSchema>;
export type NoteParagraph = z.output<typeof paragraphSchema>;
export type NotePatient = z.output<typeof patientSchema>;

const breakSchema = z.enum(['line', 'paragraph']);

/** What ends a line of the note. */
export type Break = z.output<typeof breakSchema>;

/** How one operation is taken back, on the note as that operation left it. */
const undoStepSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('added'), segmentId: z.uuid() }),
  z.object({ kind: z.literal('changed'), before: segmentSchema }),
  z.object({ kind: z.literal('broken'), by: breakSchema }),
  z.object({ kind: z.literal('deleted'), segment: segmentSchema, breaksBehind: z.array(breakSchema) }),
]);

export type UndoStep = z.output<typeof undoStepSchema>;

/** All that is kept of a note. There is always a patient with a paragraph with a line. */
export const noteContentSchema = z.object({
  patients: z.array(patientSchema),
  /** For `undo`, of the last patient alone; the newest last. */
  history: z.array(undoStepSchema),
  /** Ids of the operations that were applied last; the newest last. */
  applied: z.array(z.uuid()),
});

export type NoteContent = z.output<typeof noteContentSchema>;

const ofSegment = { segmentId: z.uuid() };

/** A change of a note. */
export const noteOperationSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('write'), segment: newSegmentSchema }),
    z.strictObject({ type: z.literal('new-line') }),
    z.strictObject({ type: z.literal('new-paragraph') }),
    z.strictObject({ type: z.literal('next-patient') }),
    z.strictObject({ type: z.literal('undo') }),
    z.strictObject({ type: z.literal('delete-last') }),
    z.strictObject({ type: z.literal('revise'), ...ofSegment, text: z.string().max(sizes.turnCharacters) }),
    z.strictObject({
      type: z.literal('undo-edit'),
      ...ofSegment,
      edit: z.int().min(0).describe('Index of the edit in the segment.'),
      remember: z
        .boolean()
        .default(false)
        .describe("Leave such words alone from now on: the user's lexicon learns it."),
    }),
    z.strictObject({
      type: z.literal('set-summary'),
      text: z.string().regex(/\S/, 'is empty').max(sizes.turnCharacters),
      model: line(sizes.titleCharacters).describe('The language model that wrote it.'),
    }),
  ])
  .meta({ id: 'NoteOperation' });

export type NoteOperation = z.output<typeof noteOperationSchema>;

/** An operation with its idempotency key: sent again, it changes nothing. */
export const noteChangeSchema = z
  .strictObject({ id: z.uuid(), operation: noteOperationSchema })
  .meta({ id: 'NoteChange' });

export type NoteChange = z.output<typeof noteChangeSchema>;

/** As a client writes it, with defaults left out. */
export type NewNoteChange = z.input<typeof noteChangeSchema>;

/** What a language model made of a note when it was asked to: a draft that a person has to check. */
export const noteSummarySchema = z
  .object({ text: z.string(), isDraft: z.literal(true), model: z.string(), createdAt: z.iso.datetime() })
  .meta({ id: 'NoteSummary' });

export type NoteSummary = z.output<typeof noteSummarySchema>;

/** The note of a session as it is given out. Nothing noted yet: version 0. */
export const noteSchema = z
  .object({
    sessionId: z.uuid(),
    patients: z.array(patientSchema),
    structured: structuredNoteSchema,
    summary: noteSummarySchema.nullable(),
    version: z.int(),
    updatedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Note' });

export type Note = z.output<typeof noteSchema>;

/** A note that nothing was dictated into yet. */
export function emptyNote(): NoteContent {
  return { patients: [emptyPatient()], history: [], applied: [] };
}

/** A patient of whom nothing was noted yet. */
export function emptyPatient(): NotePatient {
  return { paragraphs: [{ lines: [{ segments: [] }] }] };
}

/** The segments of a note in the order of the text. */
export function segmentsOf({ patients }: Pick<NoteContent, 'patients'>): Segment[] {
  return patients.flatMap(({ paragraphs }) =>
    paragraphs.flatMap(({ lines }) => lines.flatMap(({ segments }) => segments)),
  );
}

/**
 * The note as plain text, for a record system: a line each, an empty line between paragraphs, and a line of three hyphens
 * between patients. What is empty is left out.
 */
export function noteText({ patients }: Pick<NoteContent, 'patients'>): string {
  return patients
    .map(({ paragraphs }) =>
      paragraphs
        .map(({ lines }) => lines.map(lineText).filter(Boolean).join('\n'))
        .filter(Boolean)
        .join('\n\n'),
    )
    .filter(Boolean)
    .join('\n\n---\n\n');
}

/** The text of a line, segments apart by a space. */
export function lineText({ segments }: NoteLine): string {
  return segments
    .map(({ text }) => text.trim())
    .filter(Boolean)
    .join(' ');
}

function areInOrder(edits: readonly Edit[], rawLength: number, textLength: number): boolean {
  let input = 0;
  let output = 0;
  for (const edit of edits) {
    if (edit.input.start < input || edit.input.end < edit.input.start) return false;
    if (edit.output.start < output || edit.output.end < edit.output.start) return false;
    input = edit.input.end;
    output = edit.output.end;
  }
  return input <= rawLength && output <= textLength;
}
