import type { Context, Next } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { ApiEnvironment } from '../environment.ts';

/**
 * One thing that is done to a request before its route: nothing more to say, an answer in place of the route's, or a promise of
 * either. It throws to refuse.
 */
export type Check = (c: Context<ApiEnvironment>) => Outcome | Promise<Outcome>;

// biome-ignore lint/suspicious/noConfusingVoidType: a check that only looks returns nothing.
type Outcome = Response | undefined | void;

/**
 * Does checks in their order, as one middleware: Hono makes every request wait for each middleware of its own. Only a check
 * that promises is waited for.
 */
export function checks(...all: readonly Check[]) {
  function doFrom(first: number, c: Context<ApiEnvironment>, next: Next): Promise<Outcome> {
    for (let index = first; index < all.length; index += 1) {
      const outcome = all[index]?.(c);
      if (outcome instanceof Promise) return outcome.then((answer) => answer ?? doFrom(index + 1, c, next));
      if (outcome) return Promise.resolve(outcome);
    }
    return next();
  }
  return createMiddleware<ApiEnvironment>(function checks(c, next) {
    return doFrom(0, c, next);
  });
}
