import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { assetPath, readPackAsset } from '../../core/assets.ts';
import { Draft } from '../../domain/normalization/draft.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import type { Edit, Normalized } from '../../domain/normalization/result.ts';
import { randomFrom } from '../support/random.ts';

const pack = createPack('en-general', readPackAsset);
const normalizer = pack.normalizer();

const fixture = (file: string) =>
  readFileSync(assetPath('test', 'unit', 'fixtures', file), 'utf8')
    .trimEnd()
    .split('\n');
const cases = fixture('en-general-cases.tsv').map((line) => {
  const [input = '', output = '', rule = ''] = line.split('\t');
  return { input, output, rule };
});

describe('the cases of en-general', () => {
  it('are many', () => {
    expect(cases.length).toBeGreaterThan(200);
  });

  it.each(cases)('$rule: $input', ({ input, output, rule }) => {
    const result = normalizer.normalize(input);
    expect(result.text).toBe(output);
    expect(normalizer.normalize(output).text).toBe(output);
    if (input !== output) expect(result.edits.map((edit) => edit.rule)).toContain(rule);
  });
});

describe('ordinary English', () => {
  const quantities = 'one, two, five, a few, several, twelve, some, three or four, no, ten'.split(', ');
  const things = 'people, minutes, letters, chairs, days, of us, second thoughts, first tries, points'.split(', ');
  const frames = [
    (many: string, what: string) => `There were ${many} ${what} left at the end.`,
    (many: string, what: string) => `At home ${many} ${what} may be more than enough.`,
    (many: string, what: string) => `I counted ${many} ${what}, oh dear, and called it a day.`,
    (many: string, what: string) => `the second time ${many} ${what} came to ${many === 'one' ? 'me' : 'us'} at last`,
    (many: string, what: string) => `In march ${many} ${what} and out go the others.`,
    (many: string, what: string) => `By the way, ${many} ${what} were past the point of no return.`,
  ];
  const composed = frames.flatMap((frame) => quantities.flatMap((many) => things.map((what) => frame(many, what))));
  const sentences = [...fixture('en-ordinary-sentences.txt'), ...composed];

  it('is more than 500 sentences', () => {
    expect(new Set(sentences).size).toBeGreaterThan(600);
  });

  it('is never changed', () => {
    const changed = sentences.map((text) => normalizer.normalize(text)).filter((result) => result.edits.length > 0);
    expect(changed.map((result) => [result.raw, result.text])).toEqual([]);
  });
});

describe('properties of en-general', { timeout: 30_000 }, () => {
  const random = randomFrom(20_260_501);
  const vocabulary = cases.flatMap(({ input }) => input.split(' '));
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const row = () => Array.from({ length: 1 + Math.floor(random() * 12) }, () => pick(vocabulary)).join(' ');
  const mixed = () => `${pick(cases).input}${pick([' ', ', ', '. ', '\n', '-'])}${pick(cases).input}`;
  const texts = [
    ...cases.map(({ input }) => input),
    ...Array.from({ length: 2_000 }, row),
    ...Array.from({ length: 2_000 }, mixed),
  ];
  const results = texts.map((text) => normalizer.normalize(text));

  it('are tried on texts of which many change', () => {
    expect(results.filter((result) => result.edits.length > 0).length).toBeGreaterThan(1_500);
  });

  it('normalizing twice gives the same as once', () => {
    const unstable = results.filter((result) => normalizer.normalize(result.text).text !== result.text);
    expect(unstable.map((result) => [result.raw, result.text])).toEqual([]);
  });

  it('undoing every edit gives the input back', () => {
    expect(results.filter((result) => undone(result) !== result.raw)).toEqual([]);
  });

  it('a finished edit of a beginning is an edit of the whole', () => {
    let finished = 0;
    for (const whole of results.filter((_, index) => index % 5 === 0 || index < cases.length)) {
      const edits = new Set(whole.edits.map((edit) => identity(whole, edit)));
      for (let length = 1; length <= whole.raw.length; length += 1) {
        const part = normalizer.normalize(whole.raw.slice(0, length));
        for (const edit of part.edits.slice(0, part.finished)) {
          finished += 1;
          expect(edits, `${JSON.stringify(part.raw)} of ${JSON.stringify(whole.raw)}`).toContain(identity(part, edit));
        }
      }
    }
    expect(finished).toBeGreaterThan(1_000);
  });

  it('an edit is finished once a word that ends it has come', () => {
    for (const text of [
      'five milligrams daily ',
      'half past three sharp ',
      'on the third of May we ',
      'twenty three people ',
    ]) {
      expect(normalizer.normalize(text).finished, text).toBe(1);
    }
  });

  it.each(['one hundred and ', 'a dot ', 'oh ', 'five five, ', 'at a quarter to ', 'plus ', '1.', 'May third ', "a'"])(
    'reads a long text no more often than short ones: %s',
    (piece) => {
      const reads = (times: number) => {
        const at = vi.spyOn(Draft.prototype, 'at');
        normalizer.normalize(piece.repeat(times));
        const { length } = at.mock.calls;
        at.mockRestore();
        return length;
      };
      expect(reads(1_000)).toBeLessThan(reads(100) * 11);
    },
  );
});

describe('the terms of a person', () => {
  it('win over the shipped ones, and are met as they are listed only', () => {
    const term = (canonical: string, ...variants: string[]) => ({ canonical, category: 'term', variants });
    const own = pack.normalizer([[term('WiFi'), term('Kovačević', 'kovachevich')], [term('WIFI')]]);
    expect(own.normalize('kovachevich has wifi, kovachevish has not').text).toBe(
      'Kovačević has WiFi, kovachevish has not',
    );
    expect(own.keyTerms().slice(0, 3)).toEqual(['WiFi', 'Kovačević', 'WIFI']);
    expect(normalizer.normalize('wifi').text).toBe('Wi-Fi');
  });
});

function undone(result: Normalized): string {
  return result.edits.reduceRight(
    (text, { input, output }) =>
      text.slice(0, output.start) + result.raw.slice(input.start, input.end) + text.slice(output.end),
    result.text,
  );
}

function identity({ text }: Normalized, { input, output, rule }: Edit): string {
  return JSON.stringify([input, text.slice(output.start, output.end), rule]);
}
