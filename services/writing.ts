import type { Transaction } from '../db/client.ts';
import type { CacheOwner } from './cache.ts';
import type { CoreContext } from './context.ts';
import { withActor } from './with-actor.ts';

/**
 * As `withActor`, for a change of what the cache may hold of a user, or of whether it may: profile, preferences, onboarding,
 * sessions, turns, facts, summaries, consents. What it holds is forgotten, however the transaction ends: a commit whose answer is
 * lost may have taken place.
 */
export function writing<T>(
  context: CoreContext,
  { tenantId, userId }: CacheOwner,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  return context.cache.write({ tenantId, userId }, () => withActor(context, work));
}
