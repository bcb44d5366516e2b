import { describe, expect, it } from 'vitest';
import { cardinalAt, cardinalWord, digitAt, quantityAt, unitAndTenAt } from '../../domain/normalization/numbers.ts';
import { fold, tokenize } from '../../domain/normalization/tokens.ts';

const small =
  'nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien'.split(
    ' ',
  );
const tens = '- - twintig dertig veertig vijftig zestig zeventig tachtig negentig'.split(' ');

/** Writes a number the way the Dutch spelling rules have it below a thousand; spaces as an option. */
function dutch(value: number, space = ''): string {
  if (value >= 1000) return join(value, 1000, 'duizend', space);
  if (value >= 100) return join(value, 100, 'honderd', space);
  if (value < 20) return small[value] ?? '';
  const unit = small[value % 10] ?? '';
  const ten = tens[Math.floor(value / 10)] ?? '';
  if (value % 10 === 0) return ten;
  return unit.endsWith('e') ? `${unit}ën${ten}` : `${unit}en${ten}`;
}

function join(value: number, worth: number, word: string, space: string): string {
  const times = Math.floor(value / worth);
  const rest = value % worth;
  return `${times === 1 ? '' : dutch(times)}${word}${rest === 0 ? '' : space + dutch(rest, space)}`;
}

describe('cardinals from 0 to 9999', () => {
  it('are read as one word', () => {
    for (let value = 0; value < 10_000; value += 1) expect(cardinalWord(fold(dutch(value))), dutch(value)).toBe(value);
  });

  it('are read with a space behind the thousands and the hundreds', () => {
    for (let value = 0; value < 10_000; value += 1) {
      const tokens = tokenize(dutch(value, ' '));
      expect(cardinalAt(tokens, 0), dutch(value, ' ')).toEqual({ value, to: tokens.length });
    }
  });

  it.each([
    ['twaalfhonderd', 1200],
    ['vijfentwintighonderd', 2500],
    ['honderdenvijf', 105],
    ['honderdeneen', 101],
    ['duizendeneen', 1001],
    ['eenhonderd', 100],
  ])('are also said as %s', (word, value) => expect(cardinalWord(word)).toBe(value));

  it.each([
    ['vier honderd', 400],
    ['vijf duizend zes', 5006],
    ['negen duizend negen honderd', 9900],
    ['2026', 2026],
  ])('are read apart: %s', (words, value) => expect(cardinalAt(tokenize(words), 0)?.value).toBe(value));

  it.each([
    '',
    'en',
    'eens',
    'zesje',
    'tienen',
    'nultwintig',
    'nulhonderd',
    'honderdhonderd',
    'duizendduizend',
    'zeseerste',
  ])('are not %j', (word) => expect(cardinalWord(word)).toBeUndefined());
});

describe('a unit and a ten said apart', () => {
  it.each(['zes en twintig', 'zes-en-twintig', 'Zes En Twintig'])('%s', (words) => {
    const tokens = tokenize(words);
    expect(unitAndTenAt(tokens, 0)).toEqual({ value: 26, to: tokens.length });
  });

  it.each(['zes en tien', 'nul en twintig', 'elf en twintig', '6 en twintig', 'zes en'])('not %s', (words) =>
    expect(unitAndTenAt(tokenize(words), 0)).toBeUndefined(),
  );
});

describe('quantities', () => {
  it.each([
    ['vijf', '5'],
    ['nul komma vijf', '0,5'],
    ['nul komma nul vijf', '0,05'],
    ['nul komma twaalf', '0,12'],
    ['nul komma een twee', '0,12'],
    ['drie komma vijfentwintig', '3,25'],
    ['1,5', '1,5'],
    ['1.5', '1,5'],
    ['anderhalf', '1,5'],
    ['anderhalve', '1,5'],
    ['halve', '0,5'],
    ['een halve', '0,5'],
    ['één halve', '0,5'],
    ['twee en een halve', '2,5'],
    ['twee en een half', '2,5'],
    ['tweeënhalve', '2,5'],
    ['tweeenhalf', '2,5'],
    ['honderd vijf', '105'],
    ['honderd en vijf', '105'],
    ['duizend en een', '1001'],
    ['honderd en een halve', '100,5'],
    ['2 en een halve', '2,5'],
    ['tweeëneenhalve', '2,5'],
    ['1.000', '1.000'],
    ['0.125', '0,125'],
    ['12000', '12000'],
    ['05', '05'],
  ])('%s is %s', (words, amount) => {
    const tokens = tokenize(words);
    expect(quantityAt(tokens, 0)).toEqual({ amount, to: tokens.length });
  });

  it.each(['komma vijf', 'behalve', 'kalf', 'de'])('%s is none', (words) =>
    expect(quantityAt(tokenize(words), 0)).toBeUndefined(),
  );

  it('end where the number ends', () => {
    expect(quantityAt(tokenize('vijf komma dus'), 0)).toEqual({ amount: '5', to: 1 });
    expect(quantityAt(tokenize('zes en een brug'), 0)).toEqual({ amount: '6', to: 1 });
    expect(quantityAt(tokenize('honderd en dertien'), 0)).toEqual({ amount: '100', to: 1 });
    expect(quantityAt(tokenize('vijf.6'), 0)).toEqual({ amount: '5', to: 1 });
  });
});

describe('digits', () => {
  it('are single', () => {
    const tokens = tokenize('zes 6 06 tien 10');
    expect(tokens.map((_, index) => digitAt(tokens, index))).toEqual([6, 6, undefined, undefined, undefined]);
  });
});
