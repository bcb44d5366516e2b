import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { applyRules } from '../../domain/normalization/apply.ts';
import { lexiconRule, parseLexicon } from '../../domain/normalization/lexicon.ts';
import { createLexicon } from '../../domain/normalization/lexicon-index.ts';
import { readOrdinaryWords } from '../../domain/normalization/ordinary-words.ts';
import { randomFrom } from '../support/random.ts';

const shipped = createLexicon({
  terms: parseLexicon(new TextDecoder().decode(readPackAsset('nl-dental-lexicon.tsv'))),
  ordinary: readOrdinaryWords(readPackAsset('nl-words.bin')),
});

/** Layers that contradict each other and what is shipped, with phrases and terms of more than letters. */
const layered = shipped.with([
  parseLexicon('tand steen\t\t\nkaries\t\t\nSC\t\tsecundaire caries\nFiltek Z250\t\tviltek'),
  parseLexicon(
    'amalgam\t\tamalgaam\nX-ray\t\tbitewing\ncomposiet vulling groot\t\t\nwortelkanaal met her behandeling\t\t',
  ),
]);

const vocabulary = [
  'tand steen karies caries secundaire komposiet composiet vulling vuling vul groot wortel kanaal kanaal- behandeling her',
  'met gingi fitis gingivitis amalgaan amalgaam bite wing wings coffer dam klem rubber rubberdam viltek z250 250 Filtek de',
  'en , - . parodon titis peri apicale abses abces stift op bouw kroon nood implantaad',
]
  .join(' ')
  .split(' ');

function sentences(count: number, random: () => number): string[] {
  const below = (bound: number) => Math.floor(random() * bound);
  return Array.from({ length: count }, () =>
    Array.from(
      { length: 2 + below(7) },
      () => `${vocabulary[below(vocabulary.length)]}${below(10) > 0 ? ' ' : ['-', '', ', '][below(3)]}`,
    ).join(''),
  );
}

describe.each([
  ['the shipped lexicon', shipped],
  ['contradicting layers', layered],
])('%s, in random texts of parts of terms', { timeout: 30_000 }, (_, lexicon) => {
  const rules = [lexiconRule(lexicon)];
  const texts = sentences(3_000, randomFrom(20_261_120));

  it('writes what it has written the same', () => {
    const results = texts.map((text) => applyRules(text, rules));
    expect(results.filter(({ edits }) => edits.length > 0).length).toBeGreaterThan(1_000);
    expect(results.filter(({ text }) => applyRules(text, rules).text !== text)).toEqual([]);
  });

  it('never changes an edit that was finished', () => {
    let finished = 0;
    for (const text of texts.slice(0, 400)) {
      const edits = (until: number) => {
        const result = applyRules(text.slice(0, until), rules);
        const all = result.edits.map((edit) => [
          edit.rule,
          edit.input,
          result.text.slice(edit.output.start, edit.output.end),
        ]);
        return { all, finished: all.slice(0, result.finished) };
      };
      const { all } = edits(text.length);
      for (let until = 0; until < text.length; until += 1) {
        const early = edits(until).finished;
        expect(all.slice(0, early.length), text.slice(0, until)).toEqual(early);
        finished += early.length;
      }
    }
    expect(finished).toBeGreaterThan(1_000);
  });
});
