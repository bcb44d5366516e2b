import type { Draft } from './draft.ts';
import { cardinalAt } from './numbers.ts';

/** Folded words whose numbers are depths. */
const depthWords = new Set(
  `pocket pockets pocketdiepte pocketdieptes pocketdiepten sondeerdiepte sondeerdieptes sondeerdiepten`.split(/\s+/),
);

/** Claims the numbers behind a word for a depth (`pockets drie vijf vier`, `pocket van zeven`): they are never teeth. */
export function keepDepths(draft: Draft): void {
  const { tokens } = draft;
  for (let index = 0; index < tokens.length; index += 1) {
    if (!depthWords.has(tokens[index]?.key ?? '')) continue;
    const first = tokens[index + 1]?.key === 'van' ? index + 2 : index + 1;
    let end = first;
    for (let number = cardinalAt(tokens, end); number; number = cardinalAt(tokens, end)) end = number.to;
    draft.claim(first, end);
  }
}
