import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import {
  firstOnboardingStep,
  type OnboardingStep,
  type OnboardingStepId,
  onboardingStep,
  onboardingStepIdSchema,
  onboardingStepIds,
  onboardingSteps,
} from './onboarding-steps.ts';

/** How far a user has come. */
export const onboardingStateSchema = z
  .object({
    answers: z.partialRecord(onboardingStepIdSchema, z.string()),
    skipped: z.array(onboardingStepIdSchema),
    currentStep: onboardingStepIdSchema.nullable().describe('The step to be asked; null once none is left.'),
    completedAt: z.iso.datetime().nullable().describe('When the last open step was answered or skipped.'),
    version: z.int(),
  })
  .meta({ id: 'OnboardingState' });

export type OnboardingState = z.infer<typeof onboardingStateSchema>;

/** Answers by step. */
export type OnboardingAnswers = OnboardingState['answers'];

/** The part of the state that moves: what follows from it is worked out here and nowhere else. */
export type OnboardingProgress = Pick<OnboardingState, 'answers' | 'skipped' | 'currentStep'>;

/** The same as it was stored, maybe by another version of the definition, with steps that this one doesn't know. */
export interface StoredProgress {
  answers: Readonly<Record<string, string>>;
  skipped: readonly string[];
  currentStep: string | null;
}

/** The definition with what became of each step, for a client that draws it. */
export const onboardingOverviewSchema = z
  .object({
    currentStep: onboardingStateSchema.shape.currentStep,
    steps: z.array(
      z.object({
        step: onboardingStepIdSchema,
        question: z.object({ en: z.string(), nl: z.string() }),
        isAsked: z.boolean().describe('Whether it is asked at all, after the answers so far.'),
        isAnswered: z.boolean(),
        isSkipped: z.boolean(),
        canBeSkipped: z.boolean(),
      }),
    ),
    version: z.int(),
  })
  .meta({ id: 'OnboardingOverview' });

/** What a client may draw of an onboarding. */
export type OnboardingOverview = z.infer<typeof onboardingOverviewSchema>;

/** An onboarding nobody has begun, or that was begun again. */
export const emptyOnboarding: OnboardingProgress = { answers: {}, skipped: [], currentStep: firstOnboardingStep };

/**
 * What was stored, by the present definition. Steps that are gone are left out, and their answers are gone for good with the next
 * write; where the stored step is gone or is not asked any more, the first open one is next. Who had come to the end stays there:
 * a step that the definition has gained is asked of them once they change an answer or begin again.
 */
export function storedOnboarding({ answers, skipped, currentStep }: StoredProgress): OnboardingProgress {
  const known = counted(answers, skipped);
  if (currentStep === null) return { ...known, currentStep };
  const kept = askedSteps(known.answers).find((id) => id === currentStep);
  return { ...known, currentStep: kept ?? firstOpen(known) };
}

/**
 * A step answered, for the first time or again: on to the first one that is open. An answer that closes a branch takes the
 * answers of the branch with it, since nothing is kept about a person that they would not be asked for; one that opens a branch has
 * it asked.
 * @throws AppError `conflict` for a step that is not asked after the answers so far.
 */
export function withAnswer(
  { answers, skipped }: OnboardingProgress,
  step: OnboardingStepId,
  answer: string,
): OnboardingProgress {
  requireAsked(answers, step);
  return advanced(
    { ...answers, [step]: answer },
    skipped.filter((id) => id !== step),
  );
}

/**
 * A step left unanswered: on to the first one that is open.
 * @throws AppError `conflict` for a step that must be answered, has been, or is not asked.
 */
export function withSkipped({ answers, skipped }: OnboardingProgress, step: OnboardingStepId): OnboardingProgress {
  requireAsked(answers, step);
  if (!onboardingStep(step).canBeSkipped)
    throw new AppError('conflict', `The step ${step} can't be skipped: answer it`);
  if (answers[step] !== undefined) throw new AppError('conflict', `The step ${step} is answered: save another answer`);
  return advanced(answers, [...skipped.filter((id) => id !== step), step]);
}

/**
 * One step back among those that are asked, whatever was answered there; from the end to the last one.
 * @throws AppError `conflict` on the first step.
 */
export function withStepBack(progress: OnboardingProgress): OnboardingProgress {
  const asked = askedSteps(progress.answers);
  const at = progress.currentStep === null ? asked.length : asked.indexOf(progress.currentStep);
  const before = asked[at - 1];
  if (!before) throw new AppError('conflict', 'This is the first step');
  return { ...progress, currentStep: before };
}

/** Every step of the definition, and what became of it. */
export function onboardingOverview(state: OnboardingProgress & Pick<OnboardingState, 'version'>): OnboardingOverview {
  const asked = askedSteps(state.answers);
  const steps = onboardingSteps.map(({ id, question, canBeSkipped }) => ({
    step: id,
    question,
    isAsked: asked.includes(id),
    isAnswered: state.answers[id] !== undefined,
    isSkipped: state.skipped.includes(id),
    canBeSkipped,
  }));
  return { currentStep: state.currentStep, steps, version: state.version };
}

function advanced(answers: OnboardingAnswers, skipped: OnboardingStepId[]): OnboardingProgress {
  const known = counted(answers, skipped);
  return { ...known, currentStep: firstOpen(known) };
}

/** What counts of answers and skipped steps: that of steps which are asked. */
function counted(answers: StoredProgress['answers'], skipped: readonly string[]) {
  const asked = askedSteps(answers);
  const given = asked.flatMap((id) => (answers[id] === undefined ? [] : [[id, answers[id]] as const]));
  return {
    answers: Object.fromEntries(given) as OnboardingAnswers,
    skipped: skipped.flatMap((id) => asked.find((known) => known === id) ?? []),
  };
}

function firstOpen({ answers, skipped }: Omit<OnboardingProgress, 'currentStep'>): OnboardingStepId | null {
  return askedSteps(answers).find((id) => answers[id] === undefined && !skipped.includes(id)) ?? null;
}

/** The steps that are asked after these answers, in order. An answer of a step that is not asked opens no branch. */
function askedSteps(answers: StoredProgress['answers']): OnboardingStepId[] {
  const counting: Partial<Record<string, string>> = {};
  return onboardingStepIds.filter((id) => {
    const step: OnboardingStep = onboardingStep(id);
    const isAsked = step.isAskedWhen?.(counting) ?? true;
    if (isAsked) counting[id] = answers[id];
    return isAsked;
  });
}

function requireAsked(answers: OnboardingAnswers, step: OnboardingStepId): void {
  if (askedSteps(answers).includes(step)) return;
  throw new AppError('conflict', `The step ${step} is not asked after the answers so far`);
}
