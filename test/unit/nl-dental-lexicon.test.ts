import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { parseLexicon } from '../../domain/normalization/lexicon.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { anchors } from '../../domain/normalization/teeth.ts';
import { fold } from '../../domain/normalization/tokens.ts';

const text = new TextDecoder().decode(readPackAsset('nl-dental-lexicon.tsv'));
const terms = parseLexicon(text);
const normalizer = createPack('nl-dental', readPackAsset).normalizer();

/** A spelling as it is looked up. */
const keyOf = (spelling: string) => fold(spelling).replaceAll(/[\s-]/g, '');

describe('the shipped lexicon of nl-dental', () => {
  it('has more than 600 terms of seven categories', () => {
    expect(terms.length).toBeGreaterThan(600);
    const categories = new Set(terms.map(({ category }) => category));
    expect([...categories].toSorted()).toEqual(
      ['anatomy', 'appliance', 'finding', 'imaging', 'material', 'medication', 'treatment'].toSorted(),
    );
  });

  it('is written in composed letters, without stray spaces', () => {
    expect(text).toBe(text.normalize('NFC'));
    expect(text).not.toMatch(/ {2}| \t|\t | $|\r/m);
  });

  it('has no term twice', () => {
    expect(repeated(terms.map(({ canonical }) => keyOf(canonical)))).toEqual([]);
  });

  it('means one term by a variant', () => {
    const owners = new Map(terms.map(({ canonical }) => [keyOf(canonical), canonical]));
    const conflicts = terms.flatMap(({ canonical, variants }) =>
      variants.filter((variant) => (owners.get(keyOf(variant)) ?? canonical) !== canonical),
    );
    expect(conflicts).toEqual([]);
    expect(repeated(terms.flatMap(({ variants }) => [...new Set(variants.map(keyOf))]))).toEqual([]);
  });

  it('leaves each term as it is, in a sentence too', () => {
    const changed = terms
      .map(({ canonical }) => canonical)
      .filter((term) => write(`de ${term} is`) !== `de ${term} is`);
    expect(changed).toEqual([]);
  });

  it('writes each variant as its term', () => {
    const others = terms.flatMap(({ canonical, variants }) =>
      variants.filter((variant) => write(`bij ${variant} is`) !== `bij ${canonical} is`),
    );
    expect(others).toEqual([]);
  });

  it('leaves alone the words that rules look for, whatever resembles them', () => {
    const words = `mesiaal distaal occlusaal incisaal buccaal vestibulair linguaal palatinaal mesiale distale occlusale
      incisale buccale linguale palatinale labiaal labiale mesio disto occluso millimeter centimeter milligram microgram
      milliliter procent pocket pockets pocketdiepte sondeerdiepte graad kwadrant sextant divisie stadium klasse min plus
      nummer zesentwintig vijfenzeventig honderdvijf anderhalve halve komma`.split(/\s+/);
    const changed = [...anchors, ...words].filter((word) => write(`de ${word} hier`) !== `de ${word} hier`);
    expect(changed).toEqual([]);
  });

  it('never takes one medicine for another that is spelled a little alike', () => {
    const alike = [
      ['ampicilline', 'amoxicilline'],
      ['betamethason', 'dexamethason'],
      ['lansoprazol', 'pantoprazol'],
      ['felodipine', 'amlodipine'],
      ['clonazepam', 'lorazepam'],
      ['fosinopril', 'lisinopril'],
      ['ganciclovir', 'aciclovir'],
      ['penicillamine', 'penicilline'],
      ['etidocaïne', 'lidocaïne'],
      ['tioconazol', 'miconazol'],
    ];
    for (const [one, other] of alike) expect(write(`${one} of ${other}`)).toBe(`${one} of ${other}`);
    expect(write('paracetamoll')).toBe('paracetamol');
  });
});

function write(sentence: string): string {
  return normalizer.normalize(sentence).text;
}

function repeated(keys: readonly string[]): string[] {
  return keys.filter((key, index) => keys.indexOf(key) !== index);
}
