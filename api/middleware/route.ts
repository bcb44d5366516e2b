import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ApiEnvironment } from '../environment.ts';

/**
 * Method and path of the route that answers a request, as they are registered; undefined where there is none. Middleware
 * matches as well, for ALL methods, before and behind it; of several routes the first one answers.
 */
export function routeOf(c: Context<ApiEnvironment>): { method: string; path: string } | undefined {
  return matchedRoutes(c).find(({ method }) => method !== 'ALL');
}
