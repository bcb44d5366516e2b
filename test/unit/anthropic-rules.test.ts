import { describe, expect, it } from 'vitest';
import { assistant, called, calls, decide, named, tools, user, wordsIn } from '../support/anthropic-turns.ts';

const answer = (words: string) => decide([user(words)]).text;

describe('reminders', () => {
  const tools = ['get_time', 'set_reminder', 'list_reminders', 'cancel_reminder'].map(named);
  const wish = 'remind me to call Ann tomorrow at 09:00 in Asia/Kolkata';
  const now = JSON.stringify({ local_time: '2026-12-31T10:30', weekday: 'Thursday', time_zone: 'Asia/Kolkata' });
  const toldBy = (words: string, name: string, content: string) => [user(words), ...called(name, {}, content).slice(1)];

  it('are set once the time is known, on the day that is meant', () => {
    expect(calls([user(wish)], { tools })).toEqual([{ name: 'get_time', input: { time_zone: 'Asia/Kolkata' } }]);
    const set = (words: string) => calls(toldBy(words, 'get_time', now), { tools })[0]?.input;
    const rest = { text: 'call Ann', repeat: null, time_zone: 'Asia/Kolkata' };
    expect(set(wish)).toEqual({ ...rest, local_time: '2027-01-01T09:00' });
    expect(set('remind me to call Ann at 09:00')).toEqual({ ...rest, local_time: '2027-01-01T09:00' });
    expect(set('remind me to call Ann at 11:00')).toEqual({ ...rest, local_time: '2026-12-31T11:00' });
    expect(decide(toldBy('what time is it', 'get_time', now), { tools }).text).toBe('It is 10:30.');
  });

  it('are told and cancelled by what the tools answer', () => {
    const next = { local_time: '2027-01-01T09:00' };
    const list = JSON.stringify({ reminders: [{ id: 'a', text: 'call Ann', next }] });
    const said = (words: string, name: string, content: string) => decide(toldBy(words, name, content), { tools }).text;
    const isSet = JSON.stringify({ id: 'a', text: 'call Ann', next });
    expect(said(wish, 'set_reminder', isSet)).toBe('I will remind you to call Ann at 09:00.');
    expect(said('what are my reminders', 'list_reminders', list)).toBe('I will remind you to call Ann at 09:00.');
    expect(said('what are my reminders', 'list_reminders', '{"reminders":[]}')).toBe('There are no reminders.');
    const cancelling = toldBy('cancel my reminder', 'list_reminders', list);
    expect(calls(cancelling, { tools })).toEqual([{ name: 'cancel_reminder', input: { id: 'a' } }]);
    expect(said('cancel my reminder', 'cancel_reminder', '{}')).toBe('I have cancelled it.');
    const refused = called('get_time', {}, 'ask in which city', { is_error: true });
    expect(decide(refused, { tools }).text).toBe('I am sorry, that did not work: ask in which city');
  });
});

describe('replies to what is said', () => {
  it.each([
    ['good morning.', 'I heard: good morning.'],
    ['hold on', 'Of course, take your time.'],
    ['um, wait a second', 'Of course, take your time.'],
    ['Element 36 distaal.', 'Genoteerd: Element 36 distaal.'],
    ['tand 11 vulling', 'Genoteerd: tand 11 vulling.'],
    ['element of surprise', 'I heard: element of surprise.'],
    [
      '[no speech recogniser configured]',
      'I can hear that you are speaking, but no speech recogniser is configured. You can type to me instead.',
    ],
  ])('%s', (words, reply) => expect(answer(words)).toBe(reply));

  it('says what it can do in two sentences, and tells a long story', () => {
    expect(answer('so what can you do?').match(/\./g)).toHaveLength(2);
    expect(wordsIn(answer('tell me a long story'))).toBeGreaterThan(110);
    expect(wordsIn(answer('tell me a long story'))).toBeLessThan(140);
  });

  it('goes by the last thing said, and not by notes', () => {
    const note = { type: 'text', text: '<system>\nBe brief.\n</system>' };
    const say = { type: 'text', text: '<system>\nSay: "Are you still there?"\n</system>' };
    const speech = (text: string) => ({ type: 'text', text });
    expect(decide([user([speech('one'), speech('two'), note])]).text).toBe('I heard: two.');
    expect(decide([user([note])]).text).toBe('Hello, how can I help you?');
    expect(decide([user([speech('one'), say])]).text).toBe('Are you still there?');
    expect(decide([user([say, speech('one')])]).text).toBe('I heard: one.');
  });
});

describe('tools', () => {
  it('are called by name, together, when they are offered', () => {
    expect(calls([user('Use the tools get_profile, unknown and start_onboarding.')])).toEqual([
      { name: 'get_profile', input: {} },
      { name: 'start_onboarding', input: {} },
    ]);
    expect(answer('use the tool unknown')).toBe('I heard: use the tool unknown.');
  });

  it.each([
    ['what do you know about me?', 'get_profile'],
    ['What have you saved', 'get_profile'],
    ['please set up my profile', 'start_onboarding'],
    ["let's get started", 'start_onboarding'],
    ['I need a speaking coach', 'start_oracy'],
    ['let us look back', 'start_scout'],
    ['I need a companion', 'start_companion'],
    ['I am done here', 'return_to_concierge'],
    ['what do you keep', 'get_preferences'],
    ['what did I say', 'read_session'],
  ])('%s: %s', (words, name) => {
    expect(calls([user(words)])).toEqual([{ name, input: {} }]);
    expect(decide([user(words)], {}).toolCalls).toEqual([]);
  });

  it('follow the tool choice', () => {
    const words = [user('use the tools get_profile and start_onboarding')];
    const names = (choice: object) => calls(words, { tools, tool_choice: choice }).map(({ name }) => name);
    expect(names({ type: 'none' })).toEqual([]);
    expect(names({ type: 'auto', disable_parallel_tool_use: true })).toEqual(['get_profile']);
    expect(names({ type: 'tool', name: 'start_onboarding' })).toEqual(['start_onboarding']);
    expect(calls([user('hello')], { tools, tool_choice: { type: 'any' } })).toHaveLength(1);
  });

  it('are reported on once they answered', () => {
    const profile = JSON.stringify({ preferredName: 'Robin', goal: 'learn Dutch', language: null, userId: 'u1' });
    const reply = 'I know that your name is Robin and your goal is: learn Dutch.';
    expect(decide(called('get_profile', {}, profile)).text).toBe(reply);
    expect(decide(called('get_profile', {}, JSON.stringify(profile))).text).toBe(reply);
    expect(decide(called('get_profile', {}, '{}')).text).toBe('I do not know anything about you yet.');
    expect(decide(called('start_onboarding', {}, 'x')).text).toBe('Done.');
  });

  it('keep what is asked to be kept, and tell it', () => {
    const set = (value: string | null) => ({ name: 'set_preference', input: { name: 'wish', value } });
    expect(calls([user('Please keep that I like short answers.')])).toEqual([set('I like short answers')]);
    expect(calls([user('forget it')])).toEqual([set(null)]);
    const told = (name: string, input: object, result: unknown) =>
      decide(called(name, input, JSON.stringify(result))).text;
    expect(told('set_preference', { value: 'I am Robin' }, { kept: true })).toBe('I will keep that I am Robin.');
    expect(told('set_preference', { value: null }, { kept: false })).toBe('I have forgotten it.');
    expect(told('get_preferences', {}, { wish: 'I like tea', other: 'I walk' })).toBe(
      'I keep that I like tea, and that I walk.',
    );
    expect(told('get_preferences', {}, {})).toBe('I keep nothing about you.');
    const turns = [
      { speaker: 'concierge', text: 'Hello' },
      { speaker: 'user', text: 'I need a coach' },
    ];
    expect(told('read_session', {}, turns)).toBe('The first thing you said was: I need a coach');
    expect(told('read_session', {}, [])).toBe('Nothing was said yet.');
  });

  it('are forgotten when somebody spoke after them', () => {
    const turns = called('start_onboarding', {}, 'x');
    turns.at(-1)?.content.push({ type: 'text', text: 'never mind' });
    expect(decide(turns).text).toBe('I heard: never mind.');
  });
});

describe('the memory', () => {
  const id = '7d1a1a0c-6a5f-4b0e-8f7e-0f5f6f1d2c3b';
  const memory = ['propose_fact', 'keep_fact', 'forget_fact', 'get_facts', 'get_earlier_sessions'].map(named);
  const more = { tools: memory };
  const proposed = [
    ...called('propose_fact', { text: 'I sing' }, JSON.stringify({ id, state: 'proposed' })),
    assistant('May I remember that I sing?'),
  ];
  const told = (name: string, content: unknown, rest: object = {}) =>
    decide(called(name, {}, typeof content === 'string' ? content : JSON.stringify(content), rest), more).text;

  it('proposes what somebody says to remember, and asks', () => {
    const input = { text: 'I sing' };
    expect(calls([user('Remember that I sing.')], more)).toEqual([{ name: 'propose_fact', input }]);
    expect(decide(proposed.slice(0, -1), more).text).toBe('May I remember that I sing?');
    expect(told('propose_fact', { id, state: 'kept' })).toBe('I know that already.');
  });

  it('keeps it on yes, forgets it on no, and neither on anything else', () => {
    expect(calls([...proposed, user('Yes, please.')], more)).toEqual([{ name: 'keep_fact', input: { id } }]);
    expect(calls([...proposed, user('No.')], more)).toEqual([{ name: 'forget_fact', input: { id } }]);
    expect(calls([...proposed, user('What is that?')], more)).toEqual([]);
    expect(calls([user('Yes.')], more)).toEqual([]);
    expect(told('keep_fact', { kept: 'I sing' })).toBe('I will remember that I sing.');
    expect(told('forget_fact', { forgotten: id })).toBe('I will not remember that.');
    expect(told('keep_fact', 'There is no such fact', { is_error: true })).toContain('There is no such fact');
  });

  it('tells what is remembered, and of earlier sessions', () => {
    expect(calls([user('Which facts do you have?')], more)).toEqual([{ name: 'get_facts', input: {} }]);
    expect(calls([user('What was it last time?')], more)).toEqual([{ name: 'get_earlier_sessions', input: {} }]);
    expect(told('get_facts', [{ text: 'I sing' }, { text: 'I row' }])).toBe('I remember that I sing, and that I row.');
    expect(told('get_facts', [])).toBe('I remember nothing about you.');
    expect(told('get_earlier_sessions', [{ text: 'They sang.' }])).toBe('Last time: They sang.');
    expect(told('get_earlier_sessions', [])).toBe('We have not talked before.');
  });
});

describe('a conversation to be summed up', () => {
  const told = (turns: unknown) => `<conversation>\n${JSON.stringify(turns)}\n</conversation>`;
  const turns = [{ speaker: 'user', text: 'I sing.' }];

  it('is, by what the person said', () => {
    const text = 'In 1 turns the person spoke of this first: I sing. And of this last: I sing.';
    expect(decide([user(told(turns))], {})).toEqual({ text, toolCalls: [] });
  });

  it('is refused in another shape, with a history or with tools', () => {
    expect(() => decide([user(told([{ who: 'me' }]))], {})).toThrow();
    expect(() => decide([user(told([]))], {})).toThrow();
    expect(() => decide([user('hello'), assistant('hi'), user(told(turns))], {})).toThrow('one message');
    expect(() => decide([user(told(turns))])).toThrow('without tools');
  });
});
