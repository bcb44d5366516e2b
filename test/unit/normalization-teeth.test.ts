import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';

const normalizer = createPack('nl-dental', readPackAsset).normalizer();
const digit = ['nul', 'een', 'twee', 'drie', 'vier', 'vijf', 'zes', 'zeven', 'acht', 'negen'];
const teen = ['tien', 'elf', 'twaalf', 'dertien', 'veertien', 'vijftien', 'zestien', 'zeventien', 'achttien'];
const ten = ['', '', 'twintig', 'dertig', 'veertig', 'vijftig', 'zestig', 'zeventig', 'tachtig'];

const teeth = [
  ...[1, 2, 3, 4].flatMap((quadrant) => [1, 2, 3, 4, 5, 6, 7, 8].map((position) => quadrant * 10 + position)),
  ...[5, 6, 7, 8].flatMap((quadrant) => [1, 2, 3, 4, 5].map((position) => quadrant * 10 + position)),
];

const anchors = [
  'element',
  'elementen',
  'tand',
  'tanden',
  'kies',
  'kiezen',
  'molaar',
  'molaren',
  'premolaar',
  'premolaren',
  'snijtand',
  'snijtanden',
  'hoektand',
  'hoektanden',
  'melkelement',
  'melkelementen',
  'melktand',
  'melktanden',
  'melkkies',
  'melkkiezen',
  'regio',
  'Element nummer',
];

/** Every way the number of a tooth may be said or written. */
function forms(tooth: number): string[] {
  const [first = 0, second = 0] = [...String(tooth)].map(Number);
  const unit = digit[second] ?? '';
  const others = [`${tooth}`, `${first} ${second}`, `${first}.${second}`, `${first}-${second}`];
  const apart = `${digit[first]} ${unit}`;
  if (first === 1) return [...others, apart, teen[second] ?? ''];
  const joined = `${unit}en${ten[first]}`;
  const written = joined.replace(/^(twee|drie)en/, '$1ën');
  return [
    ...others,
    apart,
    joined,
    written,
    written.normalize('NFD'),
    `${unit} en ${ten[first]}`,
    joined.toUpperCase(),
  ];
}

describe('each of the 52 teeth', { timeout: 30_000 }, () => {
  it('are 52', () => expect(new Set(teeth).size).toBe(52));

  it.each(anchors)('in every form behind %s', (anchor) => {
    for (const tooth of teeth) {
      for (const form of forms(tooth)) {
        const { text, teeth: found, warnings } = normalizer.normalize(`${anchor} ${form} is gaaf`);
        expect(text, form).toBe(`${anchor} ${tooth} is gaaf`);
        expect(found.map((mention) => mention.tooth)).toEqual([tooth]);
        expect(warnings).toEqual([]);
      }
    }
  });

  it('in every form right before a surface, without an anchor', () => {
    for (const tooth of teeth) {
      for (const form of forms(tooth)) {
        // `een` at the beginning is the article there.
        const isArticle = form.startsWith('een ') && !form.startsWith('een en ');
        const expected = isArticle ? `de ${form} mesiaal` : `de ${tooth} M`;
        expect(normalizer.normalize(`de ${form} mesiaal`).text).toBe(expected);
      }
    }
  });

  it('stay numbers before a unit or a word of time', () => {
    for (const tooth of teeth) {
      for (const form of forms(tooth)) {
        for (const unit of ['mm', 'millimeter', 'procent', '%']) {
          const { edits, teeth: found } = normalizer.normalize(`element ${form} ${unit}`);
          expect(found, form).toEqual([]);
          expect(edits.filter((edit) => edit.rule !== 'measure')).toEqual([]);
        }
        for (const time of ['weken', 'dagen', 'uur', 'jaar', 'maanden']) {
          const text = `element ${form} ${time}`;
          expect(normalizer.normalize(text)).toMatchObject({ text, teeth: [] });
        }
      }
    }
  });
});

describe('numbers of two digits that are no tooth', () => {
  const invalid = Array.from({ length: 90 }, (_, index) => index + 10).filter((number) => !teeth.includes(number));

  it('are 38', () => expect(invalid).toHaveLength(38));

  it('are kept and reported behind an anchor', () => {
    for (const number of invalid) {
      const apart = `element ${digit[Math.floor(number / 10)]} ${digit[number % 10]}`;
      for (const text of [`element ${number}`, apart]) {
        const result = normalizer.normalize(text);
        expect(result.text).toBe(text);
        expect(result.teeth).toEqual([]);
        expect(result.warnings.map((warning) => warning.code)).toEqual(['invalid-tooth']);
      }
    }
  });
});

describe('surfaces in every order', { timeout: 30_000 }, () => {
  const words: Record<string, string[]> = {
    M: ['mesiaal', 'mesio', 'm', 'em'],
    O: ['occlusaal', 'occluso', 'o', 'oo'],
    D: ['distaal', 'disto', 'd', 'dee'],
    B: ['buccaal', 'bucco', 'b', 'bee'],
    L: ['linguaal', 'linguo', 'l', 'el'],
  };

  const code = (letters: string[]) =>
    [...(letters.includes('M') ? 'MODBL' : 'DOBL')].filter((letter) => letters.includes(letter)).join('');

  it.each([0, 1, 2, 3])('said in form %i, apart and hyphenated', (form) => {
    for (const letters of arrangements(['M', 'O', 'D', 'B', 'L'])) {
      for (const separator of [' ', '-']) {
        const said = letters.map((letter) => words[letter]?.[form]).join(separator);
        expect(normalizer.normalize(`element 36 ${said} vulling`).text, said).toBe(
          `element 36 ${code(letters)} vulling`,
        );
      }
    }
  });

  it('joined into one word', () => {
    for (const letters of arrangements(['M', 'O', 'D', 'B', 'L'])) {
      const said = letters.map((letter, index) => words[letter]?.[index === letters.length - 1 ? 0 : 1]).join('');
      expect(normalizer.normalize(`drie zes ${said}`).text, said).toBe(`36 ${code(letters)}`);
    }
  });

  it('said as a code that is in the order of one', () => {
    for (const said of ['m', 'o', 'd', 'mo', 'mod', 'md', 'do', 'dob', 'modbl', 'bl', 'mob', 'di', 'mi', 'dp']) {
      expect(normalizer.normalize(`element 36 ${said}`).text).toBe(`element 36 ${said.toUpperCase()}`);
    }
  });

  /** All ordered selections of one or more. */
  function arrangements(letters: string[]): string[][] {
    return letters.flatMap((letter) => {
      const others = letters.filter((other) => other !== letter);
      return [[letter], ...arrangements(others).map((rest) => [letter, ...rest])];
    });
  }
});
