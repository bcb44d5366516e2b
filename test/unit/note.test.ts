import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import { segmentOf } from '../../domain/dictation/edit-note.ts';
import { emptyNote, noteChangeSchema, noteContentSchema, noteText, segmentsOf } from '../../domain/note.ts';
import {
  apply,
  deleteLast,
  edit,
  newLine,
  newParagraph,
  nextPatient,
  noteOf,
  type Operation,
  saidAt,
  undo,
  write,
} from '../support/note-operations.ts';
import { randomFrom } from '../support/random.ts';

const textAfter = (...operations: Operation[]) => noteText(noteOf(...operations));

describe('a note', () => {
  it('is text by line, paragraph and patient', () => {
    const text = textAfter(
      write('element 26 MOD'),
      write('composiet'),
      newLine,
      write('element 27 DO'),
      newParagraph,
      write('verdoving'),
      nextPatient,
      write('cariës'),
    );
    expect(text).toBe('element 26 MOD composiet\nelement 27 DO\n\nverdoving\n\n---\n\ncariës');
  });

  it('has no more breaks than it has text', () => {
    expect(textAfter()).toBe('');
    expect(noteOf(newLine, newParagraph, newLine, nextPatient, deleteLast, undo).patients).toEqual(
      emptyNote().patients,
    );
    expect(textAfter(write('a'), newLine, newLine, newParagraph, newParagraph, newLine, write('b'))).toBe('a\n\nb');
    expect(textAfter(write('a'), nextPatient, nextPatient, write('b'))).toBe('a\n\n---\n\nb');
  });

  it('takes a segment again that has grown', () => {
    const id = randomUUID();
    const note = noteOf(write('element', { id }), write('element 26 MOD', { id, raw: 'element twee zes mod' }));
    expect(noteText(note)).toBe('element 26 MOD');
    expect(segmentOf(note, id)).toMatchObject({ raw: 'element twee zes mod', isRevised: false });
  });

  it('changes a segment of an earlier line or patient in its place', () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const note = noteOf(write('a', { id: one }), newLine, write('b', { id: two }), nextPatient, write('c'));
    const changed = apply(apply(note, { type: 'revise', segmentId: one, text: 'A' }), write('B', { id: two }));
    expect(noteText(changed)).toBe('A\nB\n\n---\n\nc');
  });

  it('knows the operations it was told of last', () => {
    const id = randomUUID();
    const note = apply(emptyNote(), write('a'), id);
    expect(apply(note, write('b'), id)).toBe(note);
    const lines = Array.from({ length: sizes.noteOperations }, () => newLine);
    const later = lines.reduce((each, operation) => apply(each, operation), note);
    expect(later.applied).toHaveLength(sizes.noteOperations);
    expect(noteText(apply(later, write('c'), id))).toBe('a\nc');
  });

  it('remembers a summary by its operation alone', () => {
    const before = noteOf(write('a'));
    const after = apply(before, { type: 'set-summary', text: 'summary', model: 'model' });
    expect(after).toEqual({ ...before, applied: after.applied });
    expect(after.applied).toHaveLength(2);
  });

  it('survives being kept as JSON', () => {
    const note = noteOf(write('a'), newLine, write('b'), deleteLast, newParagraph);
    expect(noteContentSchema.parse(JSON.parse(JSON.stringify(note)))).toEqual(note);
  });
});

describe('undo', () => {
  it('takes back each kind of change, one after the other', () => {
    const id = randomUUID();
    const operations = [
      write('a'),
      newLine,
      write('b', { id }),
      { type: 'revise', segmentId: id, text: 'B' } as const,
      newParagraph,
      deleteLast,
      write('c'),
    ];
    let note = noteOf(...operations);
    for (let count = operations.length - 1; count >= 0; count -= 1) {
      note = apply(note, undo);
      expect(note.patients, `after ${count}`).toEqual(noteOf(...operations.slice(0, count)).patients);
    }
    expect(note.patients).toEqual(emptyNote().patients);
  });

  it('takes a segment that has grown back as a whole', () => {
    const id = randomUUID();
    expect(textAfter(write('a'), write('b', { id }), write('b c', { id }), undo)).toBe('a');
    expect(textAfter(write('b', { id }), newLine, write('b c', { id }), undo)).toBe('b');
  });

  it('changes nothing at the beginning of a patient', () => {
    const id = randomUUID();
    const [before, next] = [[write('a', { id }), nextPatient], { type: 'revise', segmentId: id, text: 'A' } as const];
    expect(textAfter(...before, undo)).toBe('a');
    expect(noteOf(...before, undo).patients).toHaveLength(2);
    expect(textAfter(...before, next, undo)).toBe('A');
  });

  it('goes back a bounded number of steps', () => {
    const id = randomUUID();
    const words = Array.from({ length: sizes.noteUndoSteps + 5 }, (_, index) => write(`w${index}`));
    const undos = Array.from({ length: sizes.noteUndoSteps + 50 }, () => undo);
    expect(textAfter(write('first', { id }), ...words, ...undos)).toBe('first w0 w1 w2 w3 w4');
  });
});

describe('delete-last', () => {
  it('takes the last segment, and dictation goes on in its place', () => {
    expect(textAfter(write('a'), write('b'), deleteLast, write('c'))).toBe('a c');
    expect(textAfter(write('a'), newLine, write('b'), newLine, deleteLast, write('c'))).toBe('a\nc');
    expect(textAfter(write('a'), newLine, write('b'), newLine, newParagraph, deleteLast, deleteLast, write('c'))).toBe(
      'c',
    );
  });

  it('leaves the patient before alone', () => {
    expect(textAfter(write('a'), nextPatient, deleteLast)).toBe('a');
    expect(textAfter(write('a'), nextPatient, write('b'), deleteLast, deleteLast, write('c'))).toBe('a\n\n---\n\nc');
  });

  it('can be undone with the breaks behind', () => {
    const said = [write('a'), newLine, newParagraph] as const;
    expect(noteOf(...said, deleteLast, undo).patients).toEqual(noteOf(...said).patients);
  });
});

describe('what is refused', () => {
  const parse = (operation: unknown) => noteChangeSchema.safeParse({ id: randomUUID(), operation }).success;
  const segment = { id: randomUUID(), raw: 'abc', text: 'abcd', edits: [edit(0, 3, [0, 4])], saidAt };

  it('is a segment or edit that is not there', () => {
    const operations: Operation[] = [
      { type: 'revise', segmentId: randomUUID(), text: 'a' },
      { type: 'undo-edit', segmentId: randomUUID(), edit: 0 },
    ];
    for (const each of operations) expect(() => noteOf(write('a'), each)).toThrow('no such segment');
    const id = randomUUID();
    expect(() => noteOf(write('a', { id }), { type: 'undo-edit', segmentId: id, edit: 0 })).toThrow('no such edit');
  });

  it('is a note that is too large', () => {
    const long = 'a'.repeat(sizes.turnCharacters);
    const many = Array.from({ length: Math.floor(sizes.noteCharacters / sizes.turnCharacters / 2) }, () => write(long));
    const note = noteOf(...many);
    expect(() => apply(note, write(long))).toThrow('go on in another session');
    const few = noteOf(write('a'));
    const [segment] = segmentsOf(few);
    const segments = Array.from({ length: sizes.noteSegments }, () => ({ ...segment, id: randomUUID() }));
    const full = noteContentSchema.parse({ ...few, patients: [{ paragraphs: [{ lines: [{ segments }] }] }] });
    expect(() => apply(full, write('a'))).toThrow(`${sizes.noteSegments} segments`);
  });

  it('is a list of edits that no normalizer makes', () => {
    expect(parse({ type: 'write', segment })).toBe(true);
    const wrong = [
      [edit(0, 4, [0, 4])],
      [edit(0, 3, [0, 5])],
      [edit(-1, 3, [0, 4])],
      [edit(2, 1, [0, 4])],
      [edit(0, 1, [3, 2])],
      [edit(0, 2, [0, 2]), edit(1, 3, [2, 4])],
      [edit(0, 2, [0, 2]), edit(2, 3, [1, 4])],
    ];
    for (const edits of wrong) expect(parse({ type: 'write', segment: { ...segment, edits } })).toBe(false);
  });

  it('is an operation that does not exist or holds too much', () => {
    expect(parse({ type: 'erase' })).toBe(false);
    expect(parse({ type: 'undo', all: true })).toBe(false);
    expect(parse({ type: 'revise', segmentId: segment.id, text: 'a'.repeat(sizes.turnCharacters + 1) })).toBe(false);
    expect(parse({ type: 'set-summary', text: ' ', model: 'model' })).toBe(false);
  });
});

describe('any operations', () => {
  it('are undone back to the beginning of the patient, and leave a note that is kept whole', () => {
    const random = randomFrom(5);
    const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
    for (let round = 0; round < 300; round += 1) {
      let note = noteOf(...(round % 2 ? [write('before'), nextPatient] : []));
      const start = note.patients;
      for (let step = 0; step < 20; step += 1) {
        const ids = segmentsOf({ patients: note.patients.slice(-1) }).map(({ id }) => id);
        const ofSegment: Operation[] = ids.length
          ? [{ type: 'revise', segmentId: pick(ids), text: `r${step}` }, write(`w${step}`, { id: pick(ids) })]
          : [];
        note = apply(note, pick([write(`s${step}`), newLine, newParagraph, deleteLast, undo, ...ofSegment]));
        const lines = note.patients.flatMap(({ paragraphs }) => paragraphs.flatMap((each) => each.lines));
        expect(new Set(segmentsOf(note).map(({ id }) => id)).size).toBe(lines.flatMap((each) => each.segments).length);
      }
      for (let step = 0; step < 20; step += 1) note = apply(note, undo);
      expect(note.patients).toEqual(start);
    }
  });
});
