import { eq } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { onboardingStates } from '../db/schema/onboarding-states.ts';
import { profiles } from '../db/schema/profiles.ts';
import { currentStepOf, type OnboardingState, type OnboardingStepId, onboardingStep } from '../domain/onboarding.ts';
import type { Context } from './context.ts';
import { requireActor } from './permissions.ts';
import { withActor } from './with-actor.ts';

/**
 * How far the actor's user has come.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getOnboarding(context: Context): Promise<OnboardingState> {
  const { userId } = requireActor(context.actor, 'user', 'agent');
  return withActor(context, async (tx) => stateOf(one(await selectState(tx, userId))));
}

/**
 * Saves the answer to one step, together with the field of the profile it fills. A step may be answered again.
 * @throws AppError `invalid_input` naming `answer` when the step doesn't take it, `not_found` when the user has been removed.
 */
export async function saveOnboardingStep(
  context: Context,
  { step: stepId, answer }: { step: OnboardingStepId; answer: string },
): Promise<OnboardingState> {
  const { userId } = requireActor(context.actor, 'user', 'agent');
  const step = onboardingStep(stepId);
  const parsed = step.answer.safeParse(answer);
  if (!parsed.success) throw AppError.field('answer', parsed.error.issues.map((issue) => issue.message).join('; '));
  const now = context.clock();

  return withActor(context, async (tx) => {
    // Two answers at once must not lose each other in the read and write of `answers`.
    const before = one(await selectState(tx, userId).for('update'));
    const answers = { ...before.answers, [stepId]: parsed.data };
    const completedAt = before.completedAt ?? (currentStepOf(answers) === null ? now : null);
    await tx
      .update(onboardingStates)
      .set({ answers, completedAt, updatedAt: now })
      .where(eq(onboardingStates.userId, userId));
    await tx
      .update(profiles)
      .set({ [step.profileField]: parsed.data, updatedAt: now })
      .where(eq(profiles.userId, userId));
    return stateOf({ answers, completedAt });
  });
}

type StoredState = Pick<typeof onboardingStates.$inferSelect, 'answers' | 'completedAt'>;

function selectState(tx: Transaction, userId: string) {
  return tx.select().from(onboardingStates).where(eq(onboardingStates.userId, userId));
}

function one(rows: StoredState[]): StoredState {
  if (!rows[0]) throw new AppError('not_found', 'There is no such user');
  return rows[0];
}

function stateOf({ answers, completedAt }: StoredState): OnboardingState {
  return { answers, currentStep: currentStepOf(answers), completedAt: completedAt?.toISOString() ?? null };
}
