import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { withoutEdit } from '../../domain/normalization/undo.ts';

const normalizer = createPack('nl-dental', readPackAsset).normalizer();

describe('a transcript without one of its edits', () => {
  const transcript = normalizer.normalize('element twee zes mesiaal en distaal, pocket vijf millimeter');

  it.each([
    [0, 'element twee zes M en D, pocket 5 mm'],
    [1, 'element 26 mesiaal en D, pocket 5 mm'],
    [2, 'element 26 M en distaal, pocket 5 mm'],
    [3, 'element 26 M en D, pocket vijf millimeter'],
  ])('says there what was heard: edit %i', (index, text) => {
    expect(withoutEdit(transcript, index).text).toBe(text);
  });

  it('has the other edits where they stand in its text', () => {
    const { raw, text, edits } = withoutEdit(transcript, 1);
    expect(raw).toBe(transcript.raw);
    expect(
      edits.map(({ input, output, rule }) => [
        raw.slice(input.start, input.end),
        text.slice(output.start, output.end),
        rule,
      ]),
    ).toEqual([
      ['twee zes', '26', 'tooth'],
      ['distaal', 'D', 'surface'],
      ['vijf millimeter', '5 mm', 'measure'],
    ]);
  });

  it('is the raw text when all are undone, in any order', () => {
    const forward = withoutEdit(withoutEdit(withoutEdit(withoutEdit(transcript, 0), 0), 0), 0);
    const mixed = withoutEdit(withoutEdit(withoutEdit(withoutEdit(transcript, 2), 0), 1), 0);
    for (const { text, edits } of [forward, mixed]) {
      expect(text).toBe(transcript.raw);
      expect(edits).toEqual([]);
    }
  });

  it('leaves the transcript itself as it was', () => {
    const before = structuredClone(transcript);
    withoutEdit(transcript, 0);
    expect(transcript).toEqual(before);
  });

  it.each([-1, 4, 0.5])('is refused where there is no edit: %d', (index) => {
    expect(() => withoutEdit(transcript, index)).toThrow(RangeError);
  });
});
