import { settledTokens, type Token, type Tokens } from './tokens.ts';

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

/**
 * One step of a pack: goes over the free tokens of a draft once, from left to right, and proposes what to do with them.
 * Before each decision it says where that begins (`draft.decide`); it reads tokens only through the draft and proposes
 * nothing to the left of a decision. So the draft knows which decisions text that is still coming may change.
 */
export type Rule = (draft: Draft) => void;

/** What the rules of a pack have found so far in one text. A token belongs to the first rule that claims it. */
export class Draft implements Tokens {
  readonly edits: ProposedEdit[] = [];
  readonly teeth: ProposedTooth[] = [];
  readonly invalidTeeth: TokenRange[] = [];
  /** How many tokens there are. */
  readonly length: number;
  readonly #tokens: readonly Token[];
  readonly #claimed: Uint8Array;
  readonly #settled: number;
  #deciding = 0;
  #open: number;

  constructor(raw: string, tokens: readonly Token[]) {
    this.length = tokens.length;
    this.#tokens = tokens;
    this.#claimed = new Uint8Array(tokens.length);
    this.#settled = settledTokens(raw, tokens);
    this.#open = this.#settled;
  }

  /** The first token of which it isn't certain yet what becomes of it, should the text go on. */
  get open(): number {
    return this.#open;
  }

  /** Says that what is read from now on decides about the tokens from this one on. */
  decide(index: number): void {
    this.#deciding = index;
  }

  /** The token at an index of 0 or more, or undefined behind the last. */
  at(index: number): Token | undefined {
    if (index >= this.#settled) this.#open = Math.min(this.#open, this.#deciding);
    return this.#tokens[index];
  }

  /** Whether the token exists and no rule has claimed it yet. */
  isFree(index: number): boolean {
    if (index >= this.#open) this.#open = Math.min(this.#open, this.#deciding);
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
