import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { languages } from './profile.ts';

type ByLanguage = Record<(typeof languages)[number], string>;

/** One question of the onboarding; agents ask it, the API validates its answer, clients draw it. */
export interface OnboardingStep {
  id: string;
  /** What the agent asks, by language. */
  question: ByLanguage;
  /** Turns what a person or a model wrote into the stored answer, or says what is wrong with it. */
  answer: z.ZodType<string>;
  /** What a person is told of an answer that is refused, where no model puts it into words. */
  refusal: ByLanguage;
  /** Field of the profile the answer fills; without one it stays among the answers, which are sealed. */
  profileField?: 'preferredName' | 'goal' | 'language';
  /** Whether the person may leave it unanswered. */
  canBeSkipped: boolean;
  /** The step of a branch: whether it is asked, by the answers to the steps before it. Always asked when absent. */
  isAskedWhen?: (answers: Readonly<Partial<Record<string, string>>>) => boolean;
  /** How a voice reads the answer back before it goes on, where a misheard letter matters. */
  readBack?: 'letters' | 'address';
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

/** Of a path, less its angle brackets (RFC 5321, section 4.5.3.1.3). */
const longestAddressCharacters = 254;

/** Goals of somebody whom a follow-up by mail would serve. */
const wantsFollowUps = /\b(?:re-?mind\w*|follow[ -]?ups?|herinner\w*|opvolg\w*)\b/i;

/**
 * The steps in the order they are asked. Three make a profile, and for most people they are all: the question about follow-ups
 * is asked of those whose goal speaks of reminders or follow-ups, and the one about an address of those who want them.
 */
export const onboardingSteps = [
  {
    id: 'preferred_name',
    question: { en: 'What would you like me to call you?', nl: 'Hoe zal ik u noemen?' },
    answer: line('the name').pipe(z.string().max(80, 'the name is longer than 80 characters')),
    refusal: {
      en: 'That is longer than a name can be here.',
      nl: 'Dat is langer dan een naam hier kan zijn.',
    },
    profileField: 'preferredName',
    canBeSkipped: false,
    readBack: 'letters',
  },
  {
    id: 'goal',
    question: {
      en: 'What would you like to use our conversations for?',
      nl: 'Waarvoor wilt u onze gesprekken gebruiken?',
    },
    answer: line('the goal'),
    refusal: { en: 'That is longer than I can keep.', nl: 'Dat is langer dan ik kan bewaren.' },
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
    refusal: { en: 'I speak English and Dutch only.', nl: 'Ik spreek alleen Engels en Nederlands.' },
    profileField: 'language',
    canBeSkipped: true,
  },
  {
    id: 'follow_up',
    question: {
      en: 'Would you like follow-ups by e-mail, yes or no?',
      nl: 'Wilt u vervolgberichten per e-mail, ja of nee?',
    },
    answer: z
      .string()
      .transform(choiceOf)
      .pipe(z.enum(['yes', 'no'], 'the answer must be one of: yes, no')),
    refusal: { en: 'I need a yes or a no.', nl: 'Ik heb een ja of een nee nodig.' },
    canBeSkipped: true,
    isAskedWhen: ({ goal = '' }) => wantsFollowUps.test(goal),
  },
  {
    id: 'email',
    question: {
      en: 'Which e-mail address may I use for that?',
      nl: 'Welk e-mailadres mag ik daarvoor gebruiken?',
    },
    answer: z
      .string()
      .transform(addressOf)
      .pipe(
        z
          .email('the address must look like robin@example.org')
          .max(longestAddressCharacters, `the address is longer than ${longestAddressCharacters} characters`),
      ),
    refusal: { en: 'That is not a whole e-mail address.', nl: 'Dat is geen volledig e-mailadres.' },
    canBeSkipped: true,
    isAskedWhen: ({ follow_up: followUp }) => followUp === 'yes',
    readBack: 'address',
  },
] as const satisfies readonly OnboardingStep[];

/** Id of a step. */
export type OnboardingStepId = (typeof onboardingSteps)[number]['id'];

/** The ids, for schemas. */
export const onboardingStepIds = onboardingSteps.map((step) => step.id) as [OnboardingStepId, ...OnboardingStepId[]];

export const onboardingStepIdSchema = z.enum(onboardingStepIds).meta({ id: 'OnboardingStepId' });

/** Where everybody begins. */
export const firstOnboardingStep: OnboardingStepId = onboardingSteps[0].id;

/** Looks a step up by its id. */
export function onboardingStep(id: OnboardingStepId): OnboardingStep & { id: OnboardingStepId } {
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

function choiceOf(value: string): string {
  const word = value.trim().toLowerCase();
  if (/^(?:no|nope|not|nee|neen|niet|(?:liever|graag) niet)\b/.test(word)) return 'no';
  if (/^(?:yes|yeah|yep|sure|ja|jawel|graag|prima)\b/.test(word)) return 'yes';
  return word;
}

/** An address as it is written: people and recognisers say its marks as words. */
function addressOf(value: string): string {
  const text = value.trim().replace(/[.!,]+$/, '');
  if (text.includes('@')) return text.replace(/\s+/g, '');
  return text
    .replace(/\s+(?:at|apenstaartje|apestaartje)\s+/gi, '@')
    .replace(/\s+(?:dot|point|punt)\s+/gi, '.')
    .replace(/\s+(?:dash|hyphen|streepje|koppelteken)\s+/gi, '-')
    .replace(/\s+underscore\s+/gi, '_')
    .replace(/\s+/g, '')
    .toLowerCase();
}
