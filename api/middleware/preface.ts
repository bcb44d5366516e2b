import { newId } from '../../core/ids.ts';
import type { Check } from './checks.ts';
import { sentHeader, setHeaders } from './headers.ts';

/** What others call a request: nothing that could break a line of a log or a header. */
const wellFormed = /^[\w.:-]{8,128}$/;
const exposed = 'etag, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, x-request-id';
const accepted = 'authorization, content-type, if-match, if-none-match, parley-user, x-request-id';

/**
 * What every answer begins with.
 *
 * Names the request, for its answer (`x-request-id`) and the log, as its sender does if that is well-formed. Tells browsers to
 * take answers for what they are and nothing more (OWASP REST Security Cheat Sheet); a page sets its own policy over this one,
 * and HSTS is for whoever ends TLS. Lets pages of these origins call us, `*` for all
 * (https://fetch.spec.whatwg.org/#http-cors-protocol): all is safe because we take bearer tokens only, and a browser adds none.
 */
export function preface(origins: readonly string[]): Check {
  const allowsAll = origins.includes('*');
  return function preface(c) {
    const sent = sentHeader(c, 'x-request-id');
    const id = sent !== undefined && wellFormed.test(sent) ? sent : newId();
    c.set('requestId', id);
    setHeaders(c, {
      'x-request-id': id,
      'cache-control': 'private, no-cache',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    setHeaders(c, allowsAll ? { 'access-control-allow-origin': '*' } : { vary: 'origin' });
    const origin = sentHeader(c, 'origin');
    if (origin !== undefined && !allowsAll && origins.includes(origin)) {
      setHeaders(c, { 'access-control-allow-origin': origin });
    }
    if (c.req.method === 'OPTIONS') {
      setHeaders(c, {
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers': accepted,
        'access-control-max-age': '600',
      });
      return c.body(null, 204);
    }
    // Only a browser that sends its page's origin reads this.
    if (origin !== undefined) setHeaders(c, { 'access-control-expose-headers': exposed });
  };
}
