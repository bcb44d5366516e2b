import type { Draft } from './draft.ts';
import { behindLetter, isSurelyLetter, letterAt, namesOf } from './letters.ts';
import type { Token, Tokens } from './tokens.ts';

const acronyms = ['OPG', 'CBCT', 'DPSI', 'BOP', 'MRA', 'PPD', 'CMD'];

/** Each acronym by its letters, and by its letters and letter names in one word (`oopeegee`). */
const bySpelling = new Map(acronyms.flatMap((acronym) => joinedSpellings(acronym).map((word) => [word, acronym])));

const longest = 4;
const initials = new Set(acronyms.map((acronym) => acronym.charAt(0).toLowerCase()));

/** An acronym over tokens up to but not including `to`. */
interface FoundAcronym {
  acronym: string;
  to: number;
}

/** Writes acronyms in capitals, also where they were spelled in letters or letter names. */
export function writeAcronyms(draft: Draft): void {
  for (let index = 0; index < draft.length; index += 1) {
    draft.decide(index);
    const found = draft.isFree(index) ? acronymAt(draft, index) : undefined;
    if (!found) continue;
    draft.rewrite({ from: index, to: found.to, output: found.acronym, rule: 'acronym' });
    index = found.to - 1;
  }
}

/** The acronym that begins at a token: as a word (`opg`), or spelled (`o p g`, `oo pee gee`, `o.p.g.` with its last dot). */
export function acronymAt(tokens: Tokens, index: number): FoundAcronym | undefined {
  const token = tokens.at(index);
  if (token?.kind !== 'word') return undefined;
  const word = bySpelling.get(token.key);
  if (word) return { acronym: word, to: index + 1 };
  if (!initials.has(letterAt(token) ?? '')) return undefined;
  if (isBehindLetter(tokens, index, token)) return undefined;
  let spelled = '';
  let at: number | undefined = index;
  while (at !== undefined && spelled.length < longest) {
    const letter = letterAt(tokens.at(at));
    if (!letter) return undefined;
    spelled += letter;
    const acronym = bySpelling.get(spelled);
    if (acronym) return endOf(tokens, at, acronym);
    at = behindLetter(tokens, at);
  }
  return undefined;
}

/** The acronym in one word: its letters, or a mix with at least two of their names, for fewer make everyday words. */
function joinedSpellings(acronym: string): string[] {
  let mixed = [{ word: '', names: 0 }];
  for (const letter of acronym.toLowerCase()) {
    mixed = mixed.flatMap(({ word, names }) => [
      { word: word + letter, names },
      ...namesOf(letter).map((name) => ({ word: word + name, names: names + 1 })),
    ]);
  }
  return mixed.filter(({ names }) => names === 0 || names > 1).map(({ word }) => word);
}

/** Whether a letter stands in the middle of a row: what is spelled there is something longer. */
function isBehindLetter(tokens: Tokens, index: number, token: Token): boolean {
  const before = token.spaced ? index - 1 : index - 2;
  return before >= 0 && isSurelyLetter(tokens.at(before));
}

/** An acronym whose last letter is at `last`, unless the row of letters goes on. */
function endOf(tokens: Tokens, last: number, acronym: string): FoundAcronym | undefined {
  const isDotted = tokens.at(last - 1)?.text === '.' && tokens.at(last + 1)?.text === '.';
  const next = behindLetter(tokens, last);
  const following = next === undefined ? undefined : tokens.at(next);
  // Behind the last dot and a space there is a new word: `o.p.g. d.d. 3 mei`.
  const goesOn = isSurelyLetter(following) && !(isDotted && following?.spaced);
  return goesOn ? undefined : { acronym, to: isDotted ? last + 2 : last + 1 };
}
