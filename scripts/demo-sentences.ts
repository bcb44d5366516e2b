import type { Edit } from '../domain/normalization/result.ts';

/** A sentence of the dictation: the line of `sandbox/lines/` that is spoken, and its words. */
export interface DemoSentence {
  line: string;
  text: string;
}

/** What a dentist dictates in the demo: findings, a score, what is not there, and commands that shape the note. */
export const sentences: readonly DemoSentence[] = [
  { line: 'nl-caries', text: 'element zevenentwintig mesio occluso distaal karies' },
  { line: 'nl-composiet', text: 'nieuwe regel element drie zes occlusaal komposiet restauratie' },
  { line: 'nl-pocket', text: 'nieuwe regel pocketdiepte zes millimeter bij element zestien' },
  { line: 'nl-dpsi', text: 'nieuwe regel dpsi drie min in sextant twee' },
  { line: 'nl-geen-caries', text: 'nieuwe alinea geen karies op element vijfenveertig' },
  { line: 'nl-volgende', text: 'volgende patiënt extractie van element achtendertig' },
];

/** What the sentences have to come to, as they were spoken and as long as they are heard right. */
export const expectedNote = `element 27 MOD cariës
element 36 O composietrestauratie
pocketdiepte 6 mm bij element 16
DPSI 3- in sextant 2

geen cariës op element 45

---

extractie van element 38`;

/** The teeth of each patient of `expectedNote`, as FDI codes in ascending order. */
export const expectedTeeth: readonly (readonly number[])[] = [[16, 27, 36, 45], [38]];

/** What one sentence came to at the computer. */
export interface SentenceResult {
  said: string;
  /** What the recogniser heard; null when it did not arrive. */
  raw: string | null;
  text: string | null;
  edits: { from: string; to: string; rule: string }[];
  /** Last voiced sample at the phone to the note with the sentence at the computer. */
  noteMs: number | null;
}

/** What an edit replaced, and by what. */
export function replacementsOf({ raw, text, edits }: { raw: string; text: string; edits: readonly Edit[] }) {
  return edits.map(({ input, output, rule }) => ({
    from: raw.slice(input.start, input.end),
    to: text.slice(output.start, output.end),
    rule,
  }));
}

/** Messages from the phone's process to the demo. */
export type PhoneMessage =
  | { type: 'line'; speaker: 'phone' | 'agent'; text: string }
  /** A sentence was spoken; the moment of its last voiced sample in epoch milliseconds. */
  | { type: 'said'; saidAtMs: number };
