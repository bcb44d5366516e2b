import { isJoinedBy, type Token, type Tokens } from './tokens.ts';

/** What Dutch calls the letters, as recognisers write it, folded. */
const namedLetters = new Map(
  `aa:a bee:b see:c cee:c dee:d ee:e ef:f gee:g haa:h ie:i jee:j kaa:k el:l em:m en:n oo:o pee:p ku:q er:r es:s
   tee:t uu:u vee:v wee:w iks:x ij:y zet:z`
    .split(/\s+/)
    .map((pair) => pair.split(':') as [string, string]),
);

/** Letters and names that are everyday words as well: seen alone, they are no sign of something spelled. */
const everydayWords = new Set(['u', 'en', 'er', 'ie', 'es']);

/** The names of a letter in lower case. */
export function namesOf(letter: string): string[] {
  return [...namedLetters].flatMap(([name, named]) => (named === letter ? [name] : []));
}

/** The letter that a token is or names, in lower case. */
export function letterAt(token: Token | undefined): string | undefined {
  if (token?.kind !== 'word') return undefined;
  return token.key.length === 1 && /[a-z]/.test(token.key) ? token.key : namedLetters.get(token.key);
}

/** Whether a token is a letter or its name, and nothing else in everyday Dutch. */
export function isSurelyLetter(token: Token | undefined): boolean {
  return letterAt(token) !== undefined && !everydayWords.has(token?.key ?? '');
}

/** Index of the next letter of a row: behind white space, or a dot or a hyphen. The letter itself isn't looked at. */
export function behindLetter(tokens: Tokens, index: number): number | undefined {
  const next = tokens.at(index + 1);
  if (next === undefined) return undefined;
  if (next.spaced) return index + 1;
  const isDot = next.text === '.' && tokens.at(index + 2) !== undefined;
  return isDot || isJoinedBy(tokens, index + 1, '-') ? index + 2 : undefined;
}
