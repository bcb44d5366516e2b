import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assetPath, readPackAsset } from '../../core/assets.ts';
import { englishCardinal, englishOrdinal, englishYear } from '../../domain/normalization/en-spoken-numbers.ts';
import { dutchCardinal } from '../../domain/normalization/nl-spoken-numbers.ts';
import type { Pronunciation } from '../../domain/normalization/pack.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { randomFrom } from '../support/random.ts';

const dental = createPack('nl-dental', readPackAsset);
const general = createPack('en-general', readPackAsset);

const examples = readFileSync(assetPath('test', 'unit', 'fixtures', 'nl-dental-examples.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t')[1] ?? '');

const spokenDutch: [written: string, spoken: string][] = [
  ['element 26', 'element twee zes'],
  ['Element 26 MOD, dan 11', 'Element twee zes em oo dee, dan 11'],
  ['26 MOD', 'twee zes em oo dee'],
  ['de 36 M en D cariës', 'de drie zes mesiaal en distaal cariës'],
  ['elementen 13 t/m 23', 'elementen één drie tot en met twee drie'],
  ['elementen 18 28, 38 en 48.', 'elementen één acht twee acht, drie acht en vier acht.'],
  ['tand nummer: 11 DI', 'tand nummer: één één dee ie'],
  ['element 11, en 12', 'element één één, en één twee'],
  ['element 26 4 mm', 'element twee zes vier millimeter'],
  ['element 26, 14 dagen wachten', 'element twee zes, 14 dagen wachten'],
  ['pagina 13 t/m 23', 'pagina 13 tot en met 23'],
  ['DPSI 3-', 'DPSI drie min'],
  ['DPSI 3+, OPG', 'DPSI drie plus, OPG'],
  ['DPSI 2.', 'DPSI twee.'],
  ['5 mm', 'vijf millimeter'],
  ['4-5 mm', 'vier tot vijf millimeter'],
  ['1,5 mm', 'één komma vijf millimeter'],
  ['0,12%', 'nul komma twaalf procent'],
  ['0,05 %', 'nul komma nul vijf procent'],
  ['10%', 'tien procent'],
  ['400 mg', 'vierhonderd milligram'],
  ['250 \u00b5g en 250 \u03bcg', 'tweehonderdvijftig microgram en tweehonderdvijftig microgram'],
  ['12000 ml', '12000 milliliter'],
  ['pockets 3 5 4 mm', 'pockets drie vijf vier millimeter'],
  ['pocketdiepte van 7', 'pocketdiepte van zeven'],
  ['klasse II', 'klasse twee'],
];

const writtenDutch = [
  'de 26 doet pijn',
  'element 29 bestaat niet',
  'element 26-27',
  'element 2.6',
  '26 MODDER',
  '26 MOD-restauratie',
  '26 MO-D',
  '26 mod',
  '26 SL',
  '26,5',
  '12-11-2026 om 14:30',
  'DPSI 5',
  'DPSI 3-4',
  'DPSI drie',
  'klasse IV',
  'klasse II-a',
  '5 mmHg',
  '5mm',
  '1/2 mm',
  'bel 06-12345678',
  'over 14 dagen',
  'MOD op D',
  'cariës@praktijk.nl 26',
  'pocket van glas',
  'pockets 3-5',
  'x13 MOD',
];

const spokenEnglish: [written: string, spoken: string][] = [
  ['5 mg', 'five milligrams'],
  ['1 kg', 'one kilogram'],
  ['2.5 kg', 'two point five kilograms'],
  ['10%', 'ten percent'],
  ['-5 °C', 'minus five degrees Celsius'],
  ['60 km/h and 10 mg/kg.', 'sixty kilometres per hour and ten milligrams per kilogram.'],
  ['10 ml/min', 'ten millilitres per minute'],
  ['105 km', 'one hundred and five kilometres'],
  ['at 3:30 pm', 'at three thirty pm'],
  ['at 15:05.', 'at fifteen oh five.'],
  ['3:00', "three o'clock"],
  ['on 3 May 2026', 'on the third of May twenty twenty six'],
  ['May 3, 2026', 'May third, twenty twenty six'],
  ['May 3, then', 'May third, then'],
  ['31 December 1999', 'the thirty first of December nineteen ninety nine'],
  ['mail john.smith@example.com.', 'mail john dot smith at example dot com.'],
  ['j_s-x+1@a-b.co.uk', 'j underscore s dash x plus 1 at a dash b dot co dot uk'],
  ['call 0205551234', 'call oh two oh five five five one two three four'],
];

const writtenEnglish = [
  'we have 26 of them',
  'the 31 April',
  'may 3',
  '3:75',
  '3:30:15',
  '25:00',
  '5 mg-dose',
  '5 x',
  '1.2.3 mg',
  '2026-05-03',
  'Maybe 3',
  '12345 mg',
  'a@b',
  '@someone',
  'https://example.com/5',
  '123',
];

describe('nl-dental said aloud', () => {
  it.each(spokenDutch)('%s is %s', (written, spoken) => {
    expect(dental.pronunciation.speak(written)).toBe(spoken);
  });

  it.each(writtenDutch)('%s stays', (written) => {
    expect(dental.pronunciation.speak(written)).toBe(written);
  });

  it.each(examples)('is written down again as it was: %s', (written) => {
    expect(dental.normalizer().normalize(dental.pronunciation.speak(written)).text).toBe(written);
  });

  it('is written down again for every tooth and surface', () => {
    const normalizer = dental.normalizer();
    const teeth = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((quadrant) =>
      Array.from({ length: quadrant < 5 ? 8 : 5 }, (_, position) => `${quadrant}${position + 1}`),
    );
    expect(teeth).toHaveLength(52);
    for (const tooth of teeth) {
      for (const code of ['', ' M', ' O', ' MOD', ' DO', ' DIP', ' MODBL', ' V']) {
        const written = `element ${tooth}${code} restauratie`;
        expect(normalizer.normalize(dental.pronunciation.speak(written)).text).toBe(written);
      }
    }
  });

  it('is written down again for every amount', () => {
    const normalizer = dental.normalizer();
    for (let amount = 0; amount < 10_000; amount += amount < 130 ? 1 : 97) {
      const written = `${amount} mg`;
      expect(normalizer.normalize(`${dutchCardinal(amount)} milligram`).text).toBe(written);
    }
  });
});

describe('en-general said aloud', () => {
  it.each(spokenEnglish)('%s is %s', (written, spoken) => {
    expect(general.pronunciation.speak(written)).toBe(spoken);
  });

  it.each(writtenEnglish)('%s stays', (written) => {
    expect(general.pronunciation.speak(written)).toBe(written);
  });

  it('is written down again for every amount, day and year', () => {
    const { normalize } = general.normalizer();
    for (let amount = 0; amount < 10_000; amount += amount < 130 ? 1 : 97) {
      expect(normalize(`${englishCardinal(amount)} milligrams`).text).toBe(`${amount} mg`);
    }
    for (let day = 1; day <= 31; day += 1) {
      expect(normalize(`the ${englishOrdinal(day)} of May`).text).toBe(`${day} May`);
    }
    for (let year = 1100; year < 2100; year += 1) {
      expect(normalize(`the third of May ${englishYear(year)}`).text).toBe(`3 May ${year}`);
    }
  });
});

describe('text that comes in pieces', { timeout: 30_000 }, () => {
  const random = randomFrom(20_260_701);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const packs: [string, Pronunciation, string[]][] = [
    ['nl-dental', dental.pronunciation, [...spokenDutch.map(([written]) => written), ...writtenDutch, ...examples]],
    ['en-general', general.pronunciation, [...spokenEnglish.map(([written]) => written), ...writtenEnglish]],
  ];

  it.each(packs)('sounds the same as the whole: %s', (_name, pronunciation, texts) => {
    const words = texts.flatMap((text) => text.split(' '));
    for (let round = 0; round < 3_000; round += 1) {
      const parts = Array.from({ length: 1 + Math.floor(random() * 8) }, () => pick(random() < 0.5 ? texts : words));
      const text = parts.join(pick([' ', '  ', '\n', ', ', '/', '-', ' (']));
      const longest = 1 + Math.floor(random() * 12);
      let spoken = '';
      let waiting = '';
      for (let at = 0; at < text.length; ) {
        const length = 1 + Math.floor(random() * longest);
        waiting += text.slice(at, at + length);
        at += length;
        const settled = pronunciation.settled(waiting);
        expect(/\S$/.test(waiting.slice(0, settled)), 'ends inside a word').toBe(false);
        spoken += pronunciation.speak(waiting.slice(0, settled));
        waiting = waiting.slice(settled);
      }
      expect(spoken + pronunciation.speak(waiting)).toBe(pronunciation.speak(text));
    }
  });

  it('is said as soon as what follows can no longer change it', () => {
    const said = (text: string) => text.slice(0, dental.pronunciation.settled(text));
    expect(said('Goedemorgen')).toBe('');
    expect(said('Goedemorgen, ')).toBe('Goedemorgen, ');
    expect(said('Goedemorgen, u')).toBe('Goedemorgen, ');
    expect(said('De elementen 11, 12 en ')).toBe('De ');
    expect(said('De elementen 11, 12 en 13 zijn ')).toBe('De elementen 11, 12 en 13 zijn ');
    expect(said('ruim 5 ')).toBe('ruim ');
    expect(said('')).toBe('');
  });
});
