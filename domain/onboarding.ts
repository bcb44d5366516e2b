import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { languages } from './profile.ts';

/** One question of the onboarding; agents ask it, the API validates its answer, clients draw it. */
export interface OnboardingStep {
  id: string;
  /** What the agent asks, by language. */
  question: Record<(typeof languages)[number], string>;
  /** Turns what a person or a model wrote into the stored answer, or says what is wrong with it. */
  answer: z.ZodType<string>;
  /** Field of the profile the answer fills. */
  profileField: 'preferredName' | 'goal' | 'language';
  /** Whether the person may leave it unanswered. */
  canBeSkipped: boolean;
}

const line = (what: string) =>
  z
    .string()
    .transform((value) => value.replace(/\s+/g, ' ').trim())
    .pipe(
      z
        .string()
        .min(1, `${what} is empty`)
        .max(sizes.answerCharacters, `${what} is longer than ${sizes.answerCharacters} characters`),
    );

/** The steps in the order they are asked. */
export const onboardingSteps = [
  {
    id: 'preferred_name',
    question: { en: 'What would you like me to call you?', nl: 'Hoe zal ik u noemen?' },
    answer: line('the name').pipe(z.string().max(80, 'the name is longer than 80 characters')),
    profileField: 'preferredName',
    canBeSkipped: false,
  },
  {
    id: 'goal',
    question: {
      en: 'What would you like to use our conversations for?',
      nl: 'Waarvoor wilt u onze gesprekken gebruiken?',
    },
    answer: line('the goal'),
    profileField: 'goal',
    canBeSkipped: true,
  },
  {
    id: 'language',
    question: {
      en: 'Which language shall we speak from now on, English or Dutch?',
      nl: 'Welke taal zullen we voortaan spreken, Engels of Nederlands?',
    },
    answer: z
      .string()
      .transform(languageOf)
      .pipe(z.enum(languages, 'the language must be one of: en (English), nl (Dutch)')),
    profileField: 'language',
    canBeSkipped: true,
  },
] as const satisfies readonly OnboardingStep[];

/** Id of a step. */
export type OnboardingStepId = (typeof onboardingSteps)[number]['id'];

/** The ids, for schemas. */
export const onboardingStepIds = onboardingSteps.map((step) => step.id) as [OnboardingStepId, ...OnboardingStepId[]];

export const onboardingStepIdSchema = z.enum(onboardingStepIds).meta({ id: 'OnboardingStepId' });

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

/** Where everybody begins. */
export const firstOnboardingStep: OnboardingStepId = onboardingSteps[0].id;

/** An onboarding nobody has begun, or that was begun again. */
export const emptyOnboarding: OnboardingProgress = { answers: {}, skipped: [], currentStep: firstOnboardingStep };

/** A step answered, for the first time or again: on to the first one that is open. */
export function withAnswer(
  { answers, skipped }: OnboardingProgress,
  step: OnboardingStepId,
  answer: string,
): OnboardingProgress {
  return advanced(
    { ...answers, [step]: answer },
    skipped.filter((id) => id !== step),
  );
}

/**
 * A step left unanswered: on to the first one that is open.
 * @throws AppError `conflict` for a step that must be answered, or has been.
 */
export function withSkipped({ answers, skipped }: OnboardingProgress, step: OnboardingStepId): OnboardingProgress {
  if (!onboardingStep(step).canBeSkipped)
    throw new AppError('conflict', `The step ${step} can't be skipped: answer it`);
  if (answers[step] !== undefined) throw new AppError('conflict', `The step ${step} is answered: save another answer`);
  return advanced(answers, [...skipped.filter((id) => id !== step), step]);
}

/**
 * One step back, whatever was answered there; from the end to the last step.
 * @throws AppError `conflict` on the first step.
 */
export function withStepBack(progress: OnboardingProgress): OnboardingProgress {
  const at = progress.currentStep === null ? onboardingStepIds.length : onboardingStepIds.indexOf(progress.currentStep);
  const before = onboardingStepIds[at - 1];
  if (!before) throw new AppError('conflict', 'This is the first step');
  return { ...progress, currentStep: before };
}

function advanced(answers: OnboardingAnswers, skipped: OnboardingStepId[]): OnboardingProgress {
  const isOpen = (id: OnboardingStepId) => answers[id] === undefined && !skipped.includes(id);
  return { answers, skipped, currentStep: onboardingStepIds.find(isOpen) ?? null };
}

/** Looks a step up by its id. */
export function onboardingStep(id: OnboardingStepId): (typeof onboardingSteps)[number] {
  const step = onboardingSteps.find((candidate) => candidate.id === id);
  if (!step) throw new Error(`onboarding has no step ${id}`);
  return step;
}

function languageOf(value: string): string {
  const word = value.trim().toLowerCase();
  if (/^(english|engels|en)\b/.test(word)) return 'en';
  if (/^(dutch|nederlands|nl)\b/.test(word)) return 'nl';
  return word;
}
