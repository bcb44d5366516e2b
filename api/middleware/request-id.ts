import { createMiddleware } from 'hono/factory';
import { newId } from '../../core/ids.ts';
import type { ApiEnvironment } from '../environment.ts';

/** What others call a request: nothing that could break a line of a log or a header. */
const wellFormed = /^[\w.:-]{8,128}$/;

/** Names each request, for its answer (`x-request-id`) and the log; as its sender does, if that is well-formed. */
export const requestId = createMiddleware<ApiEnvironment>(function requestId(c, next) {
  const sent = c.req.header('x-request-id') ?? '';
  const id = wellFormed.test(sent) ? sent : newId();
  c.set('requestId', id);
  c.header('x-request-id', id);
  return next();
});
