import { describe, expect, it } from 'vitest';
import { assistant, called, calls, decide, tools, user, wordsIn } from '../support/anthropic-turns.ts';

const saved = (step: string, value: string, next: object | null) =>
  decide(called('save_onboarding_step', { step, answer: value }, JSON.stringify({ saved: step, next }))).text;
const asked = (question: string, words: string) => calls([user('hi'), assistant(`Good. ${question}`), user(words)]);

const nameQuestion = 'What would you like me to call you?';
const goalQuestion = 'What would you like to reach?';
const languageQuestion = 'Which language shall we speak?';

describe('onboarding', () => {
  it.each([
    [nameQuestion, 'Please call me Robin.', 'preferred_name', 'Robin'],
    [nameQuestion, 'Well, my name is Robin Hood', 'preferred_name', 'Robin Hood'],
    [nameQuestion, "I'm Robin!", 'preferred_name', 'Robin'],
    [nameQuestion, 'Robin', 'preferred_name', 'Robin'],
    [goalQuestion, 'I would like to practise my Dutch.', 'goal', 'practise my Dutch'],
    [goalQuestion, 'I want to wait tables', 'goal', 'wait tables'],
    [languageQuestion, 'In Dutch, please.', 'language', 'Dutch'],
    [languageQuestion, "Let's speak English", 'language', 'English'],
  ])('%s %s', (question, words, step, value) => {
    expect(asked(question, words)).toEqual([{ name: 'save_onboarding_step', input: { step, answer: value } }]);
  });

  it('does not take a hesitation or a question for an answer', () => {
    expect(asked(nameQuestion, 'hold on')).toEqual([]);
    expect(asked(nameQuestion, 'what is it for')).toEqual([]);
    expect(asked(nameQuestion, 'is that really needed?')).toEqual([]);
    expect(asked(nameQuestion, 'what do you know about me?')).toEqual([{ name: 'get_profile', input: {} }]);
  });

  it('leaves a question out when it is asked to and may', () => {
    const skip = { name: 'skip_onboarding_step', input_schema: { type: 'object' } };
    const turns = [user('hi'), assistant(goalQuestion), user('skip that one, please')];
    expect(calls(turns, { tools: [...tools, skip] })).toEqual([
      { name: 'skip_onboarding_step', input: { step: 'goal' } },
    ]);
    const skipped = (content: string, more: object = {}) =>
      decide(called('skip_onboarding_step', { step: 'goal' }, content, more)).text;
    const next = { step: 'language', question: languageQuestion };
    expect(skipped(JSON.stringify({ next }))).toBe(`All right, we leave that out. ${languageQuestion}`);
    expect(skipped(JSON.stringify({ next: null }))).toBe('All right, everything is set.');
    expect(skipped('no', { is_error: true })).toBe(`I am sorry, I do need that one. ${goalQuestion}`);
  });

  it('takes a choice as it is', () => {
    expect(asked(goalQuestion, 'Yes please')).toMatchObject([{ input: { answer: 'Yes' } }]);
  });

  it('says what is to be read back as it is', () => {
    const readBack = 'Robin, R, O, B, I, N.';
    const told = (next: object | null) =>
      decide(called('save_onboarding_step', { step: 'preferred_name' }, JSON.stringify({ readBack, next }))).text;
    expect(told({ step: 'goal', question: goalQuestion })).toBe(`Thank you, ${readBack} ${goalQuestion}`);
    expect(told(null)).toBe(`Thank you, ${readBack} Everything is set.`);
  });

  it('goes by the last thing the assistant said', () => {
    const turns = [user('hi'), assistant(nameQuestion), user('what is it for?'), assistant('For me.'), user('Robin')];
    expect(calls(turns)).toEqual([]);
  });

  it('still waits for the answer after a hesitation', () => {
    const wait = [user('hold on'), assistant('Of course, take your time.'), user('Robin')];
    expect(calls([user('hi'), assistant(nameQuestion), ...wait])).toMatchObject([
      { input: { step: 'preferred_name' } },
    ]);
  });

  it('knows what it would have asked when it was interrupted', () => {
    const result = JSON.stringify({ saved: 'goal', next: { step: 'language', question: languageQuestion } });
    const cutOff = called('save_onboarding_step', { step: 'goal', answer: 'x' }, result);
    const wait = [user('hold on'), assistant('Of course, take your time.'), user('Dutch')];
    const saves = [{ input: { step: 'language', answer: 'Dutch' } }];
    expect(calls([...cutOff, assistant('That is saved, and'), ...wait])).toMatchObject(saves);
    const before = [user('hi'), assistant(goalQuestion)];
    cutOff.at(-1)?.content.push({ type: 'text', text: 'Dutch' });
    expect(calls([...before, ...cutOff])).toMatchObject(saves);
  });

  it('thanks, and asks the next question', () => {
    expect(saved('preferred_name', 'Robin', { step: 'goal', question: goalQuestion })).toBe(
      `Thank you, Robin. ${goalQuestion}`,
    );
    expect(saved('language', 'Dutch', { step: 'goal', question: goalQuestion })).toBe(`Thank you. ${goalQuestion}`);
    expect(saved('language', 'Dutch', null)).toBe('Thank you, everything is set.');
    const goal = saved('goal', 'learn', { step: 'language', question: languageQuestion });
    expect(goal.endsWith(languageQuestion)).toBe(true);
    expect(wordsIn(goal)).toBeGreaterThanOrEqual(38);
    expect(wordsIn(goal)).toBeLessThanOrEqual(52);
  });

  it.each([
    ['An internal error occurred', { is_error: true }],
    ['An internal error occurred', {}],
    ['{"error":"the name is empty"}', {}],
  ])('apologises and asks again after %s %j', (content, more) => {
    const turns = called('save_onboarding_step', { step: 'goal', answer: 'x' }, content, more);
    expect(decide(turns).text).toBe(`I am sorry, I could not save that. ${goalQuestion}`);
  });
});
