import { describe, expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import { readLexiconFile, writeLexiconFile } from '../../domain/lexicon-file.ts';

const caries = { canonical: 'cariës', category: 'finding', variants: ['karies', 'karius'] };
const composite = { canonical: 'composiet', category: 'term', variants: [] };

describe('a file of terms', () => {
  it.each<[string, string]>([
    ['commas', 'canonical,category,variants\r\ncariës,finding,karies|karius\r\ncomposiet,,\r\n'],
    [
      'semicolons and a byte order mark',
      '\uFEFFcanonical;category;variants\r\ncariës;finding;karies|karius\r\ncomposiet',
    ],
    ['quoted cells', '"canonical","category","variants"\n"cariës","finding","karies|karius"\n"composiet","",""\n'],
    ['other columns first', 'Variants, Canonical ,category\n karies | karius |,cariës,finding\n,composiet,\n'],
    [
      'empty lines and cells behind the last',
      'canonical;category;variants;;\n\ncariës;finding;karies|karius;;\n;;;;\ncomposiet;;;;',
    ],
    ['old line ends', 'canonical,category,variants\rcariës,finding,karies|karius\rcomposiet,,'],
    ['letters of two code points', 'canonical,category,variants\ncarie\u0308s,finding,karies|karius\ncomposiet'],
  ])('is read with %s', (_name, file) => {
    const { terms, rejected } = readLexiconFile(file);
    expect({ terms, rejected }).toEqual({ terms: [caries, composite], rejected: [] });
  });

  it('may lack all but the terms', () => {
    expect(readLexiconFile('canonical').terms).toEqual([]);
    expect(readLexiconFile('canonical\ncomposiet').terms).toEqual([composite]);
  });

  it.each([
    '',
    'term,category',
    'category,variants',
    'canonical,canonical',
    'canonical,notes',
    '"canonical',
    '\ncanonical',
  ])('is refused with the header %j', (header) => {
    const reading = () => readLexiconFile(`${header}\ncariës`);
    expect(reading).toThrow('body: needs to begin with the header canonical,category,variants');
  });

  it.each<[string, string]>([
    ['"cariës', 'its quotation marks are not closed, or stand inside a cell'],
    ['ca"riës,finding', 'its quotation marks are not closed, or stand inside a cell'],
    [',finding', 'canonical: is empty'],
    ['cariës,finding,karies,karius', 'has more than 3 cells'],
    [`${'a'.repeat(121)},finding`, 'canonical: is longer than 120 characters'],
    [`cariës,finding,karies|${'a'.repeat(121)}`, 'variants.1: is longer than 120 characters'],
    [`cariës,,${'x|'.repeat(40)}`, 'variants: are more than 32'],
    ['a|b', 'canonical: holds a | or a control character'],
    ['cari\u0007ës', 'canonical: holds a | or a control character'],
    ['=HYPERLINK(1)', 'canonical: begins with = + - or @, which spreadsheets take for a formula'],
    ['cariës,@SUM(1)', 'category: begins with = + - or @, which spreadsheets take for a formula'],
    ['cariës,,karies|+1', 'variants.1: begins with = + - or @, which spreadsheets take for a formula'],
    ['CARIES', 'canonical: is the term of line 2 again'],
  ])('leaves out the line %j alone', (line, reason) => {
    const { terms, rejected } = readLexiconFile(
      `canonical,category,variants\ncariës,finding,karies|karius\n${line}\ncomposiet`,
    );
    expect({ terms, rejected }).toEqual({ terms: [caries, composite], rejected: [{ line: 3, reason }] });
  });

  it('is refused with more terms than there may be', () => {
    const file = `canonical\n${'x\n'.repeat(sizes.lexiconEntries + 1)}`;
    expect(() => readLexiconFile(file)).toThrow('The file has 20001 terms: a lexicon has 20000 at most');
  });

  it('is written as it is read', () => {
    const odd = { canonical: 'a, "b"; c', category: 'term', variants: ["'s ochtends"] };
    const file = writeLexiconFile([caries, odd, composite]);
    expect(file).toMatch(/^\uFEFFcanonical,category,variants\r\n/);
    expect(readLexiconFile(file)).toEqual({ terms: [caries, odd, composite], rejected: [] });
  });

  it('starts no formula in a spreadsheet', () => {
    const file = writeLexiconFile([{ canonical: '=1+1', category: '@x', variants: ['-y'] }]);
    expect(file.split('\r\n')[1]).toBe("'=1+1,'@x,'-y");
  });
});
