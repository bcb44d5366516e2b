import { createMiddleware } from 'hono/factory';
import { newId } from '../../core/ids.ts';
import type { ApiEnvironment } from '../environment.ts';

/** Names each request, for its answer (`x-request-id`) and the log. */
export const requestId = createMiddleware<ApiEnvironment>(async function requestId(c, next) {
  const id = newId();
  c.set('requestId', id);
  c.header('x-request-id', id);
  await next();
});
