import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { segmentOf } from '../../domain/dictation/edit-note.ts';
import { correctionOf } from '../../domain/dictation/revision.ts';
import { type NoteContent, noteText } from '../../domain/note.ts';
import { apply, edit, noteOf, undo, write } from '../support/note-operations.ts';

describe('changes by hand', () => {
  const id = randomUUID();
  const raw = 'caries op element drie zeven met amalgaan';
  const text = 'cariës op element 37 met amalgaam';
  const edits = [edit(0, 6, [0, 6]), edit(18, 28, [18, 20], 'tooth'), edit(33, 41, [25, 33])];
  const said = write(text, { id, raw, edits });
  const spellings = (note: NoteContent) => {
    const segment = segmentOf(note, id);
    return segment.edits.map(({ output }) => segment.text.slice(output.start, output.end));
  };

  it('keep the edits around them', () => {
    const note = noteOf(said, { type: 'revise', segmentId: id, text: 'cariës mesiaal op element 36 met amalgaam' });
    expect(segmentOf(note, id)).toMatchObject({ raw, isRevised: true });
    expect(spellings(note)).toEqual(['cariës', 'amalgaam']);
    expect(spellings(noteOf(said, { type: 'revise', segmentId: id, text: '' }))).toEqual([]);
  });

  it('are nothing where the text stays the same', () => {
    const note = noteOf(said);
    expect(apply(note, { type: 'revise', segmentId: id, text }).patients).toBe(note.patients);
  });

  it('undo one edit', () => {
    const note = noteOf(said, { type: 'undo-edit', segmentId: id, edit: 1 });
    expect(noteText(note)).toBe('cariës op element drie zeven met amalgaam');
    expect(spellings(note)).toEqual(['cariës', 'amalgaam']);
    expect(noteText(apply(note, { type: 'undo-edit', segmentId: id, edit: 0 }))).toContain('caries op');
    expect(noteText(apply(note, undo))).toBe(text);
  });

  it('are not lost when more is said, nor is that', () => {
    const revised = noteOf(said, { type: 'revise', segmentId: id, text: 'cariës op element 36 met amalgaam' });
    const more = write(`${text} en komposiet`.replace('komposiet', 'composiet'), {
      id,
      raw: `${raw} en komposiet`,
      edits: [...edits, edit(45, 54, [37, 46])],
    });
    const note = apply(revised, more);
    expect(noteText(note)).toBe('cariës op element 36 met amalgaam en composiet');
    expect(spellings(note)).toEqual(['cariës', 'amalgaam', 'composiet']);
  });

  it('leave an edit whole that reaches over the place where they ended', () => {
    const [first, all] = ['element zes', 'element zes en twintig mesiaal'];
    const note = noteOf(
      write(first, { id, raw: first }),
      { type: 'revise', segmentId: id, text: 'Element zes' },
      write('element 26 M', {
        id,
        raw: all,
        edits: [edit(8, 22, [8, 10], 'tooth'), edit(23, 30, [11, 12], 'surface')],
      }),
    );
    expect(noteText(note)).toBe('Element zes 26 M');
    expect(spellings(note)).toEqual(['26', 'M']);
  });

  it('keep everything when what was heard became something else', () => {
    const note = noteOf(said, { type: 'revise', segmentId: id, text: 'iets anders' }, write('nieuw', { id }));
    expect(noteText(note)).toBe('iets anders nieuw');
    expect(spellings(note)).toEqual([]);
  });
});

describe('a correction', () => {
  const raw = 'karius en amalgaan bij element zes';
  const edits = [edit(0, 6, [0, 6]), edit(10, 18, [10, 18]), edit(31, 34, [31, 32], 'tooth')];
  const id = randomUUID();
  const segment = segmentOf(noteOf(write('cariës en amalgaam bij element 6', { id, raw, edits })), id);

  it('is a change of what one edit has written', () => {
    const of = (text: string) => correctionOf(segment, text);
    expect(of('carieus en amalgaam bij element 6')).toEqual({ spoken: 'karius', written: 'carieus', rule: 'lexicon' });
    expect(of('cariës en amalgam bij element 6')).toEqual({ spoken: 'amalgaan', written: 'amalgam', rule: 'lexicon' });
    expect(of('cariës en amalgaam bij element 7')).toEqual({ spoken: 'zes', written: '7', rule: 'tooth' });
  });

  it.each([
    ['words that were put in', 'cariës profunda en amalgaam bij element 6'],
    ['words nothing was done to', 'cariës met amalgaam bij element 6'],
    ['more than one edit', 'carieus en amalgam bij element 6'],
    ['more than the edit', 'carieus of amalgaam bij element 6'],
    ['an edit that is gone', ' en amalgaam bij element 6'],
    ['nothing', 'cariës en amalgaam bij element 6'],
  ])('is none where it is about %s', (_what, text) => {
    expect(correctionOf(segment, text)).toBeUndefined();
  });
});
