import type { Context } from 'hono';
import type { ApiEnvironment } from '../environment.ts';

/**
 * Headers that every request is asked for and every answer has, straight from and to Node where it serves us. Hono's own ways
 * check and copy them in objects of the fetch standard, which costs a short request more than all it asks for; both agree
 * on what is sent, and what a route sets with `c.header` wins over `setHeaders`.
 */
type ApiContext = Context<ApiEnvironment>;

/** A header of the request. @param name in lower case */
export function sentHeader(c: ApiContext, name: string): string | undefined {
  const headers = c.env?.incoming?.headers;
  if (!headers) return c.req.header(name);
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** Sets headers of the answer. @param headers by names in lower case: a new object, which the answer keeps */
export function setHeaders(c: ApiContext, headers: Record<string, string>): void {
  const outgoing = c.env?.outgoing;
  if (outgoing) outgoing.keep(headers);
  else for (const [name, value] of Object.entries(headers)) c.header(name, value);
}
