import { createMiddleware } from 'hono/factory';
import type { ApiEnvironment } from '../environment.ts';

const exposed = 'etag, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, x-request-id';
const accepted = 'authorization, content-type, if-match, if-none-match, parley-user, x-request-id';

/**
 * Lets pages of these origins call us, `*` for all (https://fetch.spec.whatwg.org/#http-cors-protocol). All is safe because
 * we take bearer tokens only: a browser adds none of its own. Hono's `cors` costs most of a small route's throughput.
 */
export function cors(origins: readonly string[]) {
  const allowsAll = origins.includes('*');
  return createMiddleware<ApiEnvironment>(function cors(c, next) {
    if (allowsAll) {
      c.header('access-control-allow-origin', '*');
    } else {
      c.header('vary', 'origin');
      const origin = c.req.header('origin');
      if (origin !== undefined && origins.includes(origin)) c.header('access-control-allow-origin', origin);
    }
    if (c.req.method === 'OPTIONS') {
      c.header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE');
      c.header('access-control-allow-headers', accepted);
      c.header('access-control-max-age', '600');
      return Promise.resolve(c.body(null, 204));
    }
    c.header('access-control-expose-headers', exposed);
    return next();
  });
}
