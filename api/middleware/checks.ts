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

/** Does checks in their order, as one middleware: Hono makes every request wait for each middleware of its own. */
export function checks(...all: readonly Check[]) {
  return createMiddleware<ApiEnvironment>(function checks(c, next) {
    for (let index = 0; index < all.length; index += 1) {
      const outcome = all[index]?.(c);
      if (outcome instanceof Promise) return rest(c, outcome, all.slice(index + 1), next);
      if (outcome) return Promise.resolve(outcome);
    }
    return next();
  });
}

async function rest(c: Context<ApiEnvironment>, first: Promise<Outcome>, others: readonly Check[], next: Next) {
  let answer = await first;
  for (const check of others) answer ||= await check(c);
  return answer ?? next();
}
