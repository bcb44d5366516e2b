/** How much of what was said before is repeated: enough for a sentence to go on. */
const saidCharacters = 200;
/** Between the parts: a form would make two characters of a line's end. */
const separator = '. ';

/** What a recogniser can be told beforehand. */
export interface PromptParts {
  /** Words to expect, the most useful first. */
  terms: Iterable<string>;
  /** What the client wrote. */
  prompt: string;
  /** What was said before this stretch. */
  said: string;
}

/**
 * A prompt of at most `limitCharacters`: as many terms as there is room for, what the client wrote, and the end of what was
 * said. That comes last, since a recogniser that cuts a prompt cuts its beginning.
 */
export function promptOf({ terms, prompt, said }: PromptParts, limitCharacters: number): string {
  if (limitCharacters === 0) return '';
  const written = [prompt.trim(), tailOf(said)].filter(Boolean).join(separator).slice(-limitCharacters);
  let words = '';
  for (const term of new Set(terms)) {
    const longer = words ? `${words}, ${term}` : term;
    if (longer.length + separator.length + written.length > limitCharacters) break;
    words = longer;
  }
  return [words, written].filter(Boolean).join(separator);
}

/** The last words of a text, whole. */
function tailOf(text: string): string {
  if (text.length <= saidCharacters) return text;
  const tail = text.slice(-saidCharacters);
  return tail.slice(tail.indexOf(' ') + 1);
}
