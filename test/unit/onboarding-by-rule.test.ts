import { describe, expect, it, test } from 'vitest';
import { readByRule } from '../../domain/onboarding-by-rule.ts';
import type { OnboardingStepId } from '../../domain/onboarding-steps.ts';

describe('an answer without a model', () => {
  it.each<[OnboardingStepId, string, string]>([
    ['preferred_name', 'Robin', 'Robin'],
    ['preferred_name', 'please call me Robin', 'Robin'],
    ['preferred_name', 'Well, my name is Robin Hood.', 'Robin Hood'],
    ['preferred_name', "um, I'm Robin", 'Robin'],
    ['preferred_name', 'Ik heet Anna de Vries', 'Anna de Vries'],
    ['preferred_name', 'noem mij maar Anna', 'Anna'],
    ['preferred_name', 'u mag me Anna noemen', 'Anna'],
    ['preferred_name', 'mijn naam is Anna, graag', 'Anna'],
    ['preferred_name', 'R O B Y N', 'Robyn'],
    ['preferred_name', 'R-O-B-Y-N.', 'Robyn'],
    ['preferred_name', 'Ja', 'Ja'],
    ['goal', 'I want to practise my presentations', 'practise my presentations'],
    ['goal', "I'd like to use it for my Dutch, please.", 'my Dutch'],
    ['goal', 'ik wil graag mijn presentaties oefenen', 'mijn presentaties oefenen'],
    ['goal', 'I want to skip rope better', 'skip rope better'],
    ['goal', 'stop smoking for good', 'stop smoking for good'],
    ['language', 'In Dutch, please', 'Dutch'],
    ['language', "let's speak English", 'English'],
    ['language', 'liever Nederlands', 'Nederlands'],
    ['follow_up', 'yes please', 'yes'],
    ['follow_up', 'No, thank you', 'No'],
    ['follow_up', 'ja graag', 'ja'],
    ['email', 'it is robin at example dot org', 'robin at example dot org'],
    ['email', 'robin@example.org', 'robin@example.org'],
  ])('to %s: %s', (step, words, answer) => {
    expect(readByRule(step, words)).toEqual({ kind: 'answer', answer });
  });

  it.each<[string, string]>([
    ['skip', 'skip'],
    ["let's skip this one, please", 'skip'],
    ['overslaan', 'skip'],
    ['Sla deze vraag maar over.', 'skip'],
    ['liever niet', 'skip'],
    ['go back', 'back'],
    ['vorige vraag', 'back'],
    ['stop', 'stop'],
    ['niet nu', 'stop'],
    ['what did you say?', 'repeat'],
    ['pardon', 'repeat'],
    ['Hello?', 'repeat'],
    ['bent u er nog', 'repeat'],
    ['herhaal de vraag', 'repeat'],
    ['hold on', 'wait'],
    ['um, wait a second', 'wait'],
    ['wacht even', 'wait'],
    ['what is it for', 'question'],
    ['is that really needed?', 'question'],
    ['waarom wilt u dat weten', 'question'],
  ])('is not %j, which is: %s', (words, kind) => {
    for (const step of ['preferred_name', 'goal', 'language'] as const)
      expect(readByRule(step, words)).toEqual({ kind });
  });

  it.each<[OnboardingStepId, string]>([
    ['language', 'Klingon'],
    ['follow_up', 'perhaps'],
    ['email', 'robin at example'],
    ['preferred_name', 'I would like to set up my profile with you today'],
    ['preferred_name', 'x'.repeat(81)],
  ])('is refused by %s: %s', (step, words) => {
    expect(readByRule(step, words)).toEqual({ kind: 'refused' });
  });
});

test('a correction is of what was read back, and is none where nothing was', () => {
  expect(readByRule('goal', "No, it's Robyn", true)).toEqual({ kind: 'correction', answer: 'Robyn' });
  expect(readByRule('goal', 'nee, ik heet R O B Y N', true)).toEqual({ kind: 'correction', answer: 'Robyn' });
  expect(readByRule('goal', "no, it's about music")).toMatchObject({ kind: 'answer' });
});
