import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import { rowsOf } from '../support/fixtures.ts';

const pack = createPack('nl-dental', readPackAsset);
const normalizer = pack.normalizer();

describe('the examples of nl-dental', () => {
  const examples = rowsOf('nl-dental-examples.tsv');

  it('are all there', () => expect(examples).toHaveLength(67));

  it.each(examples)('%s', (input, output) => {
    expect(normalizer.normalize(input).text).toBe(output);
  });
});

describe('the cases of nl-dental', () => {
  const cases = rowsOf('nl-dental-cases.tsv');

  it('are hundreds, each once, sorted by their rule', () => {
    expect(new Set(cases.map(([input]) => input)).size).toBe(cases.length);
    expect(cases.length).toBeGreaterThan(300);
    const rules = cases.map(([, , rule]) => rule);
    expect(rules).toEqual(rules.toSorted());
  });

  it.each(cases)('%s', (input, output) => {
    expect(normalizer.normalize(input).text).toBe(output);
  });
});

describe('teeth behind an anchor', () => {
  it.each([
    ['Element zesentwintig', 'Element 26'],
    ['ELEMENT ZESENTWINTIG', 'ELEMENT 26'],
    ['tand nummer een een', 'tand nummer 11'],
    ['regio: achtenveertig', 'regio: 48'],
    ['de kies zes en veertig is los', 'de kies 46 is los'],
    ['kies zes-en-veertig', 'kies 46'],
    ['elementen achttien achtentwintig achtendertig en achtenveertig', 'elementen 18 28 38 en 48'],
    ['kiezen achttien, achtentwintig, of achtendertig', 'kiezen 18, 28, of 38'],
    ['elementen elf,twaalf en dertien', 'elementen 11,12 en 13'],
    ['elementen een drie t/m twee drie en drie een', 'elementen 13 t/m 23 en 31'],
    ['elementen 1.3 tot en met 2.3', 'elementen 13 t/m 23'],
    ['elementen elf tot en met vrijdag', 'elementen 11 tot en met vrijdag'],
    ['elementen twee zes drie zes', 'elementen 26 36'],
    ['elementen een een een twee twee een', 'elementen 11 12 21'],
    ['element twee zes drie', 'element 26 drie'],
    ['elementen elf, vijf en twaalf', 'elementen 11, vijf en 12'],
    ['elementen elf, honderdvijf en twaalf', 'elementen 11, honderdvijf en 12'],
    ['elementen twee negen en twee acht', 'elementen twee negen en 28'],
    ['element zesentwintig en element zevenentwintig', 'element 26 en element 27'],
    ['element zesentwintig mesiaal en zevenentwintig distaal', 'element 26 M en 27 D'],
    ['element zesentwintig mesiaal, een zeven distaal', 'element 26 M, 17 D'],
    ['element tien', 'element 10'],
    ['elementen elf, negentien en twaalf', 'elementen 11, 19 en 12'],
    ['molaar zes zeven en zes een', 'molaar zes zeven en 61'],
    ['element 2 6 vier millimeter', 'element 26 4 mm'],
    ['elementen elf en twaalf, veertien dagen last', 'elementen 11 en 12, veertien dagen last'],
    ['element zesentwintig tot vijf millimeter los', 'element 26 tot 5 mm los'],
    ['elementen dertien-drieëntwintig', 'elementen 13-23'],
    ['element driee\u0308ntwintig', 'element 23'],
    ['element zesentwintig, cariës. Tand elf gaaf.', 'element 26, cariës. Tand 11 gaaf.'],
  ])('%s', (input, output) => {
    expect(normalizer.normalize(input).text).toBe(output);
  });
});

describe('teeth without an anchor', () => {
  it.each([
    ['Zesendertig mesiaal', '36 M'],
    ['de zes en dertig mesiaal', 'de 36 M'],
    ['drie zes mo en drie zeven', '36 MO en drie zeven'],
    ['3 6 MOD', '36 MOD'],
    ['twee een mod', '21 MOD'],
    ['één vier mesiaal', '14 M'],
    ['vijf drie zes mod', 'vijf 36 MOD'],
    ['zesendertig en zevenendertig mesiaal', 'zesendertig en 37 M'],
    ['vul de 2.6 mod', 'vul de 26 MOD'],
  ])('%s', (input, output) => {
    expect(normalizer.normalize(input).text).toBe(output);
  });
});

describe('surfaces', () => {
  it.each([
    ['element 26 mesiodistaal', 'element 26 MD'],
    ['element 26 mesiocclusaal', 'element 26 MO'],
    ['element 26 mesioocclusodistaal', 'element 26 MOD'],
    ['element 26 distaal occlusaal buccaal', 'element 26 DOB'],
    ['element 26 palato-occlusaal', 'element 26 OP'],
    ['element 11 vestibulair', 'element 11 V'],
    ['element 36 od', 'element 36 DO'],
    ['element 36 m-o-d', 'element 36 MOD'],
    ['element 36 em oo dee bee el', 'element 36 MODBL'],
    ['element 36 mod buccaal', 'element 36 MODB'],
    ['element 36 mesiaal mesiaal', 'element 36 M'],
    ['element 36 em en dee', 'element 36 M en D'],
    ['element 36 m en distaal en buccaal', 'element 36 M en D en B'],
    ['element 36 mod.', 'element 36 MOD.'],
    ['element 36 mesiaal, distaal', 'element 36 M, distaal'],
    ['element 36 mesiaal oo pee gee gemaakt', 'element 36 M OPG gemaakt'],
  ])('%s', (input, output) => {
    expect(normalizer.normalize(input).text).toBe(output);
  });
});

describe('terms of the lexicon', () => {
  it.each([
    ['Tand-steen', 'Tandsteen'],
    ['KARIES', 'Cariës'],
    ['secundaire caries', 'secundaire cariës'],
    ['komposiet restauratie', 'composietrestauratie'],
    ['rontgen-foto', 'röntgenfoto'],
    ['initiele parodontale therapie', 'initiële parodontale therapie'],
    ['cofferdam gelegd', 'rubberdam gelegd'],
    ['caries-activiteit', 'cariës-activiteit'],
    ['fluoride applicatie', 'fluorideapplicatie'],
    ['sealand op de zesendertig occlusaal', 'sealant op de 36 O'],
    ['lidocaine en articaine', 'lidocaïne en articaïne'],
    ['ortho dontisch', 'orthodontisch'],
  ])('%s', (input, output) => {
    expect(normalizer.normalize(input).text).toBe(output);
  });
});

describe('what stays as it is', () => {
  it.each([
    // Numbers that aren't teeth, with and without an anchor.
    'element een',
    'element 5',
    'element honderdzesentwintig',
    'tand een beetje los',
    'kies twintig jaar geleden getrokken',
    'tanden dertig seconden poetsen',
    'tanden twaalf keer gepoetst',
    'element een vier weken',
    'kies zesendertig-jarige',
    'element twee zes weken',
    'tanden elf januari',
    'elementen op 2-6-2024',
    'element 2-6-2024',
    'element 026',
    'kies 26e',
    'verstandskies achttien',
    'de tand op zesendertig jaar',
    'tandarts elf',
    'een vier mesiaal',
    'de zes mesiaal',
    'honderd zesendertig mesiaal',
    'nul komma zesendertig mesiaal',
    '1,36 mesiaal',
    'negenentwintig mesiaal',
    'twee negen mod',
    'zesendertig b',
    'de zesendertig, mesiaal',
    'drie zes op de foto',
    'bel nul zes een twee drie vier vijf zes zeven acht',
    'zes en twintig euro',
    'om elf uur, of om twaalf uur',
    'tweeduizend zesentwintig',
    // Words that hold letters of a code, or a surface that is part of another word.
    'element 26 om kwart over drie',
    'element 26 op maandag',
    'element 26 d.d. drie mei',
    'element 26 m.i. verloren',
    'element 26 ipv 27',
    'element 26 vol',
    'element 26 ie doet pijn',
    'element 26 mesio-angulair',
    'element 26 mesiale rand',
    "element 26 d'r uit",
    'mesiaal van de kies',
    'mesio-occlusaal',
    'mod en do',
    // Terms that are spelled well, inflected, or inside something else.
    'Tandsteen en CARIËS',
    'carie\u0308s',
    'cariesrisico',
    'kronen en bruggen',
    'mail caries@praktijk.nl of https://caries.nl/karies',
    'de wortel van het kanaal',
    '',
    '   ',
    'emoji 😀 en tekens — “aanhaling”',
  ])('%s', (text) => {
    const { edits, ...result } = normalizer.normalize(text);
    expect(result.text).toBe(text);
    expect(edits).toEqual([]);
  });
});

describe('the result', () => {
  it('keeps every character outside the edits', () => {
    const { text } = normalizer.normalize('\t Element  zesentwintig\u00a0mesiaal ,\n\n vijf  millimeter 😀\r\n');
    expect(text).toBe('\t Element  26\u00a0M ,\n\n 5 mm 😀\r\n');
  });

  it('carries edits, teeth and warnings with their spans', () => {
    const raw = 'element drie zes mesiaal en dee, negenentwintig en twee negen';
    const result = normalizer.normalize(raw);
    expect(result.text).toBe('element 36 M en D, 29 en twee negen');
    expect(result.edits.map((e) => [raw.slice(e.input.start, e.input.end), e.rule])).toEqual([
      ['drie zes', 'tooth'],
      ['mesiaal', 'surface'],
      ['dee', 'surface'],
      ['negenentwintig', 'tooth'],
    ]);
    expect(result.edits.map((e) => result.text.slice(e.output.start, e.output.end))).toEqual(['36', 'M', 'D', '29']);
    expect(result.teeth.map((t) => [t.tooth, t.surfaces, result.text.slice(t.output.start, t.output.end)])).toEqual([
      [36, 'M', '36 M'],
      [36, 'D', 'D'],
    ]);
    expect(result.warnings.map((w) => [w.code, raw.slice(w.input.start, w.input.end)])).toEqual([
      ['invalid-tooth', 'negenentwintig'],
      ['invalid-tooth', 'twee negen'],
    ]);
  });

  it('reports teeth that were written well already, without an edit', () => {
    expect(normalizer.normalize('element 26 MOD')).toEqual({
      raw: 'element 26 MOD',
      text: 'element 26 MOD',
      edits: [],
      teeth: [{ tooth: 26, surfaces: 'MOD', output: { start: 8, end: 14 } }],
      warnings: [],
      finished: 0,
    });
  });
});

describe('the pack', () => {
  it('offers the canonical terms once each, those that are misheard first', () => {
    const terms = normalizer.keyTerms();
    expect(new Set(terms).size).toBe(terms.length);
    expect(terms).toContain('röntgenfoto');
    expect(terms).not.toContain('caries');
    expect(terms.indexOf('röntgenfoto')).toBeLessThan(terms.indexOf('pulpitis'));
  });

  it('takes further terms, of which the first layer is the strongest', () => {
    const own = [{ canonical: 'Filtek', category: 'material', variants: ['viltek'] }];
    const practice = [{ canonical: 'Venus', category: 'material', variants: ['viltek', 'fenus'] }];
    const layered = pack.normalizer([own, practice]);
    expect(layered.normalize('viltek en fenus bij karies').text).toBe('Filtek en Venus bij cariës');
    expect(layered.keyTerms().slice(0, 2)).toEqual(['Filtek', 'Venus']);
    expect(normalizer.normalize('viltek').text).toBe('viltek');
  });

  it('that does not exist is refused with the names of those that do', () => {
    expect(() => createPack('nl-legal', readPackAsset)).toThrow('no normalization pack nl-legal; known: nl-dental');
  });

  it('with a broken lexicon is refused with the line', () => {
    const withLexicon = (lexicon: string) => () =>
      createPack('nl-dental', (file) =>
        file.endsWith('.tsv') ? new TextEncoder().encode(lexicon) : readPackAsset(file),
      );
    expect(withLexicon('abces\tfinding\t\nfistel')).toThrow('lexicon line 2');
    expect(withLexicon('\tfinding\tx')).toThrow('lexicon line 1');
  });
});
