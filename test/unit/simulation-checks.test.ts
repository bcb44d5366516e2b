import { describe, expect, test } from 'vitest';
import type { TurnReport } from '../../domain/conversation.ts';
import { checkCall, type Evidence } from '../../simulation/checks.ts';
import type { Expectations } from '../../simulation/expectations.ts';
import { answerDelaysMs, longestSilenceMs, stopDelaysMs } from '../../simulation/measures.ts';
import { firstMissing } from '../../simulation/pattern.ts';
import { verdictOf } from '../../simulation/run-scenario.ts';
import { type Timeline, type TimelineEvent, transcriptOf, voicedSpans } from '../../simulation/timeline.ts';

const report = (interrupted: boolean): TimelineEvent => ({
  type: 'report',
  atMs: 9_000,
  report: { agent: 'concierge', interrupted } as TurnReport,
});

/** Two seconds of greeting, a question, and an answer 600 ms after it. */
const timeline: Timeline = {
  sessionId: 'a session',
  startedAtMs: 0,
  events: [
    { type: 'shown', atMs: 1_000, text: 'Hello, this is Parley.' },
    { type: 'spoken', fromMs: 4_000, toMs: 5_000, text: 'call me Robin', interrupts: false, awaited: true },
    { type: 'understood', atMs: 5_100, raw: 'call me Robin', text: 'call me Robin', typed: false },
    { type: 'shown', atMs: 5_600, text: 'Thank you, Robin.' },
    { type: 'recovery', atMs: 5_700, recovery: { kind: 'fallback', port: 'llm' } },
    report(false),
  ],
  heard: [
    { fromMs: 1_000, toMs: 3_000 },
    { fromMs: 5_600, toMs: 7_000 },
  ],
};

const evidence: Evidence = {
  timeline,
  state: {
    turns: [],
    profile: { preferredName: 'Robin', goal: null, language: null },
    onboarding: { answers: { preferred_name: 'Robin' }, currentStep: 'goal' },
    note: 'element 26\n---\nelement 27',
  },
  toolCalls: [
    { name: 'get_profile', input: {} },
    { name: 'save_onboarding_step', input: { step: 'preferred_name', answer: 'Robin' } },
  ],
};

const failed = (expectations: Expectations, more: Partial<Evidence> = {}) =>
  checkCall(expectations, { ...evidence, ...more }).flatMap(({ name, ok }) => (ok ? [] : [name]));

describe('the checks of a call', () => {
  test.each<[string, Expectations, Expectations]>([
    ['agents', { agents: ['concierge'] }, { agents: ['concierge', 'onboarding'] }],
    [
      'tools',
      { tools: [{ name: 'save_onboarding_step', arguments: { answer: 'robin' } }] },
      { tools: [{ name: 'get_profile' }, { name: 'get_profile' }] },
    ],
    ['profile', { profile: { preferred_name: 'Robin', goal: null } }, { profile: { goal: 'sleep' } }],
    ['onboarding', { onboarding: { current_step: 'goal' } }, { onboarding: { current_step: null } }],
    ['note', { note: ['element 26', 'element 27'] }, { note: ['element 27', 'element 26'] }],
    ['phrases', { phrases: ['HELLO', '/thank you/i'] }, { phrases: ['thank you', 'hello'] }],
    ['understood', { understood: ['call me'] }, { understood: ['call you'] }],
    ['forbidden', { forbidden: ['goodbye'] }, { forbidden: ['/Rob\\w+/'] }],
    ['latency', { latency: { p50_ms: 600, max_ms: 600 } }, { latency: { max_ms: 599 } }],
    ['max_turns', { max_turns: 1 }, { max_turns: 0 }],
    ['max_silence_ms', { max_silence_ms: 1_000 }, { max_silence_ms: 999 }],
    ['interruptions', { interruptions: 0 }, { interruptions: 1 }],
    [
      'recoveries',
      { recoveries: [{ kind: 'fallback', port: 'llm' }] },
      { recoveries: [{ kind: 'fallback', port: 'stt' }] },
    ],
  ])('%s hold, and fail', (name, holds, fails) => {
    expect(failed(holds)).toEqual([]);
    expect(failed(fails)).toEqual([name]);
  });

  test('fail where the script could not go on, and tell an answer that did not come from the rest', () => {
    const stuck = (message: string): Partial<Evidence> => ({
      timeline: { ...timeline, events: [...timeline.events, { type: 'stuck', atMs: 9_000, message }] },
    });
    expect(failed({}, stuck('there was no answer within 20000 ms'))).toEqual(['answers']);
    expect(failed({}, stuck('the agent did not greet within 20000 ms'))).toEqual(['script']);
  });

  test('say nothing about tools of a model that is no stand-in', () => {
    expect(failed({ tools: [{ name: 'save_onboarding_step' }] }, { toolCalls: undefined })).toEqual([]);
  });
});

describe('what is measured', () => {
  test('is the time from the end of what is said to the first audio, and to the first text where nothing is heard', () => {
    expect(answerDelaysMs(timeline)).toEqual([600]);
    const typed: TimelineEvent[] = [
      { type: 'typed', atMs: 100, text: 'hello', awaited: true },
      { type: 'shown', atMs: 350, text: 'Hello.' },
    ];
    expect(answerDelaysMs({ ...timeline, events: typed, heard: [] })).toEqual([250]);
  });

  test('is how long an agent goes on that is spoken over', () => {
    const over: TimelineEvent = {
      type: 'spoken',
      fromMs: 6_000,
      toMs: 8_000,
      text: 'wait',
      interrupts: true,
      awaited: true,
    };
    expect(stopDelaysMs({ ...timeline, events: [over] })).toEqual([1_000]);
  });

  test('is no silence where the script asks for it', () => {
    const waited: TimelineEvent = { type: 'waited', fromMs: 3_000, toMs: 3_900 };
    expect(longestSilenceMs({ ...timeline, events: [...timeline.events, waited] })).toBe(600);
  });

  test('is one stretch of voice as long as its gaps are short', () => {
    expect(voicedSpans([0, 10, 150, 500, 510], 10)).toEqual([
      { fromMs: 0, toMs: 160 },
      { fromMs: 500, toMs: 520 },
    ]);
  });
});

test('patterns have to occur one behind the other, and ignore case and spaces', () => {
  expect(firstMissing('one  Two three two', ['ONE two', '/thr.e/', 'two'])).toBeUndefined();
  expect(firstMissing('one two', ['two', 'one'])).toBe('one');
});

test('a transcript is in the order in which things were begun', () => {
  expect(transcriptOf({ events: timeline.events.toReversed() })).toBe(
    'agent: Hello, this is Parley.\ncaller: call me Robin\nagent: Thank you, Robin.',
  );
});

describe('a planted fault', () => {
  const plant = { fault: 'wrong-greeting', breaks: 'phrases' } as const;
  const checks = [
    { name: 'phrases', ok: false, detail: '' },
    { name: 'agents', ok: true, detail: '' },
  ];

  test('is seen when the check that is named for it fails', () => {
    expect(verdictOf({ checks, planted: 'wrong-greeting' }, { plant }).outcome).toBe('passed');
    expect(verdictOf({ checks, planted: null }, { plant }).outcome).toBe('failed');
  });

  test('is not seen by another check, nor by none', () => {
    const verdict = verdictOf({ checks, planted: 'wrong-greeting' }, { plant: { ...plant, breaks: 'agents' } });
    expect(verdict).toEqual({
      outcome: 'failed',
      message: 'wrong-greeting was planted, and agents did not see it: only phrases failed',
    });
  });
});
