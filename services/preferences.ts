import { eq, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { preferences } from '../db/schema/preferences.ts';
import { mergePatch, type PreferenceValues } from '../domain/preferences.ts';
import type { CoreContext } from './context.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { type IfVersions, requireVersion } from './versions.ts';
import { withActor } from './with-actor.ts';
import { writing } from './writing.ts';

/** A user's preferences, and how often they were written. */
export interface Preferences {
  userId: string;
  values: PreferenceValues;
  version: number;
}

const shown = { userId: preferences.userId, values: preferences.values, version: preferences.version };

/**
 * The preferences of the actor's user.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getPreferences(context: CoreContext): Promise<Preferences> {
  const { userId } = requirePermission(context.actor, 'preferences.read');
  const [row] = await withActor(context, (tx) =>
    tx.select(shown).from(preferences).where(eq(preferences.userId, userId)),
  );
  if (!row) throw userNotFound();
  return row;
}

/**
 * Changes the preferences as a merge patch says (RFC 7396).
 * @throws AppError `invalid_input` when they would become too large, `precondition_failed` when they have another version by
 * now, `not_found` when the user has been removed.
 */
export function updatePreferences(
  context: CoreContext,
  { patch, ifVersions }: { patch: PreferenceValues } & IfVersions,
): Promise<Preferences> {
  return change(context, ifVersions, (values) => mergePatch(values, patch));
}

/** Replaces the preferences. @throws as `updatePreferences`. */
export function replacePreferences(
  context: CoreContext,
  { values, ifVersions }: { values: PreferenceValues } & IfVersions,
): Promise<Preferences> {
  return change(context, ifVersions, () => values);
}

async function change(
  context: CoreContext,
  ifVersions: IfVersions['ifVersions'],
  move: (values: PreferenceValues) => PreferenceValues,
): Promise<Preferences> {
  const owner = requirePermission(context.actor, 'preferences.write');
  const ofUser = eq(preferences.userId, owner.userId);
  return writing(context, owner, async (tx) => {
    // Two patches at once must not lose each other between the read and the write.
    const [before] = await tx.select(shown).from(preferences).where(ofUser).for('update');
    if (!before) throw userNotFound();
    requireVersion(before.version, ifVersions);
    const values = move(before.values);
    requireSize(values);
    const [row] = await tx
      .update(preferences)
      .set({ values, version: sql`${preferences.version} + 1`, updatedAt: context.clock() })
      .where(ofUser)
      .returning(shown);
    return row as Preferences;
  });
}

function requireSize(values: PreferenceValues): void {
  if (JSON.stringify(values).length > sizes.preferencesCharacters) {
    throw new AppError(
      'invalid_input',
      `The preferences would be larger than ${sizes.preferencesCharacters} characters of JSON: remove some`,
    );
  }
}
