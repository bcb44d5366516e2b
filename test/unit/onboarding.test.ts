import { describe, expect, it, test } from 'vitest';
import { sizes } from '../../core/limits.ts';
import {
  emptyOnboarding,
  onboardingOverview,
  storedOnboarding,
  withAnswer,
  withSkipped,
  withStepBack,
} from '../../domain/onboarding.ts';
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

describe('a branch', () => {
  const reminded = { preferred_name: 'Ann', goal: 'to be reminded', language: 'en' } as const;
  const open = { answers: reminded, skipped: [], currentStep: 'follow_up' } as const;

  it.each([
    ['to be reminded', true],
    ['follow-ups after a talk', true],
    ['herinneringen', true],
    ['to practise my presentations', false],
    ['mijn presentaties oefenen', false],
  ])('is opened by the goal %j: %s', (goal, isOpened) => {
    const before = { answers: { ...reminded, goal: 'x' }, skipped: [], currentStep: 'goal' } as const;
    expect(withAnswer({ ...before, skipped: [] }, 'goal', goal).currentStep).toBe(isOpened ? 'follow_up' : null);
  });

  it('asks the step within it, and loses all answers when it is closed', () => {
    const wanted = withAnswer({ ...open, skipped: [] }, 'follow_up', 'yes');
    expect(wanted.currentStep).toBe('email');
    const told = withAnswer(wanted, 'email', 'a@example.org');
    expect(told).toMatchObject({ answers: { email: 'a@example.org' }, currentStep: null });
    const refused = withAnswer(told, 'follow_up', 'no');
    expect(refused).toEqual({ answers: { ...reminded, follow_up: 'no' }, skipped: [], currentStep: null });
    expect(withAnswer(told, 'goal', 'to relax').answers).toEqual({ ...reminded, goal: 'to relax' });
    expect(withAnswer(withSkipped(wanted, 'email'), 'goal', 'to relax').skipped).toEqual([]);
  });

  it('can be neither answered nor skipped nor gone back to while it is closed', () => {
    expect(() => withAnswer(emptyOnboarding, 'email', 'a@example.org')).toThrow('email is not asked');
    expect(() => withSkipped(emptyOnboarding, 'follow_up')).toThrow('follow_up is not asked');
    const done = { answers: { ...reminded, follow_up: 'no' }, skipped: [], currentStep: null };
    expect(withStepBack(done).currentStep).toBe('follow_up');
  });
});

describe('what was stored', () => {
  const answers = { preferred_name: 'Ann', goal: 'to relax' };
  const read = (currentStep: string | null, more: Record<string, string> = {}, skipped: string[] = []) =>
    storedOnboarding({ answers: { ...answers, ...more }, skipped, currentStep });

  it('is as it was, also a step that was gone back to, and an end that was come to', () => {
    expect(read('language')).toEqual({ answers, skipped: [], currentStep: 'language' });
    expect(read('preferred_name').currentStep).toBe('preferred_name');
    expect(read(null).currentStep).toBeNull();
  });

  it('goes on at the first open step when the stored one is gone or closed, without what belongs to it', () => {
    expect(read('shoe_size', { shoe_size: '42' }, ['hat_size'])).toEqual({
      answers,
      skipped: [],
      currentStep: 'language',
    });
    expect(read('email', { email: 'a@example.org' })).toEqual({ answers, skipped: [], currentStep: 'language' });
  });
});

test('the overview tells of every step what became of it', () => {
  const { steps } = onboardingOverview({ ...withAnswer(emptyOnboarding, 'goal', 'reminders'), version: 3 });
  expect(steps.map(({ step, isAsked, isAnswered }) => [step, isAsked, isAnswered])).toEqual([
    ['preferred_name', true, false],
    ['goal', true, true],
    ['language', true, false],
    ['follow_up', true, false],
    ['email', false, false],
  ]);
});

describe('every step', () => {
  it.each(onboardingStepIds)('%s has a question in every language', (id) => {
    for (const language of languages) expect(onboardingStep(id).question[language]).toMatch(/\?$/);
    for (const language of languages) expect(onboardingStep(id).refusal[language]).toMatch(/\.$/);
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

  it.each([
    ['Yes please', 'yes'],
    ['ja, graag', 'yes'],
    ['no', 'no'],
    ['graag niet', 'no'],
    ['perhaps', undefined],
  ])('%s is the choice %s', (answer, choice) => {
    expect(parse('follow_up', answer).data).toBe(choice);
  });

  it.each(['robin', 'robin@', 'x y', `${'x'.repeat(250)}@a.nl`])('%j is no address', (answer) => {
    expect(parse('email', answer).success).toBe(false);
  });

  it.each(['Klingon', 'entirely fine', ''])('%j is no language we speak', (answer) => {
    expect(parse('language', answer).success).toBe(false);
  });
});
