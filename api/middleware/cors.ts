import { createMiddleware } from 'hono/factory';
import type { ApiEnvironment } from '../environment.ts';

/**
 * Lets pages of any origin call us (https://fetch.spec.whatwg.org/#http-cors-protocol). Safe because we take bearer
 * tokens only: a browser adds none of its own. Hono's `cors` costs most of a small route's throughput, these lines do not.
 */
export const cors = createMiddleware<ApiEnvironment>(async function cors(c, next) {
  c.header('access-control-allow-origin', '*');
  if (c.req.method === 'OPTIONS') {
    c.header('access-control-allow-methods', 'GET, POST, PUT, DELETE');
    c.header('access-control-allow-headers', 'authorization, content-type');
    c.header('access-control-max-age', '600');
    return c.body(null, 204);
  }
  c.header('access-control-expose-headers', 'x-request-id');
  await next();
});
