import { AppError } from '../../core/errors.ts';
import { type OnboardingState, withStepBack } from '../../domain/onboarding.ts';
import { type RuleReading, readByRule } from '../../domain/onboarding-by-rule.ts';
import { readBack } from '../../domain/onboarding-read-back.ts';
import { type OnboardingStepId, onboardingStep } from '../../domain/onboarding-steps.ts';
import { languages } from '../../domain/profile.ts';
import { type Call, languageOf } from '../call.ts';

/** What is said around the questions, whose wording is that of the definition. */
const lines = {
  simpler: {
    en: "I can't think along with you right now, so I go on in a simpler way.",
    nl: 'Ik kan nu even niet met u meedenken, dus ik ga op een eenvoudigere manier verder.',
  },
  thanks: { en: 'Thank you', nl: 'Dank u wel' },
  skipped: { en: 'All right, we leave that out.', nl: 'Goed, die slaan we over.' },
  needed: { en: 'I do need an answer to this one.', nl: 'Deze vraag kan ik niet overslaan.' },
  noAnswers: { en: "I can't answer questions right now.", nl: 'Ik kan nu even geen vragen beantwoorden.' },
  notSaved: { en: "I couldn't save that just now.", nl: 'Ik kon dat nu even niet opslaan.' },
  takeYourTime: { en: 'Of course, take your time.', nl: 'Natuurlijk, neemt u de tijd.' },
  stopped: { en: 'All right, we go on with this another time.', nl: 'Goed, we gaan hier een andere keer mee verder.' },
  complete: { en: 'Everything is set.', nl: 'Alles is ingevuld.' },
} as const;

type Line = keyof typeof lines;

/** What going on by rule needs of its surroundings. */
export interface OnboardingByRuleOptions {
  call: Call;
  /** Whether answers are spoken: only then a letter may be misheard. */
  isSpoken(): boolean;
  say(line: string): void;
  /** The person wants no more questions; called once that is said. */
  onStop(): void;
}

/** A step, as long as nothing else was saved since. */
interface StepOfVersion {
  step: OnboardingStepId;
  version: number;
}

/**
 * Goes on with the onboarding where no model answers, from the same definition: what was said is taken for the answer of the open
 * step, its validator decides, and fixed lines lead to the next question. A model that is back goes on from there.
 */
export class OnboardingByRule {
  readonly #options: OnboardingByRuleOptions;
  #isTold = false;
  /** A step gone back to. */
  #again: StepOfVersion | undefined;
  /** The last answer that was read back: it may be corrected. */
  #readBack: StepOfVersion | undefined;

  constructor(options: OnboardingByRuleOptions) {
    this.#options = options;
  }

  /** The step whose question is open; null when none is left. */
  get open(): OnboardingStepId | null {
    const { onboarding } = this.#options.call;
    return stepOf(this.#again, onboarding) ?? onboarding.currentStep;
  }

  /**
   * Answers what somebody said to the open question. @param words undefined where nothing is to be taken from what was said: it
   * is saved already, or was not said to this question
   */
  async answer(words: string | undefined): Promise<void> {
    const { call, say, onStop } = this.#options;
    const { open } = this;
    const correctable = stepOf(this.#readBack, call.onboarding);
    const reading = open && words !== undefined ? readByRule(open, words, correctable !== undefined) : undefined;
    const said = this.#isTold ? [] : [this.#line('simpler')];
    this.#isTold = true;
    if (open && reading) said.push(await this.#follow(reading, open, correctable));
    if (reading?.kind !== 'stop' && reading?.kind !== 'wait') said.push(this.#question());
    say(said.filter(Boolean).join(' '));
    if (reading?.kind === 'stop') onStop();
  }

  /** Does what was meant. @returns what is said before the next question */
  async #follow(reading: RuleReading, open: OnboardingStepId, correctable?: OnboardingStepId): Promise<string> {
    switch (reading.kind) {
      case 'answer':
        return this.#save(open, reading.answer);
      case 'correction':
        return this.#save(correctable ?? open, reading.answer);
      case 'skip':
        return this.#skip(open);
      case 'back':
        this.#back(open);
        return '';
      case 'refused':
        return onboardingStep(open).refusal[this.#language()];
      case 'question':
        return this.#line('noAnswers');
      case 'wait':
        return this.#line('takeYourTime');
      case 'stop':
        return this.#line('stopped');
      case 'repeat':
        return '';
    }
  }

  async #save(step: OnboardingStepId, answer: string): Promise<string> {
    const { call, isSpoken } = this.#options;
    try {
      keepOnboarding(call, await call.backend.saveOnboardingStep(step, answer));
    } catch (error) {
      const isRefused = error instanceof AppError && error.code === 'invalid_input';
      return isRefused ? onboardingStep(step).refusal[this.#language()] : this.#line('notSaved');
    }
    const { answers, version } = call.onboarding;
    const back = isSpoken() ? readBack(step, answers[step] ?? answer, this.#language()) : undefined;
    this.#readBack = back === undefined ? undefined : { step, version };
    return back === undefined ? `${this.#line('thanks')}.` : `${this.#line('thanks')}, ${back}`;
  }

  async #skip(step: OnboardingStepId): Promise<string> {
    const { call } = this.#options;
    if (!onboardingStep(step).canBeSkipped) return this.#line('needed');
    const isAnswered = call.onboarding.answers[step] !== undefined;
    this.#again = undefined;
    if (isAnswered) return '';
    try {
      keepOnboarding(call, await call.backend.skipOnboardingStep(step));
      return this.#line('skipped');
    } catch {
      return this.#line('notSaved');
    }
  }

  /** Only what is asked goes back: what is stored goes on from the answer that comes. */
  #back(open: OnboardingStepId): void {
    const { onboarding } = this.#options.call;
    try {
      const { currentStep } = withStepBack({ ...onboarding, currentStep: open });
      if (currentStep) this.#again = { step: currentStep, version: onboarding.version };
    } catch {
      // The first step: its question is asked again.
    }
  }

  #question(): string {
    return this.open ? onboardingStep(this.open).question[this.#language()] : this.#line('complete');
  }

  #line(line: Line): string {
    return lines[line][this.#language()];
  }

  #language() {
    return languageOf(this.#options.call);
  }
}

/** Takes over what is stored by now. The language somebody has chosen is spoken from here on. */
export function keepOnboarding(call: Call, onboarding: OnboardingState): void {
  const chosen = languages.find((language) => language === onboarding.answers.language);
  if (chosen && chosen !== call.onboarding.answers.language) call.language = chosen;
  call.onboarding = onboarding;
}

function stepOf(kept: StepOfVersion | undefined, { version }: OnboardingState): OnboardingStepId | undefined {
  return kept?.version === version ? kept.step : undefined;
}
