import { z } from 'zod';
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
  },
  {
    id: 'goal',
    question: {
      en: 'What would you like to use our conversations for?',
      nl: 'Waarvoor wilt u onze gesprekken gebruiken?',
    },
    answer: line('the goal'),
    profileField: 'goal',
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
    currentStep: onboardingStepIdSchema
      .nullable()
      .describe('The first step without an answer; null once all are answered.'),
    completedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'OnboardingState' });

export type OnboardingState = z.infer<typeof onboardingStateSchema>;

/** Answers by step. */
export type OnboardingAnswers = OnboardingState['answers'];

/** The first step that has no answer yet, or null. */
export function currentStepOf(answers: OnboardingAnswers): OnboardingStepId | null {
  return onboardingSteps.find((step) => answers[step.id] === undefined)?.id ?? null;
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
