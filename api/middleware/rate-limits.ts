import type { BlockList } from 'node:net';
import type { Context } from 'hono';
import type { FieldCipher } from '../../core/crypto/field-cipher.ts';
import { AppError } from '../../core/errors.ts';
import type { Actor } from '../../domain/actor.ts';
import type { ApiEnvironment } from '../environment.ts';
import type { Allowance, RateLimiter } from '../rate-limiter.ts';
import { type RateLimit, type RateLimitName, rateLimits, routeLimits } from '../rate-limits.ts';
import { clientAddress, networkOf } from './client-address.ts';
import { setHeaders } from './headers.ts';
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

/** What requests are counted by. Each throws AppError `rate_limited`, with `Retry-After`, when nothing is left to spend. */
export interface RequestCounts {
  /** Against the limits by address that the route has, those to sign in above all; undefined when it has none. */
  byAddress(c: ApiContext): Promise<void> | undefined;
  /** Against the limits by actor that the route has. */
  byActor(c: ApiContext, actor: Actor): Promise<void> | undefined;
  /** A token or password that was refused, so that they can't be tried out. */
  refusal(c: ApiContext): Promise<void>;
}

/** Counts requests against the limits of their routes. */
export function createRequestCounts({ limiter, trustedProxies, cipher }: RateLimitOptions): RequestCounts {
  const addressLimitsOf = routesWith((by) => by !== 'actor');
  const actorLimitsOf = routesWith((by) => by === 'actor');
  const consume = async (c: ApiContext, name: RateLimitName) => {
    const { by } = rateLimits[name];
    const parts = [
      ...(by === 'email' ? [] : [networkOf(clientAddress(c, trustedProxies))]),
      ...(by === 'address' ? [] : [await emailOf(c)]),
    ];
    spend(c, await limiter.consume(name, cipher.index(`rate limit by ${by}`, parts.join(' '))));
  };
  return {
    byAddress(c) {
      const names = addressLimitsOf(c);
      return inOrder(names, (name) => consume(c, name));
    },
    byActor(c, actor) {
      const key = actorKey(actor);
      return inOrder(actorLimitsOf(c), (name) => limiter.consume(name, key).then((allowance) => spend(c, allowance)));
    },
    refusal: (c) => consume(c, 'refused'),
  };
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

/** Counts against one limit after another; most routes have one or none. */
function inOrder(
  names: readonly RateLimitName[],
  count: (name: RateLimitName) => Promise<void>,
): Promise<void> | undefined {
  const [first, ...others] = names;
  if (!first) return undefined;
  return others.reduce((counted, name) => counted.then(() => count(name)), count(first));
}

/** Says what is left, of the last limit when there are several, and refuses the request when that is nothing. */
function spend(c: ApiContext, { limit, remaining, resetSeconds, isExceeded }: Allowance): void {
  setHeaders(c, {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': String(resetSeconds),
  });
  if (!isExceeded) return;
  setHeaders(c, { 'retry-after': String(resetSeconds) });
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
