import type { Token } from './tokens.ts';

/** Tokens `from` up to but not including `to`. */
export interface TokenRange {
  from: number;
  to: number;
}

/** A rewriting a rule wants. */
interface ProposedEdit extends TokenRange {
  output: string;
  rule: string;
}

/** A tooth a rule has found, over its number and its surfaces. */
interface ProposedTooth extends TokenRange {
  tooth: number;
  surfaces: string;
}

/** One step of a pack: looks at the free tokens of a draft and proposes what to do with them. */
export type Rule = (draft: Draft) => void;

/** What the rules of a pack have found so far in one text. A token belongs to the first rule that claims it. */
export class Draft {
  readonly tokens: readonly Token[];
  readonly edits: ProposedEdit[] = [];
  readonly teeth: ProposedTooth[] = [];
  readonly invalidTeeth: TokenRange[] = [];
  readonly #claimed: Uint8Array;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
    this.#claimed = new Uint8Array(tokens.length);
  }

  /** Whether no rule has claimed the token yet. */
  isFree(index: number): boolean {
    return this.#claimed[index] === 0;
  }

  /** Keeps tokens as they are: rules that come later leave them alone. */
  claim(from: number, to: number): void {
    this.#claimed.fill(1, from, to);
  }

  /** Claims tokens and has them replaced by `output`. */
  rewrite(edit: ProposedEdit): void {
    this.claim(edit.from, edit.to);
    this.edits.push(edit);
  }
}
