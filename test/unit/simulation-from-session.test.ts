import { expect, test } from 'vitest';
import type { Turn } from '../../domain/conversation.ts';
import { scenarioOf, withoutPersonalData } from '../../simulation/from-session.ts';
import { parseScenario } from '../../simulation/load-scenario.ts';

const known = {
  profile: { preferredName: 'Alex de Vries', goal: 'learn to sing', language: null },
  onboarding: { answers: { preferred_name: 'Lex' }, currentStep: null },
};

const turn = (speaker: 'user' | 'agent', agent: string | null, text: string) => ({ speaker, agent, text }) as Turn;

test.each([
  ['I am Alex, Alex de Vries, or LEX', 'I am Robin, Robin, or Robin'],
  ['I want to learn  to sing', 'I want to practise my presentations'],
  ['mail me at a.devries+x@mail.example.org', 'mail me at robin@example.com'],
  ['call +31 (0)6 1234 5678 today', 'call +1 555 010 0123 today'],
  ['I was born in 1987 on the 3rd', 'I was born in 1234 on the 1rd'],
  ['Alexander and Vriesland are other words', 'Alexander and Vriesland are other words'],
])('%j becomes %j', (text, scrubbed) => {
  expect(withoutPersonalData(text, known)).toBe(scrubbed);
});

test('a session becomes a scenario that can be run, with nothing of its person in it', () => {
  const yaml = scenarioOf({
    ...known,
    turns: [
      turn('agent', 'concierge', 'Welcome back, Alex de Vries. What can I do for you?'),
      turn('user', null, 'set up my profile'),
      turn('agent', 'onboarding', "Let's set up your profile."),
      turn('user', null, 'my name is Alex de Vries'),
    ],
  });
  expect(yaml).not.toMatch(/Alex|Vries|Lex/i);
  expect(parseScenario('from-session.yaml', yaml)).toMatchObject({
    plant: { fault: 'handoff-stays', breaks: 'agents' },
    profile: { preferred_name: 'Robin' },
    script: [{ type: 'set up my profile' }, { type: 'my name is Robin' }],
    expect: { agents: ['concierge', 'onboarding'], max_turns: 2 },
  });
});
