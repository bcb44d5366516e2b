import { eq, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { onboardingStates } from '../db/schema/onboarding-states.ts';
import { profiles } from '../db/schema/profiles.ts';
import {
  emptyOnboarding,
  type OnboardingProgress,
  type OnboardingState,
  type OnboardingStepId,
  onboardingStep,
  withAnswer,
  withSkipped,
  withStepBack,
} from '../domain/onboarding.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { requireVersion } from './versions.ts';
import { withActor } from './with-actor.ts';

/** The version a change was made on; absent for whichever there is. */
interface IfVersion {
  ifVersion?: number;
}

type StoredState = typeof onboardingStates.$inferSelect;

/**
 * How far the actor's user has come.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getOnboarding(context: CoreContext): Promise<OnboardingState> {
  const { userId } = requirePermission(context.actor, 'onboarding.read');
  const [row] = await withActor(context, (tx) => selectState(tx, userId));
  if (!row) throw userNotFound();
  return onboardingOf(context, row);
}

/**
 * Saves the answer to one step, together with the field of the profile it fills. A step may be answered again.
 * @throws AppError `invalid_input` naming `answer` when the step doesn't take it, `precondition_failed` when the state has
 * another version by now, `not_found` when the user has been removed.
 */
export async function saveOnboardingStep(
  context: CoreContext,
  { step: stepId, answer, ifVersion }: { step: OnboardingStepId; answer: string } & IfVersion,
): Promise<OnboardingState> {
  const { userId } = requirePermission(context.actor, 'onboarding.write');
  const step = onboardingStep(stepId);
  const parsed = step.answer.safeParse(answer);
  if (!parsed.success) throw AppError.field('answer', parsed.error.issues.map((issue) => issue.message).join('; '));
  const value = parsed.data;
  const isPlain = step.profileField === 'language';
  return change(context, userId, ifVersion, (progress) => withAnswer(progress, stepId, value), {
    [step.profileField]: isPlain ? value : seal(context, profiles[step.profileField], userId, value),
  });
}

/** Leaves one step unanswered. @throws AppError `conflict` for one that must be answered, or has been. */
export async function skipOnboardingStep(
  context: CoreContext,
  { step, ifVersion }: { step: OnboardingStepId } & IfVersion,
): Promise<OnboardingState> {
  const { userId } = requirePermission(context.actor, 'onboarding.write');
  return change(context, userId, ifVersion, (progress) => withSkipped(progress, step));
}

/** Goes one step back; answers stay. @throws AppError `conflict` on the first step. */
export async function goBackInOnboarding(
  context: CoreContext,
  { ifVersion }: IfVersion = {},
): Promise<OnboardingState> {
  const { userId } = requirePermission(context.actor, 'onboarding.write');
  return change(context, userId, ifVersion, withStepBack);
}

/** Begins again, without the answers there were; the profile keeps what it was filled with. */
export async function restartOnboarding(context: CoreContext, { ifVersion }: IfVersion = {}): Promise<OnboardingState> {
  const { userId } = requirePermission(context.actor, 'onboarding.write');
  return change(context, userId, ifVersion, () => emptyOnboarding);
}

/** A stored state as it is given out. */
export function onboardingOf(context: Pick<CoreContext, 'cipher'>, row: StoredState): OnboardingState {
  return { ...progressOf(context, row), completedAt: row.completedAt?.toISOString() ?? null, version: row.version };
}

async function change(
  context: CoreContext,
  userId: string,
  ifVersion: number | undefined,
  move: (progress: OnboardingProgress) => OnboardingProgress,
  profileFields?: Record<string, string>,
): Promise<OnboardingState> {
  const now = context.clock();
  return withActor(context, async (tx) => {
    // Two changes at once must not lose each other between the read and the write.
    const [before] = await selectState(tx, userId).for('update');
    if (!before) throw userNotFound();
    requireVersion(before.version, ifVersion);
    const { answers, skipped, currentStep } = move(progressOf(context, before));
    const isEmpty = Object.keys(answers).length === 0;
    const changed = tx
      .update(onboardingStates)
      .set({
        answers: isEmpty ? null : seal(context, onboardingStates.answers, userId, JSON.stringify(answers)),
        skipped,
        currentStep,
        completedAt: currentStep === null ? (before.completedAt ?? now) : isEmpty ? null : before.completedAt,
        version: sql`${onboardingStates.version} + 1`,
        updatedAt: now,
      })
      .where(eq(onboardingStates.userId, userId))
      .returning();
    // Both leave together: neither needs the other's answer.
    const [[row]] = await Promise.all([changed, profileFields && updateProfile(tx, userId, now, profileFields)]);
    return onboardingOf(context, row as StoredState);
  });
}

async function updateProfile(
  tx: Transaction,
  userId: string,
  now: Date,
  fields: Record<string, string>,
): Promise<void> {
  await tx
    .update(profiles)
    .set({ ...fields, version: sql`${profiles.version} + 1`, updatedAt: now })
    .where(eq(profiles.userId, userId));
}

function selectState(tx: Transaction, userId: string) {
  return tx.select().from(onboardingStates).where(eq(onboardingStates.userId, userId));
}

function progressOf(context: Pick<CoreContext, 'cipher'>, row: StoredState): OnboardingProgress {
  const { userId, skipped, currentStep } = row;
  const answers = open(context, onboardingStates.answers, userId, row.answers);
  return { answers: answers === null ? {} : JSON.parse(answers), skipped, currentStep };
}
