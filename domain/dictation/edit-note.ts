import { AppError } from '../../core/errors.ts';
import { sizes } from '../../core/limits.ts';
import { withoutEdit } from '../normalization/undo.ts';
import {
  type Break,
  emptyPatient,
  type NoteChange,
  type NoteContent,
  type NoteLine,
  type NoteOperation,
  type NoteParagraph,
  type NotePatient,
  type Segment,
  segmentsOf,
  type UndoStep,
} from '../note.ts';
import { revised, withMoreSaid } from './revision.ts';

/**
 * The note with an operation applied. One that was applied before gives back the very same note; one that has nothing to
 * change, such as a summary, which stands beside the note, is remembered all the same.
 * @throws AppError `not_found` for a segment or edit that isn't there, `conflict` when the note would become too large.
 */
export function applyOperation(note: NoteContent, { id, operation }: NoteChange): NoteContent {
  if (note.applied.includes(id)) return note;
  const { patients, history } = changedBy(note, operation);
  requireSize(patients);
  return {
    patients,
    history: history.slice(-sizes.noteUndoSteps),
    applied: [...note.applied, id].slice(-sizes.noteOperations),
  };
}

/** A segment of a note. @throws AppError `not_found` when there is none. */
export function segmentOf(note: NoteContent, segmentId: string): Segment {
  const segment = segmentsOf(note).find(({ id }) => id === segmentId);
  if (!segment) throw new AppError('not_found', 'The note has no such segment: read it again');
  return segment;
}

function changedBy(note: NoteContent, operation: NoteOperation): NoteContent {
  switch (operation.type) {
    case 'write':
      return written(note, { ...operation.segment, isRevised: false });
    case 'new-line':
      return broken(note, 'line');
    case 'new-paragraph':
      return broken(note, 'paragraph');
    case 'next-patient':
      return isEmpty(patientOf(note)) ? note : { ...note, patients: [...note.patients, emptyPatient()], history: [] };
    case 'undo':
      return undone(note);
    case 'delete-last':
      return deleted(note);
    case 'revise': {
      const before = segmentOf(note, operation.segmentId);
      return before.text === operation.text ? note : replaced(note, revised(before, operation.text));
    }
    case 'undo-edit': {
      const before = segmentOf(note, operation.segmentId);
      if (!before.edits[operation.edit]) throw new AppError('not_found', 'The segment has no such edit: read it again');
      return replaced(note, { ...before, ...withoutEdit(before, operation.edit), isRevised: true });
    }
    case 'set-summary':
      return note;
  }
}

/** A new segment goes to the end; one that is there is replaced, without losing what was changed in it by hand. */
function written(note: NoteContent, segment: Segment): NoteContent {
  const before = segmentsOf(note).find(({ id }) => id === segment.id);
  if (!before) {
    const added: UndoStep = { kind: 'added', segmentId: segment.id };
    return withPatient(note, appended(patientOf(note), segment), [...note.history, added]);
  }
  const after = before.isRevised ? withMoreSaid(before, segment) : segment;
  const last = note.history.at(-1);
  // A segment that grows while it is spoken is taken back as a whole.
  const isGrowing = last?.kind === 'added' && last.segmentId === segment.id;
  return isGrowing ? withSegment(note, after) : replaced(note, after);
}

/** Replaces a segment so that it can be undone, as long as it is of the last patient. */
function replaced(note: NoteContent, after: Segment): NoteContent {
  const ofLast = segmentsOf({ patients: [patientOf(note)] });
  const before = ofLast.find(({ id }) => id === after.id);
  const history: UndoStep[] = before ? [...note.history, { kind: 'changed', before }] : note.history;
  return { ...withSegment(note, after), history };
}

function withSegment(note: NoteContent, after: Segment): NoteContent {
  const patients = note.patients.map(({ paragraphs }) => ({
    paragraphs: paragraphs.map(({ lines }) => ({
      lines: lines.map(({ segments }) => ({ segments: segments.map((each) => (each.id === after.id ? after : each)) })),
    })),
  }));
  return { ...note, patients };
}

/** Ends the line or paragraph; one that holds nothing yet stays. */
function broken(note: NoteContent, by: Break): NoteContent {
  const patient = patientOf(note);
  const { paragraph, line } = endOf(patient);
  const hasNothing = line.segments.length === 0 && (by === 'line' || paragraph.lines.length === 1);
  return hasNothing ? note : withPatient(note, brokenBy(patient, by), [...note.history, { kind: 'broken', by }]);
}

/** Takes the last segment of the last patient away, with the empty lines behind it: dictation goes on in its place. */
function deleted(note: NoteContent): NoteContent {
  let patient = patientOf(note);
  const breaksBehind: Break[] = [];
  while (endOf(patient).line.segments.length === 0) {
    const by = endOf(patient).paragraph.lines.length > 1 ? 'line' : 'paragraph';
    if (by === 'paragraph' && patient.paragraphs.length === 1) return note;
    patient = joined(patient, by);
    breaksBehind.unshift(by);
  }
  const segment = endOf(patient).line.segments.at(-1) as Segment;
  const step: UndoStep = { kind: 'deleted', segment, breaksBehind };
  return withPatient(note, without(patient, segment.id), [...note.history, step]);
}

/** Takes the newest step back. There is none at the beginning of a patient: what is noted of the one before stays. */
function undone(note: NoteContent): NoteContent {
  const step = note.history.at(-1);
  if (!step) return note;
  const patient = patientOf(note);
  const history = note.history.slice(0, -1);
  switch (step.kind) {
    case 'added':
      return withPatient(note, without(patient, step.segmentId), history);
    case 'changed':
      return { ...withSegment(note, step.before), history };
    case 'broken':
      return withPatient(note, joined(patient, step.by), history);
    case 'deleted': {
      const restored = step.breaksBehind.reduce(brokenBy, appended(patient, step.segment));
      return withPatient(note, restored, history);
    }
  }
}

function patientOf({ patients }: NoteContent): NotePatient {
  return patients.at(-1) as NotePatient;
}

/** Where dictation goes on. */
function endOf({ paragraphs }: NotePatient): { paragraph: NoteParagraph; line: NoteLine } {
  const paragraph = paragraphs.at(-1) as NoteParagraph;
  return { paragraph, line: paragraph.lines.at(-1) as NoteLine };
}

function isEmpty(patient: NotePatient): boolean {
  return segmentsOf({ patients: [patient] }).length === 0;
}

function withPatient(note: NoteContent, patient: NotePatient, history: UndoStep[]): NoteContent {
  return { ...note, patients: [...note.patients.slice(0, -1), patient], history };
}

function withLines({ paragraphs }: NotePatient, lines: NoteLine[]): NotePatient {
  return { paragraphs: [...paragraphs.slice(0, -1), { lines }] };
}

function appended(patient: NotePatient, segment: Segment): NotePatient {
  const { paragraph, line } = endOf(patient);
  return withLines(patient, [...paragraph.lines.slice(0, -1), { segments: [...line.segments, segment] }]);
}

function without(patient: NotePatient, segmentId: string): NotePatient {
  const { paragraph, line } = endOf(patient);
  const segments = line.segments.filter(({ id }) => id !== segmentId);
  return withLines(patient, [...paragraph.lines.slice(0, -1), { segments }]);
}

function brokenBy(patient: NotePatient, by: Break): NotePatient {
  const next: NoteLine = { segments: [] };
  if (by === 'line') return withLines(patient, [...endOf(patient).paragraph.lines, next]);
  return { paragraphs: [...patient.paragraphs, { lines: [next] }] };
}

function joined(patient: NotePatient, by: Break): NotePatient {
  if (by === 'line') return withLines(patient, endOf(patient).paragraph.lines.slice(0, -1));
  return { paragraphs: patient.paragraphs.slice(0, -1) };
}

function requireSize(patients: NotePatient[]): void {
  const segments = segmentsOf({ patients });
  const characters = segments.reduce((sum, { raw, text }) => sum + raw.length + text.length, 0);
  if (segments.length > sizes.noteSegments || characters > sizes.noteCharacters) {
    throw new AppError(
      'conflict',
      `The note would be larger than ${sizes.noteSegments} segments or ${sizes.noteCharacters} characters: go on in another session`,
    );
  }
}
