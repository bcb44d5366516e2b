import { describe, expect, it } from 'vitest';
import { sizes } from '../../core/limits.ts';
import { currentStepOf, onboardingStep, onboardingStepIds } from '../../domain/onboarding.ts';
import { languages } from '../../domain/profile.ts';

describe('the current step', () => {
  it('is the first without an answer', () => {
    expect(currentStepOf({})).toBe('preferred_name');
    expect(currentStepOf({ preferred_name: 'Ann' })).toBe('goal');
    expect(currentStepOf({ goal: 'to practise' })).toBe('preferred_name');
    expect(currentStepOf({ preferred_name: 'Ann', goal: 'to practise', language: 'en' })).toBeNull();
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
