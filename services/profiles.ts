import { eq, sql } from 'drizzle-orm';
import { prepared } from '../db/prepared.ts';
import { profiles } from '../db/schema/profiles.ts';
import type { Profile, ProfileChanges } from '../domain/profile.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { type StoredProfile, storedProfileSchema } from './stored-rows.ts';
import { type IfVersions, requireVersion } from './versions.ts';
import { withActor } from './with-actor.ts';
import { writing } from './writing.ts';

const selectProfile = prepared<{ userId: string }, StoredProfile[]>((tx, { userId }) =>
  tx.select().from(profiles).where(eq(profiles.userId, userId)),
);

/**
 * The profile of the actor's user.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getProfile(context: CoreContext): Promise<Profile> {
  const { tenantId, userId } = requirePermission(context.actor, 'profiles.read');
  return context.cache.read({ tenantId, userId }, 'profile', {
    schema: storedProfileSchema,
    load: async () => {
      const [row] = await withActor(context, (tx) => selectProfile(tx, { userId }));
      if (!row) throw userNotFound();
      return row;
    },
    open: (row) => profileOf(context, row),
  });
}

/**
 * Changes the fields that are given.
 * @throws AppError `precondition_failed` when the profile has another version by now, `not_found` when the user is gone.
 */
export async function updateProfile(
  context: CoreContext,
  { changes, ifVersions }: { changes: ProfileChanges } & IfVersions,
): Promise<Profile> {
  const { tenantId, userId } = requirePermission(context.actor, 'profiles.write');
  const { preferredName, goal, language } = changes;
  return writing(context, { tenantId, userId }, async (tx) => {
    const ofUser = eq(profiles.userId, userId);
    const [before] = await tx.select({ version: profiles.version }).from(profiles).where(ofUser).for('update');
    if (!before) throw userNotFound();
    requireVersion(before.version, ifVersions);
    const [row] = await tx
      .update(profiles)
      .set({
        ...(preferredName === undefined
          ? {}
          : { preferredName: seal(context, profiles.preferredName, userId, preferredName) }),
        ...(goal === undefined ? {} : { goal: seal(context, profiles.goal, userId, goal) }),
        ...(language === undefined ? {} : { language }),
        version: sql`${profiles.version} + 1`,
        updatedAt: context.clock(),
      })
      .where(ofUser)
      .returning();
    return profileOf(context, row as StoredProfile);
  });
}

/** A stored profile as it is given out. */
export function profileOf(context: Pick<CoreContext, 'cipher'>, row: StoredProfile): Profile {
  const { userId } = row;
  return {
    userId,
    preferredName: open(context, profiles.preferredName, userId, row.preferredName),
    language: row.language,
    goal: open(context, profiles.goal, userId, row.goal),
    version: row.version,
    updatedAt: row.updatedAt.toISOString(),
  };
}
