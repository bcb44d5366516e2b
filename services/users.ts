import type { Transaction } from '../db/client.ts';
import { onboardingStates } from '../db/schema/onboarding-states.ts';
import { preferences } from '../db/schema/preferences.ts';
import { profiles } from '../db/schema/profiles.ts';
import { userRoles } from '../db/schema/user-roles.ts';
import { users } from '../db/schema/users.ts';
import { firstOnboardingStep } from '../domain/onboarding-steps.ts';
import type { Role } from '../domain/role.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { CoreContext } from './context.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** The one user of a development token; the same in every installation, so that data outlives a restart. */
export const developmentUser = {
  tenantId: defaultTenant.id,
  userId: '5f0c9d3e-6a3b-4c57-9d0f-2b8f3a1c7e11',
} as const;

/** A user to be made. */
export interface NewUser {
  tenantId: string;
  userId: string;
  roles?: readonly Role[];
}

/** Makes a user with an empty profile and an onboarding not yet begun, unless there is one. For the service itself. */
export async function ensureUser(
  context: Pick<CoreContext, 'database' | 'actor' | 'clock'>,
  user: NewUser,
): Promise<void> {
  requirePermission(context.actor, 'users.ensure');
  await withActor(context, (tx) => insertUser(tx, user, context.clock()));
}

/** The rows every user has, as a part of a verb that makes one; rows that are there already stay as they are. */
export async function insertUser(
  tx: Transaction,
  { tenantId, userId, roles = ['student'] }: NewUser,
  now: Date,
): Promise<void> {
  await tx.insert(users).values({ id: userId, tenantId, createdAt: now }).onConflictDoNothing();
  const own = { userId, tenantId };
  await tx
    .insert(profiles)
    .values({ ...own, updatedAt: now })
    .onConflictDoNothing();
  await tx
    .insert(preferences)
    .values({ ...own, updatedAt: now })
    .onConflictDoNothing();
  await tx
    .insert(onboardingStates)
    .values({ ...own, currentStep: firstOnboardingStep, updatedAt: now })
    .onConflictDoNothing();
  await tx
    .insert(userRoles)
    .values(roles.map((role) => ({ ...own, role, grantedAt: now })))
    .onConflictDoNothing();
}
