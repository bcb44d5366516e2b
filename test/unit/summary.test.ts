import { describe, expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import { plainSummary, summaryMaterial } from '../../domain/summary.ts';

describe('the material of a summary', () => {
  const said = (text: string) => ({ speaker: 'user' as const, text });

  it('is everything that was said, as long as it fits', () => {
    const turns = [said('one'), said('two')];
    expect(summaryMaterial(turns)).toEqual(turns);
    expect(summaryMaterial([])).toEqual([]);
  });

  it('is the end of more than fits, and the last turn whatever its length', () => {
    const half = said('x'.repeat(sizes.summarySourceCharacters / 2));
    expect(summaryMaterial([said('one'), half, half])).toEqual([half, half]);
    const long = said('x'.repeat(sizes.summarySourceCharacters + 1));
    expect(summaryMaterial([said('one'), long])).toEqual([long]);
  });
});

describe('a summary as it is kept', () => {
  it('is one paragraph without control characters', () => {
    expect(plainSummary(' They spoke.\n\n\tOf\u0000 \u001b[31mred things. ')).toBe('They spoke. Of [31mred things.');
  });

  it('is cut at a word when it is too long, and anywhere when there is none', () => {
    const words = plainSummary('word '.repeat(1_000));
    expect(words.length).toBeLessThanOrEqual(sizes.summaryCharacters);
    expect(words).toMatch(/^(?:word )+word…$/);
    expect(plainSummary('x'.repeat(sizes.summaryCharacters + 1))).toBe(`${'x'.repeat(sizes.summaryCharacters - 1)}…`);
    const fitting = 'x'.repeat(sizes.summaryCharacters);
    expect(plainSummary(fitting)).toBe(fitting);
  });
});
