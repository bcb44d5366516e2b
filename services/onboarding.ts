import { isDeepStrictEqual } from 'node:util';
import { eq, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { prepared } from '../db/prepared.ts';
import { onboardingStates } from '../db/schema/onboarding-states.ts';
import { profiles } from '../db/schema/profiles.ts';
import {
  emptyOnboarding,
  type OnboardingProgress,
  type OnboardingState,
  storedOnboarding,
  withAnswer,
  withSkipped,
  withStepBack,
} from '../domain/onboarding.ts';
import { type OnboardingStep, type OnboardingStepId, onboardingStep } from '../domain/onboarding-steps.ts';
import type { CacheOwner } from './cache.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import type { StoredOnboarding } from './stored-rows.ts';
import { type IfVersions, requireVersion } from './versions.ts';
import { withActor } from './with-actor.ts';
import { writing } from './writing.ts';

/**
 * How far the actor's user has come.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getOnboarding(context: CoreContext): Promise<OnboardingState> {
  const { userId } = requirePermission(context.actor, 'onboarding.read');
  const [row] = await withActor(context, (tx) => selectState(tx, { userId }));
  if (!row) throw userNotFound();
  return onboardingOf(context, row);
}

/**
 * Saves the answer to one step, together with the field of the profile it fills, if any. A step may be answered again; the same
 * answer once more, as by a request that is repeated, changes nothing.
 * @throws AppError `invalid_input` naming `answer` when the step doesn't take it, `conflict` when it isn't asked after the
 * answers so far, `precondition_failed` when the state has another version by now, `not_found` when the user has been removed.
 */
export async function saveOnboardingStep(
  context: CoreContext,
  { step: stepId, answer, ifVersions }: { step: OnboardingStepId; answer: string } & IfVersions,
): Promise<OnboardingState> {
  const owner = requirePermission(context.actor, 'onboarding.write');
  const step = onboardingStep(stepId);
  const parsed = step.answer.safeParse(answer);
  if (!parsed.success) throw AppError.field('answer', parsed.error.issues.map((issue) => issue.message).join('; '));
  const value = parsed.data;
  const fill = step.profileField && { field: step.profileField, value };
  return change(context, owner, ifVersions, (progress) => withAnswer(progress, stepId, value), fill);
}

/** Leaves one step unanswered. @throws AppError `conflict` for one that must be answered, has been, or is not asked. */
export async function skipOnboardingStep(
  context: CoreContext,
  { step, ifVersions }: { step: OnboardingStepId } & IfVersions,
): Promise<OnboardingState> {
  const owner = requirePermission(context.actor, 'onboarding.write');
  return change(context, owner, ifVersions, (progress) => withSkipped(progress, step));
}

/** Goes one step back; answers stay. @throws AppError `conflict` on the first step. */
export async function goBackInOnboarding(
  context: CoreContext,
  { ifVersions }: IfVersions = {},
): Promise<OnboardingState> {
  const owner = requirePermission(context.actor, 'onboarding.write');
  return change(context, owner, ifVersions, withStepBack);
}

/** Begins again, without the answers there were; the profile keeps what it was filled with. */
export async function restartOnboarding(
  context: CoreContext,
  { ifVersions }: IfVersions = {},
): Promise<OnboardingState> {
  const owner = requirePermission(context.actor, 'onboarding.write');
  return change(context, owner, ifVersions, () => emptyOnboarding);
}

/** A stored state as it is given out. */
export function onboardingOf(context: Pick<CoreContext, 'cipher'>, row: StoredOnboarding): OnboardingState {
  return { ...progressOf(context, row), completedAt: row.completedAt?.toISOString() ?? null, version: row.version };
}

async function change(
  context: CoreContext,
  owner: CacheOwner,
  ifVersions: IfVersions['ifVersions'],
  move: (progress: OnboardingProgress) => OnboardingProgress,
  fill?: Fill,
): Promise<OnboardingState> {
  const now = context.clock();
  const { userId } = owner;
  return writing(context, owner, async (tx) => {
    // Two changes at once must not lose each other between the read and the write.
    const [before] = await lockState(tx, { userId });
    if (!before) throw userNotFound();
    requireVersion(before.version, ifVersions);
    const progress = progressOf(context, before);
    const moved = move(progress);
    const isMoved = !isDeepStrictEqual(moved, progress);
    if (!isMoved && (!fill || (await isInProfile(tx, context, owner, fill)))) return onboardingOf(context, before);
    const { answers, skipped, currentStep } = moved;
    const isEmpty = Object.keys(answers).length === 0;
    const completedAt = currentStep === null ? (before.completedAt ?? now) : isEmpty ? null : before.completedAt;
    const changed = saveState(tx, {
      userId,
      answers: isEmpty ? null : seal(context, onboardingStates.answers, userId, JSON.stringify(answers)),
      skipped: JSON.stringify(skipped),
      currentStep,
      completedAt: completedAt?.toISOString() ?? null,
      updatedAt: now.toISOString(),
    });
    const filled =
      fill &&
      fillProfile[fill.field](tx, {
        userId,
        value: sealedFor(context, owner, fill),
        updatedAt: now.toISOString(),
      });
    // Both leave together: neither needs the other's answer.
    const [[row]] = await Promise.all([changed, filled]);
    return onboardingOf(context, row as StoredOnboarding);
  });
}

const selectState = prepared<{ userId: string }, StoredOnboarding[]>((tx, { userId }) =>
  tx.select().from(onboardingStates).where(eq(onboardingStates.userId, userId)),
);

const lockState = prepared<{ userId: string }, StoredOnboarding[]>((tx, { userId }) =>
  tx.select().from(onboardingStates).where(eq(onboardingStates.userId, userId)).for('update'),
);

/** `skipped`: JSON, moments as ISO 8601. */
const saveState = prepared<
  Record<'userId' | 'skipped' | 'updatedAt', string> & Record<'answers' | 'currentStep' | 'completedAt', string | null>,
  StoredOnboarding[]
>((tx, { userId, answers, skipped, currentStep, completedAt, updatedAt }) =>
  tx
    .update(onboardingStates)
    .set({
      answers,
      skipped: sql`array(select jsonb_array_elements_text(${skipped}::jsonb))`,
      currentStep,
      completedAt,
      version: sql`${onboardingStates.version} + 1`,
      updatedAt,
    })
    .where(eq(onboardingStates.userId, userId))
    .returning(),
);

/** Writes the field of the profile that an answer fills. */
const fillProfile = {
  preferredName: fillingProfile('preferredName'),
  goal: fillingProfile('goal'),
  language: fillingProfile('language'),
} satisfies Record<ProfileField, unknown>;

type ProfileField = NonNullable<OnboardingStep['profileField']>;

/** What an answer puts into the profile. */
interface Fill {
  field: ProfileField;
  value: string;
}

function fillingProfile(field: ProfileField) {
  return prepared<{ userId: string; value: string; updatedAt: string }, unknown>((tx, { userId, value, updatedAt }) =>
    tx
      .update(profiles)
      .set({ [field]: value, version: sql`${profiles.version} + 1`, updatedAt })
      .where(eq(profiles.userId, userId)),
  );
}

function sealedFor(context: CoreContext, { userId }: CacheOwner, { field, value }: Fill): string {
  return field === 'language' ? value : seal(context, profiles[field], userId, value);
}

async function isInProfile(
  tx: Transaction,
  context: CoreContext,
  { userId }: CacheOwner,
  { field, value }: Fill,
): Promise<boolean> {
  // Who has an onboarding has a profile.
  const [row] = (await tx.select().from(profiles).where(eq(profiles.userId, userId))) as [typeof profiles.$inferSelect];
  const stored = field === 'language' ? row.language : open(context, profiles[field], userId, row[field]);
  return stored === value;
}

function progressOf(context: Pick<CoreContext, 'cipher'>, row: StoredOnboarding): OnboardingProgress {
  const { userId, skipped, currentStep } = row;
  const answers = open(context, onboardingStates.answers, userId, row.answers);
  return storedOnboarding({ answers: answers === null ? {} : JSON.parse(answers), skipped, currentStep });
}
