import { beforeEach, describe, expect, test, vi } from 'vitest';
import { normalizeText } from '../../agents/turns/normalize.ts';
import { NoteTaker } from '../../agents/turns/note-taker.ts';
import { readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import type { NewNoteChange, Note } from '../../domain/note.ts';

const normalizer = createPack('nl-dental', readPackAsset).normalizer();

describe('taking notes', () => {
  let changes: (NewNoteChange & { answer(): void; refuse(): void })[];
  let notes: number;
  let warnings: number;
  let taker: NoteTaker;

  beforeEach(() => {
    changes = [];
    notes = 0;
    warnings = 0;
    taker = new NoteTaker({
      change: (change) =>
        new Promise((answer, reject) => {
          changes.push({ ...change, answer: () => answer(note), refuse: () => reject(new Error('refused')) });
        }),
      normalize: (text, language) => normalizeText([normalizer], text, language),
      onNote: () => {
        notes += 1;
      },
      onUnsaved: () => {
        warnings += 1;
      },
    });
  });

  /** The segments that were written: whether it is the one before, grown, and its text. */
  const written = () =>
    changes.flatMap(({ operation }, index) => {
      if (operation.type !== 'write') return [operation.type];
      const before = changes[index - 1]?.operation;
      const grows = before?.type === 'write' && before.segment.id === operation.segment.id;
      return [`${grows ? 'grown: ' : ''}${operation.segment.text}`];
    });

  test('reads the words on both sides of a pause together, in one segment a turn', () => {
    expect(taker.hear('element', 'nl')).toEqual([]);
    taker.hear('zesentwintig mesio occlusaal', 'nl');
    expect(taker.endTurn()).toMatchObject({ raw: 'element zesentwintig mesio occlusaal', text: 'element 26 MO' });
    taker.hear('karies', 'nl');
    expect(written()).toEqual(['element', 'grown: element 26 MO', 'cariës']);
    expect(changes[1]?.operation).toMatchObject({
      type: 'write',
      segment: { raw: 'element zesentwintig mesio occlusaal', pack: 'nl-dental', language: 'nl' },
    });
    expect(new Set(changes.map(({ id }) => id)).size).toBe(3);
  });

  test('makes commands changes of the note, between what is said before and behind them', () => {
    const commands = taker.hear('element drie zes nieuwe regel geen karies', 'nl');
    expect(commands).toEqual(['new-line']);
    expect(written()).toEqual(['element 36', 'new-line', 'geen cariës']);
    expect(taker.hear('volgende patiënt', 'nl')).toEqual(['next-patient']);
    expect(taker.hear('stop dictaat', 'nl')).toEqual(['stop']);
    expect(written().slice(3)).toEqual(['next-patient']);
    expect(taker.endTurn()?.raw).toBe('element drie zes nieuwe regel geen karies volgende patiënt stop dictaat');
    expect(taker.endTurn()).toBeUndefined();
  });

  test('keeps the language a segment was begun in, and writes null for one that nobody recognised', () => {
    taker.hear('element', '');
    taker.hear('zesentwintig', 'nl');
    taker.hear('mesiaal', 'en');
    expect(written()).toEqual(['element', 'grown: element 26', 'grown: element 26 M']);
    expect(changes.map(({ operation }) => operation.type === 'write' && operation.segment.language)).toEqual([
      null,
      'nl',
      'nl',
    ]);
  });

  test('goes on in another segment before one becomes too long', () => {
    for (let part = 0; part < 40; part += 1)
      taker.hear('de patiënt heeft al langer last van gevoelige tandhalzen', 'nl');
    const lengths = changes.map(({ operation }) => (operation.type === 'write' ? operation.segment.raw.length : 0));
    expect(Math.max(...lengths)).toBeLessThan(2_100);
    expect(new Set(changes.map(({ operation }) => operation.type === 'write' && operation.segment.id)).size).toBe(2);
  });

  test('tells of each note, and has what was asked for so far', async () => {
    expect(await taker.saved()).toBeUndefined();
    taker.hear('geen karies', 'nl');
    const saved = taker.saved();
    changes[0]?.answer();
    expect(await saved).toBe(note);
    expect([notes, warnings]).toEqual([1, 0]);
  });

  test('warns once when changes are refused, and again after something was saved', async () => {
    for (const text of ['een', 'twee', 'drie', 'vier']) taker.hear(text, 'nl');
    for (const change of changes.slice(0, 2)) change.refuse();
    await vi.waitFor(() => expect(warnings).toBe(1));
    changes[2]?.answer();
    await vi.waitFor(() => expect(notes).toBe(1));
    changes[3]?.refuse();
    await vi.waitFor(() => expect(warnings).toBe(2));
    expect(await taker.saved()).toBeUndefined();
  });

  test('warns once when nothing is saved for long, though it may be saved later', async () => {
    vi.useFakeTimers();
    try {
      taker.hear('een', 'nl');
      taker.hear('twee', 'nl');
      await vi.advanceTimersByTimeAsync(9_999);
      expect(warnings).toBe(0);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(warnings).toBe(1);
      for (const change of changes) change.answer();
      await vi.advanceTimersByTimeAsync(60_000);
      expect([notes, warnings]).toEqual([2, 1]);
    } finally {
      vi.useRealTimers();
    }
  });
});

const note: Note = {
  sessionId: '00000000-0000-4000-8000-000000000000',
  patients: [],
  structured: { patients: [] },
  summary: null,
  version: 1,
  updatedAt: null,
};
