import type { BlockList } from 'node:net';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { FieldCipher } from '../../core/crypto/field-cipher.ts';
import { AppError } from '../../core/errors.ts';
import type { Actor } from '../../domain/actor.ts';
import type { ApiEnvironment } from '../environment.ts';
import type { Allowance, RateLimiter } from '../rate-limiter.ts';
import { type RateLimit, type RateLimitName, rateLimits, routeLimits } from '../rate-limits.ts';
import { clientAddress, networkOf } from './client-address.ts';
import { routeOf } from './route.ts';

/** What requests are counted with. */
export interface RateLimitOptions {
  limiter: RateLimiter;
  /** Whose addresses are not the client's. */
  trustedProxies: BlockList;
  /** Counts are kept under digests of addresses, not under addresses. */
  cipher: Pick<FieldCipher, 'index'>;
}

type ApiContext = Context<ApiEnvironment>;

/**
 * Counts requests by address against the limits of their route, and those whose token is refused, so that tokens can't be
 * tried out. Stands before authentication.
 * @throws AppError `rate_limited` with `Retry-After` when there is nothing left.
 */
export function limitAddresses({ limiter, trustedProxies, cipher }: RateLimitOptions) {
  const limitsOf = routesWith((by) => by !== 'actor');
  const keyOf = async (c: ApiContext, by: RateLimit['by']) => {
    const parts = [
      ...(by === 'email' ? [] : [networkOf(clientAddress(c, trustedProxies))]),
      ...(by === 'address' ? [] : [await emailOf(c)]),
    ];
    return cipher.index(`rate limit by ${by}`, parts.join(' '));
  };
  return createMiddleware<ApiEnvironment>(async function limitAddresses(c, next) {
    for (const name of limitsOf(c)) {
      spend(c, await limiter.consume(name, await keyOf(c, rateLimits[name].by)));
    }
    await next();
    if (c.error instanceof AppError && c.error.code === 'unauthenticated') {
      spend(c, await limiter.consume('refused', await keyOf(c, rateLimits.refused.by)));
    }
  });
}

/**
 * Counts requests by actor against the limits of their route. Stands behind authentication.
 * @throws AppError `rate_limited` with `Retry-After` when there is nothing left.
 */
export function limitActors({ limiter }: Pick<RateLimitOptions, 'limiter'>) {
  const limitsOf = routesWith((by) => by === 'actor');
  return createMiddleware<ApiEnvironment>(async function limitActors(c, next) {
    for (const name of limitsOf(c)) spend(c, await limiter.consume(name, actorKey(c.get('actor'))));
    return next();
  });
}

/** The limits of one kind that the route of a request has. */
function routesWith(isWanted: (by: RateLimit['by']) => boolean): (c: ApiContext) => readonly RateLimitName[] {
  const limits = new Map(
    Object.entries(routeLimits).map(([route, names]) => [
      route,
      names.filter((name: RateLimitName) => isWanted(rateLimits[name].by)),
    ]),
  );
  return (c) => {
    // Of a path without parameters the request says it all, and looking its route up is a good part of a short request.
    const known = limits.get(`${c.req.method} ${c.req.path}`);
    if (known) return known;
    const route = routeOf(c);
    return (route && limits.get(`${route.method} ${route.path}`)) ?? [];
  };
}

/** Says what is left, of the last limit when there are several, and refuses the request when that is nothing. */
function spend(c: ApiContext, { limit, remaining, resetSeconds, isExceeded }: Allowance): void {
  c.header('ratelimit-limit', String(limit));
  c.header('ratelimit-remaining', String(remaining));
  c.header('ratelimit-reset', String(resetSeconds));
  if (!isExceeded) return;
  c.header('retry-after', String(resetSeconds));
  throw new AppError('rate_limited', `Too many requests: try again in ${resetSeconds} s`);
}

/** Under what an actor's requests are counted. */
export function actorKey(actor: Actor): string {
  switch (actor.kind) {
    case 'user':
      return `user:${actor.tenantId}:${actor.userId}`;
    case 'server':
      return `server:${actor.apiKeyId}`;
    case 'agent':
      return `agent:${actor.sessionId}`;
    case 'job':
      return `job:${actor.roomName}`;
    case 'system':
      return `system:${actor.name}`;
  }
}

/** The e-mail address that a sign-in names; empty when the body has none, which its route refuses. */
async function emailOf(c: ApiContext): Promise<string> {
  // Hono keeps the parsed body for the route.
  const body: unknown = await c.req.json().catch(() => null);
  const email = typeof body === 'object' && body !== null && 'email' in body ? body.email : undefined;
  return typeof email === 'string' ? email.trim().toLowerCase() : '';
}
