import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assetPath } from '../../core/assets.ts';
import { createNormalizer } from '../../domain/normalization/packs.ts';
import type { Normalized } from '../../domain/normalization/result.ts';
import { randomFrom } from '../support/random.ts';

const asset = (file: string) => readFileSync(assetPath('domain', 'normalization', file), 'utf8');
const normalizer = createNormalizer('nl-dental', asset);

/** Words that the rules look at, and words that they mix with. Every list is drawn from with the same chance. */
const vocabulary = [
  'element elementen tand kies kiezen molaar regio nummer Element TAND pocket pockets pocketdiepte van',
  'een één twee drie vier vijf zes zeven acht negen nul tien elf twaalf twintig dertig veertig zestig',
  'zesentwintig drieëntwintig drieentwintig vijfenzeventig negenentwintig honderd honderdvijf duizend tweeduizend',
  '1 2 3 6 8 9 0 11 26 29 36 85 100 026 1,5 2.6 2-6 2.9 1-4 2-6-2024 26e 5mm t/m tot met komma halve anderhalve',
  'mesiaal distaal occlusaal incisaal buccaal linguaal palatinaal vestibulair mesio occluso mesiodistaal mesio-occlusaal',
  'mod mo do MOD M D o d em oo dee ie pee b o p op om ml o.d. d.d. g',
  'en of , . : - en , / ( )',
  'mm millimeter procent weken dagen jaar keer mg',
  'caries karies komposiet vulling restauratie wortel kanaal behandeling tand steen peri apicale secundaire Caries',
  'de patiënt is wachten over terug composiet kroon 😀 ﬁ \u0301 cariës@praktijk.nl',
].map((words) => words.split(' '));

/** Random words, among them rows of the kinds that make a tooth: anchor, digits or number, surface, connector. */
function sentence(random: () => number): string {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const [anchors = [], digits = [], numbers = [], , surfaces = [], codes = [], connectors = []] = vocabulary;
  const rows = [
    [anchors, digits, digits, surfaces, connectors],
    [anchors, numbers, codes],
    [digits, digits, codes, connectors],
    [digits, connectors, digits, surfaces],
    [surfaces, connectors, codes],
  ];
  let text = '';
  for (let length = 1 + Math.floor(random() * 6); length > 0; length -= 1) {
    for (const words of random() < 0.7 ? pick(rows) : [pick(vocabulary)]) {
      const word = pick(words);
      const cased = random() < 0.05 ? word.toUpperCase() : random() < 0.05 ? word.normalize('NFD') : word;
      text += cased + (random() < 0.93 ? ' ' : pick(['  ', '', '-', ', ', '.', '\t']));
    }
  }
  return text;
}

function undo(result: Normalized): string {
  return result.edits.reduceRight(
    (text, edit) =>
      text.slice(0, edit.output.start) +
      result.raw.slice(edit.input.start, edit.input.end) +
      text.slice(edit.output.end),
    result.text,
  );
}

/** The parts of a text between spans. */
function between(text: string, spans: readonly { start: number; end: number }[]): string[] {
  const ends = [0, ...spans.map((span) => span.end)];
  return ends.map((end, index) => text.slice(end, spans[index]?.start));
}

describe('properties of nl-dental, over 15,000 random sentences', { timeout: 30_000 }, () => {
  const random = randomFrom(20_260_101);
  const results = Array.from({ length: 15_000 }, () => normalizer.normalize(sentence(random)));

  it('are tried on sentences of which many change', () => {
    expect(results.filter((result) => result.edits.length > 1).length).toBeGreaterThan(2_500);
  });

  it('normalizing twice gives the same as once', () => {
    const unstable = results.filter((result) => normalizer.normalize(result.text).text !== result.text);
    expect(unstable.map((result) => [result.raw, result.text])).toEqual([]);
  });

  it('undoing every edit gives the input back', () => {
    const broken = results.filter((result) => undo(result) !== result.raw);
    expect(broken.map((result) => [result.raw, result.text])).toEqual([]);
  });

  it('nothing outside the edits changes, and every edit changes something', () => {
    for (const { raw, text, edits } of results) {
      const inputs = edits.map((edit) => edit.input);
      const outputs = edits.map((edit) => edit.output);
      expect(between(text, outputs)).toEqual(between(raw, inputs));
      for (const { input, output } of edits) {
        expect(raw.slice(input.start, input.end)).not.toBe(text.slice(output.start, output.end));
      }
    }
  });

  it('a tooth stands where the result says it does', () => {
    for (const { text, teeth } of results) {
      for (const { tooth, surfaces, output } of teeth) {
        const written = text.slice(output.start, output.end);
        expect([`${tooth}`, `${tooth} ${surfaces}`, surfaces]).toContain(written.replace(/\s+/g, ' '));
      }
    }
  });
});

describe('cost of nl-dental', { timeout: 30_000 }, () => {
  const inputs: Record<string, string> = {
    'one word': 'a',
    digits: '1',
    'digits apart': '2 ',
    letters: 'o ',
    'surfaces joined': 'mesio-',
    'surfaces in one word': 'mesio',
    'a list of teeth': 'element 26 mesiaal en ',
    'a row of runs': 'mesiaal en ',
    'number words': 'honderd ',
    'decimals without end': 'nul komma ',
    'marks without spaces': '1.',
    'parts of terms': 'wortel kanaal ',
    'hyphens in a term': 'tand-',
    'combining marks': '\u0301',
    'apostrophes in a word': "a'",
  };

  it.each(Object.entries(inputs))('is linear in the length: %s', (_name, piece) => {
    const short = median(piece, 20_000);
    const long = median(piece, 100_000);
    // Five times the length: 5 when linear, 25 when quadratic. The constant covers what is too quick to measure.
    expect(long).toBeLessThan(short * 15 + 50);
    expect(long).toBeLessThan(2_000);
  });

  function median(piece: string, length: number): number {
    const text = `element 26 ${piece.repeat(length / piece.length)}`;
    const times = [0, 1, 2].map(() => {
      const start = performance.now();
      normalizer.normalize(text);
      return performance.now() - start;
    });
    return times.toSorted((a, b) => a - b)[1] ?? 0;
  }
});
