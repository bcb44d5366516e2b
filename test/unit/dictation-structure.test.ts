import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readPackAsset } from '../../core/assets.ts';
import { type NotedTerm, structuredNoteSchema } from '../../domain/dictation/structured-note.ts';
import { createTermFinder } from '../../domain/dictation/term-finder.ts';
import { createPack } from '../../domain/normalization/packs.ts';
import type { NotePatient, Segment } from '../../domain/note.ts';
import { loadStructureNote } from '../../services/note-structure.ts';

const normalizer = createPack('nl-dental', readPackAsset).normalizer();
const structureNote = loadStructureNote(new Map());

/** A segment as dictation leaves it. */
const segmentOf = (raw: string, pack: string | null = 'nl-dental'): Segment => {
  const { text, edits } = normalizer.normalize(raw);
  const saidAt = '2026-11-20T10:00:00.000Z';
  return { id: randomUUID(), raw, text, edits, pack, language: 'nl', saidAt, isRevised: false };
};
const patientOf = (...lines: Segment[][]): NotePatient => ({
  paragraphs: [{ lines: lines.map((segments) => ({ segments })) }],
});
const read = (...said: string[]) => {
  const [patient] = structureNote({ patients: [patientOf(...said.map((each) => [segmentOf(each)]))] }).patients;
  if (!patient) throw new Error('there is no patient');
  return patient;
};

/** A term in short: `-` before it where it is negated, then its surfaces and amount. */
const short = ({ term, surfaces, amount, isNegated }: NotedTerm) =>
  [isNegated ? `-${term}` : term, ...surfaces, ...(amount ? [amount] : [])].join(' ');
const shortTerms = (lists: Pick<ReturnType<typeof read>, 'general'>['general']) => [
  ...lists.findings.map(short),
  ...lists.treatments.map(short),
  ...lists.materials.map(short),
  ...lists.appliances.map(short),
  ...lists.others.map(short),
];

/** What was said, and the terms by tooth: `26 MOD: composiet MOD`; those of no tooth under `-`. */
const summary = (said: string) => {
  const { teeth, general } = read(said);
  const lines = teeth.map((each) => `${[each.tooth, ...each.surfaces].join(' ')}: ${shortTerms(each).join(', ')}`);
  const ofNone = shortTerms(general);
  return [...lines, ...(ofNone.length ? [`-: ${ofNone.join(', ')}`] : [])].map((line) => line.trimEnd());
};

const sentences: [said: string, ...summary: string[]][] = [
  // To the nearest tooth before.
  ['element zesentwintig MOD composiet', '26 MOD: composiet MOD'],
  ['Element 26 MOD composiet, element 27 DO amalgaam.', '26 MOD: composiet MOD', '27 DO: amalgaam DO'],
  [
    'element 36 wortelkanaalbehandeling gestart, verdoving articaïne',
    '36: wortelkanaalbehandeling, verdoving, articaïne',
  ],
  ['de zesendertig mesiaal en distaal cariës', '36 M D: cariës M D'],
  ['drie acht mesiaal cariës', '38 M: cariës M'],
  ['17 OP en DB composiet, 26 M amalgaam', '17 OP DB: composiet OP DB', '26 M: amalgaam M'],
  ['36 graden koorts, 19 M cariës', '-: cariës'],
  ['element 26', '26:'],
  // To each of a list, and of a range.
  ['elementen 18 28 38 en 48 extractie', '18: extractie', '28: extractie', '38: extractie', '48: extractie'],
  ['element 36 en element 37 sealant', '36: sealant', '37: sealant'],
  ['elementen 11, 12 of 21 fractuur', '11: fractuur', '12: fractuur', '21: fractuur'],
  ['elementen twaalf tot en met tweeëntwintig sealant', '12: sealant', '11: sealant', '21: sealant', '22: sealant'],
  ['elementen 32 t/m 42 sealant', '32: sealant', '31: sealant', '41: sealant', '42: sealant'],
  ['elementen 53 t/m 51 extractie', '53: extractie', '52: extractie', '51: extractie'],
  ['elementen 16 t/m 46 sealant', '16: sealant', '46: sealant'],
  // To the tooth behind a preposition.
  ['cariës op element 37', '37: cariës'],
  ['gingivitis rond element vierenveertig', '44: gingivitis'],
  ['cariës distaal op element drie zeven', '37: cariës'],
  ['element 26 sealant, cariës op element 37', '26: sealant', '37: cariës'],
  ['kroon op element 11 en brug van element 13 t/m 15', '11: kroon', '13: brug', '14: brug', '15: brug'],
  ['fistel t.p.v. element 36', '36: fistel'],
  // To the first tooth of a sentence that begins with something else.
  ['extractie element 48', '48: extractie'],
  ['cariës en gingivitis bij element 36', '36: cariës, gingivitis'],
  ['abces in tandvlees bij element 16', '16: abces, tandvlees'],
  // To none.
  ['Element 26 sealant. Tandsteen verwijderd.', '26: sealant', '-: tandsteen'],
  ['tandsteen en plaque in het onderfront', '-: tandsteen, plaque, onderfront'],
  ['ibuprofen 400 mg, botverlies bij element 46', '46: botverlies', '-: ibuprofen 400 mg'],
  // Measures and grades.
  ['element 13 recessie van anderhalve millimeter', '13: recessie 1,5 mm'],
  ['vier tot vijf millimeter botverlies bij element 46', '46: botverlies 4-5 mm'],
  ['element 26 pocket 5 mm botverlies, BOP 20% recessie 2 mm', '26: botverlies, recessie 2 mm'],
  ['element 31 mobiliteit graad twee', '31: mobiliteit graad 2'],
  ['element 46 furcatie graad 1 mobiliteit graad 2', '46: furcatie graad 1, mobiliteit graad 2'],
  ['nul komma twaalf procent chloorhexidine', '-: chloorhexidine 0,12%'],
  ['ibuprofen 400 mg paracetamol 500 mg', '-: ibuprofen 400 mg, paracetamol 500 mg'],
  // Negated.
  ['element 26 geen cariës', '26: -cariës'],
  ['element 26 geen zichtbare cariës', '26: -cariës'],
  ['element 26 geen duidelijk zichtbare fractuur', '26: -fractuur'],
  ['geen cariës op element 37', '37: -cariës'],
  ['element 26 geen cariës, fractuur of fistel, wel tandsteen', '26: -cariës, -fractuur, -fistel, tandsteen'],
  ['element 26 geen cariës noch fractuur', '26: -cariës, -fractuur'],
  ['element 26 geen cariës en tandsteen verwijderd', '26: -cariës, tandsteen'],
  ['element 26 geen cariës, tandsteen verwijderd', '26: -cariës, tandsteen'],
  ['zonder verdoving element 26 composiet', '26: -verdoving, composiet'],
  ['element 26 fractuur afwezig', '26: -fractuur'],
  ['element 26 fractuur is niet zichtbaar', '26: -fractuur'],
  ['element 26 fractuur niet uitgesloten', '26: fractuur'],
  ['element 26 geen pijn, cariës mesiaal', '26: cariës'],
  ['element 26 geen pijn bij cariës', '26: cariës'],
  // Plurals, capitals, terms of several words, hand-written spellings.
  ['bruggen en kronen op element 11', '11: brug, kroon'],
  ['element 26 restauraties', '26: restauratie'],
  ['Secundaire cariës op element 26', '26: secundaire cariës'],
  ['element 26 cariës, cariës', '26: cariës'],
  ['element 26 gaat goed', '26:'],
];

describe('a structured note', () => {
  it.each(sentences)('has %j by its teeth', (said, ...expected) => {
    expect(summary(said).map((line) => line.split(/(?<=:) /))).toEqual(expected.map((line) => line.split(/(?<=:) /)));
  });

  it('has each category in its list, the others together', () => {
    const [tooth] = read('element 26 MO cariës, extractie, composiet, kroon, solofoto').teeth;
    const noted = { surfaces: ['MO'], amount: null, isNegated: false };
    expect(tooth).toEqual({
      tooth: 26,
      surfaces: ['MO'],
      findings: [{ term: 'cariës', category: 'finding', ...noted }],
      treatments: [{ term: 'extractie', category: 'treatment', ...noted }],
      materials: [{ term: 'composiet', category: 'material', ...noted }],
      appliances: [{ term: 'kroon', category: 'appliance', ...noted }],
      others: [{ term: 'solofoto', category: 'imaging', ...noted }],
    });
  });

  it('has DPSI by sextant', () => {
    const { dpsi } = read(
      'dpsi drie min in sextant twee',
      'sextant 3 DPSI 2, sextant 4 DPSI 3+',
      'DPSI 1',
      'in sextant 5 was de DPSI 4, in sextant 6 ook',
    ).perio;
    expect(dpsi).toEqual([
      { sextant: 2, score: '3-' },
      { sextant: 3, score: '2' },
      { sextant: 4, score: '3+' },
      { sextant: null, score: '1' },
      { sextant: 5, score: '4' },
    ]);
  });

  it('has pockets with their depths', () => {
    const { perio } = read(
      'pocketdiepte zes millimeter bij element zestien',
      'element 26 pockets drie vijf vier',
      'pockets van 4-5 mm',
      'element 36 sondeerdiepte 5,5 mm, element 37 pocket 7 mm',
      'pocket 400 mm',
    );
    expect(perio.pockets).toEqual([
      { tooth: 16, depthsMm: [6] },
      { tooth: 26, depthsMm: [3, 5, 4] },
      { tooth: null, depthsMm: [4, 5] },
      { tooth: 36, depthsMm: [5.5] },
      { tooth: 37, depthsMm: [7] },
    ]);
  });

  it('has the grade of mobility', () => {
    const { perio } = read('element 31 mobiliteit graad twee', 'mobiliteit graad 1', 'element 41 mobiliteit');
    expect(perio.mobility).toEqual([
      { tooth: 31, grade: 2 },
      { tooth: null, grade: 1 },
    ]);
  });

  it('has bleeding on probing', () => {
    const { perio } = read('BOP 20%', 'bop bij element 16', 'element 26 geen BOP', 'element 36 BOP negatief');
    expect(perio.bleeding).toEqual([
      { tooth: null, percent: 20, isNegated: false },
      { tooth: 16, percent: null, isNegated: false },
      { tooth: 26, percent: null, isNegated: true },
      { tooth: 36, percent: null, isNegated: true },
    ]);
  });

  it('reads the text of the record, not what was heard', () => {
    const segment = { ...segmentOf('element zesentwintig cariës'), text: 'element 27 fractuur', isRevised: true };
    const [patient] = structureNote({ patients: [patientOf([segment])] }).patients;
    expect(patient?.teeth.map(({ tooth, findings }) => [tooth, ...findings.map(short)])).toEqual([[27, 'fractuur']]);
  });

  it('reads a line as a whole, and keeps lines and patients apart', () => {
    const { patients } = structureNote({
      patients: [
        patientOf([segmentOf('element 26'), segmentOf('cariës')], [segmentOf('tandsteen')]),
        patientOf([segmentOf('element 36 sealant')]),
        patientOf([]),
      ],
    });
    expect(patients.map(({ teeth }) => teeth.map(({ tooth }) => tooth))).toEqual([[26], [36], []]);
    expect(patients[0]?.teeth[0]?.findings.map(short)).toEqual(['cariës']);
    expect(patients[0]?.general.findings.map(short)).toEqual(['tandsteen']);
  });

  it('passes over what another pack has written', () => {
    const segments = [segmentOf('element 26 cariës', 'en-general'), segmentOf('element 27 fractuur', null)];
    const [patient] = structureNote({ patients: [patientOf(segments)] }).patients;
    expect(patient?.teeth.map(({ tooth }) => tooth)).toEqual([27]);
  });

  it('is what its schema says, also of odd text', () => {
    const odd = [
      '',
      '...',
      'element',
      '\u0000',
      'geen',
      'DPSI',
      'sextant 9',
      'pocket',
      '26 26 26',
      '🦷 element 26 🦷 cariës',
    ];
    const note = structureNote({ patients: [patientOf(odd.map((each) => segmentOf(each)))] });
    expect(structuredNoteSchema.parse(note)).toEqual(note);
  });
});

describe('a term', () => {
  const find = createTermFinder([
    { canonical: 'kroon', category: 'appliance' },
    { canonical: 'kroon op implantaat', category: 'appliance' },
    { canonical: 'Kroon', category: 'second' },
    { canonical: 'cariës', category: 'finding' },
    { canonical: 'DPSI', category: 'score' },
  ]);

  it('is the longest that begins at a word, and the first of its spelling', () => {
    expect(find('kroon op implantaat, kroon op kroon').map(({ canonical }) => canonical)).toEqual([
      'kroon op implantaat',
      'kroon',
      'kroon',
    ]);
    expect(find('kroon')[0]?.category).toBe('appliance');
  });

  it('is found where it stands, without regard to case and diacritics, in the plural', () => {
    expect(find('de Caries')).toEqual([{ canonical: 'cariës', category: 'finding', start: 3, end: 9 }]);
    expect(find('kronen dpsi kroontje').map(({ canonical }) => canonical)).toEqual(['kroon', 'DPSI']);
  });
});
