import type { Context } from 'hono';
import { AppError } from '../../core/errors.ts';
import { sizes } from '../../core/limits.ts';
import type { ApiEnvironment } from '../environment.ts';
import type { Check } from './checks.ts';
import { sentHeader } from './headers.ts';
import { routeOf } from './route.ts';

/** Routes whose bodies may be larger than others, in bytes. */
const largerBodies: ReadonlyMap<string, number> = new Map([
  ['POST /api/v1/lexicons/:pack/import', sizes.lexiconFileBytes],
]);

/** Paths whose routes take bodies in as they come, up to limits of their own, once they know who sends them. */
const streamedBodies: ReadonlySet<string> = new Set(['/api/v1/transcriptions']);

const tooLarge = (limit: number) => new AppError('too_large', `The body is larger than ${limit} bytes`);

/**
 * Refuses bodies over `sizes.requestBodyBytes`, or over what their route may have: by their `content-length`, or while they
 * stream in when they have none.
 * An empty body loses its content type, so that an optional JSON body may be left out whatever the client says it sends.
 * Refuses TRACE too, which no request of the fetch standard can be (https://fetch.spec.whatwg.org/#forbidden-method).
 */
export const body: Check = function body(c) {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  if (c.req.method === 'TRACE') throw new AppError('not_found', 'There is no TRACE here');
  if (streamedBodies.has(c.req.path)) return;
  const length = sentHeader(c, 'content-length');
  if (length === undefined || sentHeader(c, 'transfer-encoding') !== undefined) {
    return bodyOfUnknownLength(c, limitOf(c));
  }
  // Which route it is costs more than its body, and seldom matters.
  if (Number(length) > sizes.requestBodyBytes && Number(length) > limitOf(c)) throw tooLarge(limitOf(c));
  if (length === '0') c.req.raw = withoutBody(c.req.raw);
};

function limitOf(c: Context<ApiEnvironment>): number {
  const route = routeOf(c);
  return (route && largerBodies.get(`${route.method} ${route.path}`)) ?? sizes.requestBodyBytes;
}

async function bodyOfUnknownLength(c: Context<ApiEnvironment>, limit: number): Promise<void> {
  const bytes = await readUpTo(c.req.raw.body, limit);
  c.req.raw = bytes.length ? new Request(c.req.raw, { body: bytes }) : withoutBody(c.req.raw);
}

async function readUpTo(stream: ReadableStream<Uint8Array> | null, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function withoutBody(request: Request): Request {
  const headers = new Headers(request.headers);
  headers.delete('content-type');
  return new Request(request.url, { method: request.method, headers });
}
