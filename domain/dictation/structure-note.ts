import type { Normalizer } from '../normalization/result.ts';
import { lineText, type NoteContent, type NotePatient } from '../note.ts';
import { dpsiOf, masked, type StatedDpsi, type Statement, statementsOf } from './read-sentence.ts';
import type { NotedTerm, StructuredNote, StructuredTooth } from './structured-note.ts';
import { type CategorizedTerm, createTermFinder, type TermFinder } from './term-finder.ts';
import { type NamedTooth, type ToothGroup, toothGroups } from './tooth-groups.ts';

type StructuredPatient = StructuredNote['patients'][number];
type TermLists = StructuredPatient['general'];

/** Reads a note as data. */
export type StructureNote = (note: Pick<NoteContent, 'patients'>) => StructuredNote;

/** The lists of the categories that have their own. */
const listsByCategory: ReadonlyMap<string, keyof TermLists> = new Map([
  ['finding', 'findings'],
  ['treatment', 'treatments'],
  ['material', 'materials'],
  ['appliance', 'appliances'],
]);

/** A mark that ends a sentence; not the last one of an abbreviation (`t.p.v.`). */
const sentenceEnd = /(?<!(?:^|[^\p{L}])\p{Ll})[.!?;]+(?=\s|$)/gu;

/** What one sentence says. */
interface Sentence {
  groups: readonly ToothGroup[];
  dpsi: readonly StatedDpsi[];
  statements: readonly Statement[];
}

/** Lines that are remembered as they were read, since most of a note is as it was before. Longer ones are not. */
const mostKnownLines = 2_000;
const longestKnownLine = 1_000;

/**
 * Makes the reader of a pack's notes. What the record says is the truth, not what was heard: it reads the written text, so
 * that a note that was changed by hand is read as it is now. Lines of other packs are passed over.
 * @param normalizer finds teeth; it leaves what is written already as it is
 * @param terms the lexicon's terms with their categories
 */
export function createStructureNote(normalizer: Normalizer, terms: readonly CategorizedTerm[]): StructureNote {
  const findTerms = createTermFinder(terms);
  const known = new Map<string, readonly Sentence[]>();

  const read = (line: string): readonly Sentence[] => {
    const before = known.get(line);
    if (before) return before;
    const sentences = readLine(line, normalizer, findTerms);
    if (known.size >= mostKnownLines) known.clear();
    if (line.length <= longestKnownLine) known.set(line, sentences);
    return sentences;
  };

  return ({ patients }) => ({ patients: patients.map((patient) => structured(patient, normalizer.pack, read)) });
}

function structured(
  patient: NotePatient,
  packName: string,
  read: (line: string) => readonly Sentence[],
): StructuredPatient {
  const result: StructuredPatient = {
    teeth: [],
    general: noTerms(),
    perio: { dpsi: [], pockets: [], mobility: [], bleeding: [] },
  };
  for (const { segments } of patient.paragraphs.flatMap(({ lines }) => lines)) {
    const ofPack = segments.filter(({ pack }) => pack === null || pack === packName);
    for (const sentence of read(lineText({ segments: ofPack }))) addSentence(result, sentence);
  }
  return result;
}

function readLine(line: string, normalizer: Normalizer, findTerms: TermFinder): Sentence[] {
  const { text, teeth } = normalizer.normalize(line);
  const groups = toothGroups(text, teeth);
  const withoutTeeth = masked(text, groups);
  let next = 0;
  return sentencesOf(withoutTeeth).map(({ start, end }) => {
    const inside: ToothGroup[] = [];
    for (let group = groups[next]; group && group.end <= end; group = groups[next]) {
      inside.push({ ...group, start: group.start - start, end: group.end - start });
      next += 1;
    }
    const sentence = withoutTeeth.slice(start, end);
    return { groups: inside, dpsi: dpsiOf(sentence), statements: statementsOf(sentence, inside, findTerms) };
  });
}

function sentencesOf(text: string): { start: number; end: number }[] {
  const ends = [...Array.from(text.matchAll(sentenceEnd), ({ 0: mark, index }) => index + mark.length), text.length];
  return ends.map((end, index) => ({ start: ends[index - 1] ?? 0, end }));
}

function addSentence(patient: StructuredPatient, { groups, dpsi, statements }: Sentence): void {
  for (const { teeth } of groups) {
    for (const { tooth, surfaces } of teeth) addNew(toothOf(patient, tooth).surfaces, surfaces);
  }
  addNew(patient.perio.dpsi, dpsi);
  for (const statement of statements) {
    for (const tooth of statement.group?.teeth ?? [null]) addStatement(patient, statement, tooth);
  }
}

function addStatement(patient: StructuredPatient, statement: Statement, named: NamedTooth | null): void {
  const { perio } = patient;
  const tooth = named?.tooth ?? null;
  switch (statement.kind) {
    case 'pocket':
      addNew(perio.pockets, [{ tooth, depthsMm: statement.depthsMm }]);
      break;
    case 'bleeding':
      addNew(perio.bleeding, [{ tooth, percent: statement.percent, isNegated: statement.isNegated }]);
      break;
    case 'term': {
      const { term, category, amount, isNegated } = statement;
      const noted: NotedTerm = { term, category, surfaces: named?.surfaces ?? [], amount, isNegated };
      const lists = named ? toothOf(patient, named.tooth) : patient.general;
      addNew(lists[listsByCategory.get(category) ?? 'others'], [noted]);
      const grade = term === mobility ? /^graad (\d)$/i.exec(amount ?? '') : null;
      if (grade) addNew(perio.mobility, [{ tooth, grade: Number(grade[1]) }]);
    }
  }
}

/** The term of the lexicon whose grade is a score. */
const mobility = 'mobiliteit';

function toothOf({ teeth }: StructuredPatient, tooth: number): StructuredTooth {
  const known = teeth.find((each) => each.tooth === tooth);
  if (known) return known;
  const added = { tooth, surfaces: [], ...noTerms() };
  teeth.push(added);
  return added;
}

function noTerms(): TermLists {
  return { findings: [], treatments: [], materials: [], appliances: [], others: [] };
}

/** What lists hold, as JSON. */
const held = new WeakMap<readonly unknown[], Set<string>>();

/** Adds what a list doesn't hold yet: a thing that is said twice is noted once. */
function addNew<T>(list: T[], items: readonly T[]): void {
  const known = held.get(list) ?? new Set();
  held.set(list, known);
  for (const item of items) {
    const json = JSON.stringify(item);
    if (!known.has(json)) list.push(item);
    known.add(json);
  }
}
