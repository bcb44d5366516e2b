import type { Rule } from './draft.ts';
import { isJoinedBy, type Tokens } from './tokens.ts';

/** What was read at some token: how it is written instead, and the index of the token behind it. */
export interface Expression {
  to: number;
  output: string;
  rule: string;
}

/** Reads one kind of expression where it begins; undefined where it doesn't. It may look at what stands before. */
export type Reading = (tokens: Tokens, index: number) => Expression | undefined;

/** A rule made of readings: at each free token the first that finds its expression has it rewritten. */
export function expressionRule(readings: readonly Reading[]): Rule {
  return (draft) => {
    let index = 0;
    while (index < draft.length) {
      draft.decide(index);
      const expression = draft.isFree(index) ? readAt(readings, draft, index) : undefined;
      if (expression) draft.rewrite({ from: index, ...expression });
      index = expression?.to ?? index + 1;
    }
  };
}

/**
 * Whether something stands right behind a number or code that makes it another thing: `26-jarige`, `26.5`, `1/2`; a mark
 * that ends a phrase doesn't.
 */
export function isGlued(tokens: Tokens, index: number): boolean {
  const token = tokens.at(index);
  if (token === undefined || token.spaced) return false;
  return !/^[,.;:!?)\]}"'”’…]$/u.test(token.text) || isJoinedBy(tokens, index, ',.:');
}

/** What the first of these readings finds at a token. */
export function readAt(readings: readonly Reading[], tokens: Tokens, index: number): Expression | undefined {
  for (const read of readings) {
    const expression = read(tokens, index);
    if (expression) return expression;
  }
  return undefined;
}
