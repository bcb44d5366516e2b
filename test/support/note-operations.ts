import { randomUUID } from 'node:crypto';
import { applyOperation } from '../../domain/dictation/edit-note.ts';
import type { Edit } from '../../domain/normalization/result.ts';
import { emptyNote, type NewNoteChange, type NoteContent, noteChangeSchema } from '../../domain/note.ts';

/** A change of a note as it is asked for. */
export type Operation = NewNoteChange['operation'];

/** When everything in these notes was said. */
export const saidAt = '2026-11-20T10:00:00.000Z';

/** An edit of a segment: what it replaced, and what with. */
export const edit = (start: number, end: number, output: [number, number], rule = 'lexicon'): Edit => ({
  input: { start, end },
  output: { start: output[0], end: output[1] },
  rule,
});

/** A segment that was written as it was heard, or with edits. */
export const write = (text: string, more: { id?: string; raw?: string; edits?: Edit[] } = {}): Operation => ({
  type: 'write',
  segment: { id: randomUUID(), raw: text, text, edits: [], pack: 'nl-dental', language: 'nl', saidAt, ...more },
});

/** The note after one more operation. @throws what the operation is refused with */
export const apply = (note: NoteContent, operation: Operation, id: string = randomUUID()) =>
  applyOperation(note, noteChangeSchema.parse({ id, operation }));

/** The note that operations make of an empty one. */
export const noteOf = (...operations: Operation[]) => operations.reduce((note, each) => apply(note, each), emptyNote());

/** The operations that hold nothing but their type. */
export const [newLine, newParagraph, nextPatient, undo, deleteLast] = (
  ['new-line', 'new-paragraph', 'next-patient', 'undo', 'delete-last'] as const
).map((type) => ({ type })) as [Operation, Operation, Operation, Operation, Operation];
