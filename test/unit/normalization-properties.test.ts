import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { Draft } from '../../domain/normalization/draft.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import type { Normalized } from '../../domain/normalization/result.ts';
import { withoutEdit } from '../../domain/normalization/undo.ts';
import { rowsOf } from '../support/fixtures.ts';
import { randomFrom } from '../support/random.ts';

const normalizer = createPack('nl-dental', readPackAsset).normalizer();

/** Words that the rules look at, and words that they mix with. Every list is drawn from with the same chance. */
const vocabulary = [
  'element elementen tand kies kiezen molaar regio nummer Element TAND pocket pockets pocketdiepte van',
  'een één twee drie vier vijf zes zeven acht negen nul tien elf twaalf twintig dertig veertig zestig',
  'zesentwintig drieëntwintig drieentwintig vijfenzeventig negenentwintig honderd honderdvijf duizend tweeduizend',
  '1 2 3 6 8 9 0 11 26 29 36 85 100 026 1,5 2.6 2-6 2.9 1-4 2-6-2024 26e 5mm t/m tot met komma halve anderhalve',
  'mesiaal distaal occlusaal incisaal buccaal linguaal palatinaal vestibulair mesio occluso mesiodistaal mesio-occlusaal',
  'mod mo do MOD M D o d em oo dee ie pee b o p op om ml o.d. d.d. g',
  'en of , . : - en , / ( )',
  'mm millimeter procent weken dagen jaar keer mg % milligram 5mm half',
  'dpsi graad klasse kwadrant sextant divisie min plus opg o.p.g. bee pee gee s i tee cbct bop er aa',
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

/** The input as the edits have it, from the last edit undone to the first. */
function undoAll(result: Normalized): string {
  let transcript: Pick<Normalized, 'raw' | 'text' | 'edits'> = result;
  while (transcript.edits.length > 0) transcript = withoutEdit(transcript, transcript.edits.length - 1);
  return transcript.text;
}

/** The parts of a text between spans. */
function between(text: string, spans: readonly { start: number; end: number }[]): string[] {
  const ends = [0, ...spans.map((span) => span.end)];
  return ends.map((end, index) => text.slice(end, spans[index]?.start));
}

/** Examples and cases of the rules, and random sentences. */
const written = ['nl-dental-examples.tsv', 'nl-dental-cases.tsv'].flatMap((file) =>
  rowsOf(file).map(([input]) => input),
);
const random = randomFrom(20_260_101);
const sentences = Array.from({ length: 15_000 }, () => sentence(random));

describe('properties of nl-dental, over all cases and 15,000 random sentences', { timeout: 60_000 }, () => {
  const results = [...written, ...sentences].map((text) => normalizer.normalize(text));

  it('are tried on sentences of which many change', () => {
    expect(results.filter((result) => result.edits.length > 1).length).toBeGreaterThan(2_500);
  });

  it('normalizing twice gives the same as once', () => {
    const unstable = results.filter((result) => normalizer.normalize(result.text).text !== result.text);
    expect(unstable.map((result) => [result.raw, result.text])).toEqual([]);
  });

  it('undoing every edit gives the input back', () => {
    const broken = results.filter((result) => undoAll(result) !== result.raw);
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

describe('text that is still coming', { timeout: 60_000 }, () => {
  /** The prefixes of a text after which a finished edit isn't there, or isn't the same any more. */
  function changes(text: string, lengths: Iterable<number>): string[] {
    const changed: string[] = [];
    let before = normalizer.normalize('');
    for (const length of lengths) {
      const now = normalizer.normalize(text.slice(0, length));
      const finished = JSON.stringify(before.edits.slice(0, before.finished));
      const isKept =
        now.finished >= before.finished && JSON.stringify(now.edits.slice(0, before.finished)) === finished;
      if (!isKept) changed.push(now.raw);
      before = now;
    }
    return changed;
  }

  const endsOfWords = (text: string) => [...text.matchAll(/\S+/g)].map((word) => word.index + word[0].length);
  const everyLength = (text: string) => Array.from({ length: text.length }, (_, index) => index + 1);

  it('keeps the edits that are finished, by the character', () => {
    expect([...written, ...sentences.slice(0, 500)].flatMap((text) => changes(text, everyLength(text)))).toEqual([]);
  });

  it('keeps the edits that are finished, by the word', () => {
    expect([...written, ...sentences.slice(500, 3_000)].flatMap((text) => changes(text, endsOfWords(text)))).toEqual(
      [],
    );
  });

  it.each([
    ['element zesentwintig', 0],
    ['element zesentwintig ', 0],
    ['element zesentwintig is ', 1],
    ['element zesentwintig mesiaal ', 1],
    ['element zesentwintig mesiaal is ', 2],
    ['elementen elf en ', 0],
    ['elementen elf tot ', 0],
    ['elementen elf tot en met ', 0],
    ['elementen elf tot en met dertien ', 0],
    ['elementen elf tot en met dertien is ', 3],
    ['vijf millimeter ', 1],
    ['o p g is ', 1],
    ['dpsi drie ', 1],
    ['dpsi drie min ', 2],
  ])('has as many edits finished as can be known: %j', (text, finished) => {
    expect(normalizer.normalize(text).finished).toBe(finished);
  });
});

describe('the work nl-dental does', { timeout: 60_000 }, () => {
  const pieces = [
    ...['a', '1', '2 ', 'o ', 'een ', 'a.', '1-', '1.', "a'", '%', '5mm ', '\u0301', '😀', 'é'],
    ...['mesio-', 'mesio', 'mesiaal en ', 'element 26 mesiaal en ', 'element 26 m-', 'drie zes m ', 'element , '],
    ...['honderd ', 'nul komma ', 'een en een halve ', 'vier tot ', 'tot en met ', 'zes en ', 'element 2 6 '],
    ...['pockets 3 ', 'pocket van , ', 'pocket een ', 'klasse ', 'dpsi ', 'b o p ', 'd.p.s.i. ', 'o.p.'],
    ...['wortel kanaal ', 'tand-', 'komposiet '],
  ];

  it.each(pieces)('grows no faster than the text: %j', (piece) => {
    // Five times the text: 5 where the work is linear, 25 where it is quadratic.
    expect(readsOf(piece, 100_000)).toBeLessThan(6 * readsOf(piece, 20_000));
  });

  /** How often rules read a token of a text that repeats a piece. */
  function readsOf(piece: string, length: number): number {
    const { at } = Draft.prototype;
    let reads = 0;
    Draft.prototype.at = function count(index) {
      reads += 1;
      return at.call(this, index);
    };
    try {
      normalizer.normalize(`element 26 ${piece.repeat(length / piece.length)}`);
    } finally {
      Draft.prototype.at = at;
    }
    return reads;
  }
});
