import type { Context } from 'hono';
import { AppError } from '../../core/errors.ts';
import type { Actor } from '../../domain/actor.ts';
import type { ApiEnvironment } from '../environment.ts';
import type { Authenticator } from './authenticator.ts';
import type { Check } from './checks.ts';
import { sentHeader } from './headers.ts';
import type { RequestCounts } from './rate-limits.ts';

/** What requests are let in by. */
export interface AdmissionOptions {
  authenticator: Authenticator;
  /** Absent: everybody may ask as often as they like. */
  counts?: RequestCounts;
}

/**
 * Finds out who is asking from `Authorization: Bearer` (RFC 6750), and whether they may ask once more.
 * @throws AppError `unauthenticated` for a token that is missing or not valid, `rate_limited`, and as the authenticator.
 */
export function admit({ authenticator, counts }: AdmissionOptions): Check {
  const letIn = (c: Context<ApiEnvironment>, actor: Actor | null) => {
    if (!actor) throw new AppError('unauthenticated', 'The token is not valid or has expired: get a new one');
    c.set('actor', actor);
    return counts?.byActor(c, actor);
  };
  return function admit(c) {
    const token = /^Bearer +(\S+)$/i.exec(sentHeader(c, 'authorization') ?? '')?.[1];
    if (!token) throw new AppError('unauthenticated', 'Send a token in the header "Authorization: Bearer <token>"');
    const actor = authenticator(token, sentHeader(c, 'parley-user'));
    return actor instanceof Promise ? actor.then((found) => letIn(c, found)) : letIn(c, actor);
  };
}
