import { AppError } from '../core/errors.ts';

/** How many may do something at once. */
export interface PlaceLimits {
  all: number;
  /** Of one holder. */
  each: number;
}

/** Places for work that takes memory as long as it lasts, in one process. */
export class Places {
  readonly #limits: PlaceLimits;
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(limits: PlaceLimits) {
    this.#limits = limits;
  }

  /**
   * Takes a place. @returns what gives it back, to be called once.
   * @throws AppError `rate_limited` when the holder has as many as they may, `unavailable` when all are taken.
   */
  take(holder: string): () => void {
    const own = this.#taken.get(holder) ?? 0;
    if (own >= this.#limits.each) {
      throw new AppError('rate_limited', `There are ${own} of yours under way: wait for one of them`);
    }
    if (this.#total >= this.#limits.all)
      throw new AppError('unavailable', 'There is too much to do: try again in a minute');
    this.#taken.set(holder, own + 1);
    this.#total += 1;
    return () => {
      this.#total -= 1;
      const left = (this.#taken.get(holder) ?? 1) - 1;
      if (left) this.#taken.set(holder, left);
      else this.#taken.delete(holder);
    };
  }
}
