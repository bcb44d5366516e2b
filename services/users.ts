import { onboardingStates } from '../db/schema/onboarding-states.ts';
import { profiles } from '../db/schema/profiles.ts';
import { users } from '../db/schema/users.ts';
import type { Context } from './context.ts';
import { requireActor } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** The one user of a development token; the same in every installation, so that data outlives a restart. */
export const developmentUserId = '5f0c9d3e-6a3b-4c57-9d0f-2b8f3a1c7e11';

/** Makes a user with an empty profile and an onboarding not yet begun, unless there is one. For the service itself. */
export async function ensureUser(
  context: Pick<Context, 'db' | 'actor' | 'clock'>,
  { userId }: { userId: string },
): Promise<void> {
  requireActor(context.actor, 'system');
  const now = context.clock();
  await withActor(context, async (tx) => {
    await tx.insert(users).values({ id: userId, createdAt: now }).onConflictDoNothing();
    await tx.insert(profiles).values({ userId, updatedAt: now }).onConflictDoNothing();
    await tx.insert(onboardingStates).values({ userId, answers: {}, updatedAt: now }).onConflictDoNothing();
  });
}
