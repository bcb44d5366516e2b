import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { applyRules } from '../../domain/normalization/apply.ts';
import { type LexiconTerm, lexiconRule, parseLexicon } from '../../domain/normalization/lexicon.ts';
import { createLexicon, type Lexicon } from '../../domain/normalization/lexicon-index.ts';
import { readOrdinaryWords } from '../../domain/normalization/ordinary-words.ts';

const ordinary = readOrdinaryWords(readPackAsset('nl-words.bin'));

/** Terms as `canonical|variant|variant`. */
function terms(...lines: string[]): LexiconTerm[] {
  return lines.map((line) => {
    const [canonical = '', ...variants] = line.split('|');
    return { canonical, category: 'term', variants };
  });
}

const shipped = createLexicon({
  ordinary,
  terms: terms(
    ...[
      'cariës|karies',
      'amalgaam',
      'composiet|komposiet',
      'composietvulling',
      'gingivitis',
      'parodontitis',
      'restauratie',
    ],
    ...['wortelkanaal', 'wortelkanaalbehandeling', 'tandsteen', 'bitewing', 'bitewings', 'rubberdam|cofferdam'],
    ...[
      'rubberdamklem',
      'secundaire cariës|secundaire karies',
      'gebitsprothese',
      'fistel',
      'OPG',
      'chloorhexidine',
      'abces|abses',
    ],
  ),
});

/** What the rule makes of a text, with its edits as `rule: from -> to`. */
function apply(text: string, lexicon: Lexicon = shipped) {
  const result = applyRules(text, [lexiconRule(lexicon)]);
  const edits = result.edits.map(
    ({ rule, input, output }) =>
      `${rule}: ${text.slice(input.start, input.end)} -> ${result.text.slice(output.start, output.end)}`,
  );
  return { ...result, edits };
}

describe('a listed spelling', () => {
  it.each([
    ['karies', 'cariës'],
    ['caries en CARIËS', 'cariës en CARIËS'],
    ['Karies distaal', 'Cariës distaal'],
    ['KARIES', 'Cariës'],
    ['cariës'.normalize('NFD'), 'cariës'.normalize('NFD')],
    ['opg', 'OPG'],
    ['(karies), karies.', '(cariës), cariës.'],
  ])('%s is written %s', (text, expected) => expect(apply(text).text).toBe(expected));

  it('is a `lexicon` edit, and none where nothing changes', () => {
    expect(apply('karies bij composiet').edits).toEqual(['lexicon: karies -> cariës']);
  });
});

describe('a compound in parts', () => {
  it.each([
    ['tand steen', 'tandsteen'],
    ['Tand-steen', 'Tandsteen'],
    ['wortel kanaal behandeling gestart', 'wortelkanaalbehandeling gestart'],
    ['wortelkanaal-behandeling', 'wortelkanaalbehandeling'],
    ['wortel kanaal gestart', 'wortelkanaal gestart'],
    ['komposiet vulling', 'composietvulling'],
    ['komposeit vulling', 'composietvulling'],
    ['secundaire abses', 'secundaire abces'],
    ['secundaire karries', 'secundaire cariës'],
    ['coffer dam klem', 'rubberdamklem'],
    ['o p g', 'OPG'],
    ['tand, steen', 'tand, steen'],
    ['tand - steen', 'tand - steen'],
    ['tand en steen', 'tand en steen'],
  ])('%s is written %s', (text, expected) => expect(apply(text).text).toBe(expected));

  it('is a `lexicon` edit over all of it, unless a part only resembles a term', () => {
    expect(apply('komposiet vulling').edits).toEqual(['lexicon: komposiet vulling -> composietvulling']);
    expect(apply('komposeit vulling').edits).toEqual(['spelling: komposeit vulling -> composietvulling']);
  });
});

describe('a misspelled word', () => {
  it.each([
    ['an insertion', 'amalgaamm', 'amalgaam'],
    ['a deletion', 'amalgam', 'amalgaam'],
    ['a change', 'amalgaan', 'amalgaam'],
    ['a swap of neighbours', 'fitsel', 'fistel'],
    ['a swap at the start', 'maalgaam', 'amalgaam'],
    ['a swap of letters that are none', 'malagaam', 'malagaam'],
    ['two edits in nine letters', 'gengevitis', 'gingivitis'],
    ['two edits in eight', 'amolgaan', 'amolgaan'],
    ['three edits', 'gengevites', 'gengevites'],
    ['one in five letters', 'abzes', 'abzes'],
    ['a capital', 'Amalgaan', 'Amalgaam'],
    ['in two parts', 'gingi fitis', 'gingivitis'],
  ])('by %s', (_, text, expected) => expect(apply(text).text).toBe(expected));

  it('is a `spelling` edit', () => expect(apply('het amalgaan').edits).toEqual(['spelling: amalgaan -> amalgaam']));

  it.each(['restauraties', 'gebitsprothesen', 'composieten', "amalgaam's", 'restaurant', 'bitewinge', 'composities'])(
    'is not %s, which is an inflection or an ordinary word',
    (word) => expect(apply(word).edits).toEqual([]),
  );

  it.each([
    ['the nearest', ['molaarband', 'molaarbant'], 'molaarbanx', 'molaarband'],
    ['the one with the same first letter', ['kraxodine', 'traxodine'], 'traxodinf kraxodinf', 'traxodine kraxodine'],
    ['the first in the alphabet', ['praxodint', 'praxodine'], 'praxodinf', 'praxodine'],
    ['the nearest before the same first letter', ['xraxodine', 'praxodites'], 'praxodine', 'xraxodine'],
  ])('means %s of several terms', (_, names, text, expected) => {
    expect(apply(text, createLexicon({ terms: terms(...names), ordinary })).text).toBe(expected);
  });

  it('stays where every word is ordinary', () => {
    const lexicon = createLexicon({ terms: terms('amalgaam|amalgam'), ordinary: { has: () => true } });
    expect(apply('amalgaan amalgam', lexicon).text).toBe('amalgaan amalgaam');
  });
});

describe('layers', () => {
  it('add terms, and the first wins over the next and over what is shipped', () => {
    const lexicon = shipped.with([terms('Filtek|viltek', 'karies'), terms('Venus|viltek|fenus', 'Tetric|karies')]);
    expect(apply('viltek en fenus bij karies en caries', lexicon).text).toBe('Filtek en Venus bij karies en cariës');
    expect(apply('karies').text).toBe('cariës');
  });

  it.each([
    ['amalgaan', 'amalgaan'],
    ['tand steen', 'tand steen'],
    ['komposiet vulling', 'komposiet vulling'],
    ['gingi fitis', 'gingi fitis'],
  ])('protect what is a term in a stronger one: %s', (text, kept) => {
    expect(apply(text).edits).toHaveLength(1);
    expect(apply(text, shipped.with([terms(kept)])).edits).toEqual([]);
  });

  it('keep a compound together that is only kept apart where it is said apart', () => {
    const lexicon = shipped.with([terms('tand steen')]);
    expect(apply('tand steen en tandsteen en tantsteen', lexicon).text).toBe('tand steen en tandsteen en tandsteen');
  });

  it('write a term as the stronger one spells it, by whichever spelling it is found', () => {
    const lexicon = shipped.with([terms('amalgam|amalgaam')]);
    expect(apply('amalgaam amalgaan amalgam', lexicon).text).toBe('amalgam amalgam amalgam');
  });

  it('prefer their canonical spellings to their variants, and the first of two', () => {
    const lexicon = createLexicon({ terms: terms('Aa|Bb', 'Bb|Cc', 'Dd|Cc'), ordinary });
    expect(apply('aa bb cc dd', lexicon).text).toBe('Aa Bb Bb Dd');
  });

  it('normalize what they have normalized to the same', () => {
    const lexicon = shipped.with([terms('tandsteenresten', 'SC|secundaire caries'), terms('X-ray|bitewing')]);
    for (const text of ['tand steen resten', 'secundaire karies', 'bite wing', 'bitewingg opname', 'x ray']) {
      const once = apply(text, lexicon).text;
      expect(apply(once, lexicon).text).toBe(once);
    }
  });
});

describe('text that is still coming', () => {
  it.each(['wortel kanaal behandeling gestart ', 'komposiet vulling en karies ', 'gingi fitis bij tand steen '])(
    'never changes a finished edit: %s',
    (text) => {
      for (let end = 0; end <= text.length; end += 1) {
        const early = apply(text.slice(0, end));
        expect(apply(text).edits.slice(0, early.finished)).toEqual(early.edits.slice(0, early.finished));
      }
      expect(apply(text).finished).toBe(apply(text).edits.length);
    },
  );

  it('waits for the rest of a longer term that has begun', () => {
    const lexicon = shipped.with([terms('WKB|wortelkanaal met her behandeling')]);
    expect(apply('wortel kanaal met ', lexicon)).toMatchObject({ finished: 0, text: 'wortelkanaal met ' });
    expect(apply('wortel kanaal met her behandeling ', lexicon)).toMatchObject({ finished: 1, text: 'WKB ' });
    expect(apply('wortel kanaal met een ', lexicon).finished).toBe(1);
  });
});

describe('a table of terms', () => {
  it('has a term, its category and its variants in each line', () => {
    expect(parseLexicon('cariës\tfinding\tkaries| caries \r\n\npulpa\tanatomy\t\n')).toEqual([
      { canonical: 'cariës', category: 'finding', variants: ['karies', 'caries'] },
      { canonical: 'pulpa', category: 'anatomy', variants: [] },
    ]);
  });

  it.each(['abces\tfinding\t\nfistel', 'abces\tfinding\t\n\tfinding\t', 'abces\tfinding\t\na\tb\tc\td'])(
    'names the line that is wrong: %j',
    (table) => expect(() => parseLexicon(table)).toThrow('lexicon line 2'),
  );
});
