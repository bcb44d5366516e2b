import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assetPath, readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { debianSentences } from '../support/dutch-sentences.ts';

const fromDebian = await debianSentences();
const normalizer = createPack('nl-dental', readPackAsset).normalizer();

const written = readFileSync(assetPath('test', 'unit', 'fixtures', 'nl-ordinary-sentences.txt'), 'utf8')
  .split('\n')
  .filter(Boolean);

/** Every way to say these with each other: numbers, times and words that are terms, all where they mean nothing special. */
function composed(): string[] {
  const persons = ['De patiënt', 'Mijn buurvrouw', 'De assistente', 'Zijn moeder', 'Iedereen', 'De nieuwe collega'];
  const doings = [
    'belde om kwart over drie over',
    'wacht al veertien dagen op',
    'betaalde zesendertig euro voor',
    'vroeg twee keer naar',
    'praat een half uur over',
    'heeft geen klachten meer over',
    'kwam op elf maart terug voor',
    'weet niets van',
  ];
  const things = [
    'de rekening',
    'de afspraak van dinsdag',
    'een nieuwe fiets',
    'het eten in het restaurant',
    'de bruggen in de stad',
    'de compositie van het stuk',
    'de receptie van morgen',
    'de kiezen van de hond',
    'drie van de vier vragen',
    'een van de elf spelers',
    'de wortels in de soep',
    'zijn zesentwintig neven en nichten',
    'de fractie in de gemeenteraad',
    'de foto op de kast',
    'wat er over tien jaar gebeurt',
  ];
  return persons.flatMap((person) => doings.flatMap((doing) => things.map((thing) => `${person} ${doing} ${thing}.`)));
}

/** The sentences that change, and into what. */
function changed(sentences: readonly string[]): string[][] {
  const results = sentences.map((sentence) => normalizer.normalize(sentence));
  return results.filter(({ raw, text }) => raw !== text).map(({ raw, text }) => [raw, text]);
}

describe('ordinary Dutch stays as it is', () => {
  it.skipIf(fromDebian.length === 0)("in Debian's manual pages", () => {
    expect(fromDebian.length).toBeGreaterThan(1_100);
    expect(changed(fromDebian)).toEqual([]);
  });

  it('in hundreds of sentences as they are said in and around a practice', () => {
    expect(new Set(written).size).toBeGreaterThan(300);
    expect(changed(written)).toEqual([]);
  });

  it('in hundreds of sentences with numbers, times and terms of other fields', () => {
    const sentences = composed();
    expect(new Set(sentences).size + new Set(written).size).toBeGreaterThan(900);
    expect(changed(sentences)).toEqual([]);
  });
});
