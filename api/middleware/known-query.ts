import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { ApiEnvironment } from '../environment.ts';
import type { Check } from './checks.ts';
import { routeOf } from './route.ts';

/**
 * Refuses query parameters that a route of `app` doesn't have, by their names: a misspelt one would be ignored otherwise, and
 * the answer would be to another question.
 */
export function knownQuery(app: OpenAPIHono<ApiEnvironment>): Check {
  let known: Map<string, Set<string>> | undefined;

  return function knownQuery(c) {
    if (c.req.url.includes('?')) {
      const names = Object.keys(c.req.query());
      known ??= queriesOf(app);
      const route = routeOf(c);
      const allowed = route && known.get(`${route.method} ${route.path}`);
      const unknown = allowed ? names.filter((name) => !allowed.has(name)) : [];
      if (unknown.length) throw refused(unknown);
    }
  };
}

/** Names of the query parameters of each route, by method and path. */
function queriesOf(app: OpenAPIHono<ApiEnvironment>): Map<string, Set<string>> {
  const queries = new Map<string, Set<string>>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue;
    const { method, path, request } = definition.route;
    const names = request?.query instanceof z.ZodObject ? Object.keys(request.query.shape) : [];
    queries.set(`${method.toUpperCase()} ${path.replace(/\{(.+?)\}/g, ':$1')}`, new Set(names));
  }
  return queries;
}

function refused(names: string[]): AppError {
  const faults = names.map((field) => ({ field, message: 'is not a query parameter of this route' }));
  return new AppError('invalid_input', faults.map(({ field, message }) => `${field}: ${message}`).join('; '), {
    faults,
  });
}
