import { describe, expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import { emptyOnboarding, withAnswer, withSkipped, withStepBack } from '../../domain/onboarding.ts';
import { onboardingStep, onboardingStepIds } from '../../domain/onboarding-steps.ts';
import { languages } from '../../domain/profile.ts';

describe('the current step', () => {
  const { language: _language, ...answered } = { preferred_name: 'Ann', goal: 'to practise', language: 'en' } as const;

  it('is the first that is neither answered nor skipped', () => {
    expect(emptyOnboarding.currentStep).toBe('preferred_name');
    expect(withAnswer(emptyOnboarding, 'preferred_name', 'Ann').currentStep).toBe('goal');
    expect(withAnswer(emptyOnboarding, 'goal', 'to practise').currentStep).toBe('preferred_name');
    const named = withAnswer(emptyOnboarding, 'preferred_name', 'Ann');
    const skipped = withSkipped(named, 'goal');
    expect(skipped).toEqual({ answers: { preferred_name: 'Ann' }, skipped: ['goal'], currentStep: 'language' });
    expect(withAnswer(skipped, 'goal', 'to practise')).toEqual({
      answers: answered,
      skipped: [],
      currentStep: 'language',
    });
    expect(withSkipped(skipped, 'language').currentStep).toBeNull();
  });

  it('is one back on demand, but not before the first, and the last from the end', () => {
    const done = { answers: { ...answered, language: 'en' }, skipped: [], currentStep: null };
    expect(withStepBack(done)).toEqual({ ...done, currentStep: 'language' });
    expect(withStepBack({ ...done, currentStep: 'goal' }).currentStep).toBe('preferred_name');
    expect(() => withStepBack(emptyOnboarding)).toThrow('This is the first step');
  });

  it('is not skipped when it must be answered, or has been', () => {
    expect(() => withSkipped(emptyOnboarding, 'preferred_name')).toThrow("preferred_name can't be skipped");
    expect(() => withSkipped(withAnswer(emptyOnboarding, 'goal', 'x'), 'goal')).toThrow('goal is answered');
  });
});

describe('every step', () => {
  it.each(onboardingStepIds)('%s has a question in every language', (id) => {
    for (const language of languages) expect(onboardingStep(id).question[language]).toMatch(/\?$/);
  });
});

describe('an answer', () => {
  const parse = (id: (typeof onboardingStepIds)[number], answer: string) => onboardingStep(id).answer.safeParse(answer);

  it('becomes one line', () => {
    expect(parse('preferred_name', ' Ann \n Lee ').data).toBe('Ann Lee');
  });

  it.each(['', ' \n '])('may not be empty (%j)', (answer) => {
    expect(parse('preferred_name', answer).error?.issues[0]?.message).toContain('empty');
    expect(parse('goal', answer).success).toBe(false);
  });

  it('has a longest length', () => {
    expect(parse('preferred_name', 'x'.repeat(80)).success).toBe(true);
    expect(parse('preferred_name', 'x'.repeat(81)).success).toBe(false);
    expect(parse('goal', 'x'.repeat(sizes.answerCharacters)).success).toBe(true);
    expect(parse('goal', 'x'.repeat(sizes.answerCharacters + 1)).success).toBe(false);
  });

  it.each([
    ['English', 'en'],
    ['engels graag', 'en'],
    ['Nederlands', 'nl'],
    ['nl', 'nl'],
  ])('%s is the language %s', (answer, language) => {
    expect(parse('language', answer).data).toBe(language);
  });

  it.each(['Klingon', 'entirely fine', ''])('%j is no language we speak', (answer) => {
    expect(parse('language', answer).success).toBe(false);
  });
});
