import { eq } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { profiles } from '../db/schema/profiles.ts';
import type { Profile } from '../domain/profile.ts';
import type { Context } from './context.ts';
import { requireActor } from './permissions.ts';
import { withActor } from './with-actor.ts';

/**
 * The profile of the actor's user.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getProfile(context: Context): Promise<Profile> {
  const { userId } = requireActor(context.actor, 'user', 'agent');
  const [profile] = await withActor(context, (tx) => tx.select().from(profiles).where(eq(profiles.userId, userId)));
  if (!profile) throw new AppError('not_found', 'There is no such user');
  return { ...profile, updatedAt: profile.updatedAt.toISOString() };
}
