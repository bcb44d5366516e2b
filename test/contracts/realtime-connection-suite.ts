import { APIConnectionError, APIStatusError, APITimeoutError, llm } from '@livekit/agents';
import { expect, it } from 'vitest';
import { RealtimeCaller } from './realtime-caller.ts';
import { type RealtimeFixture, secret, tools, user } from './realtime-fixture.ts';

/** What a session has to do when its vendor refuses, hangs, falls silent or goes away, and when it is closed. */
export function describeConnections({
  line,
  setDelays,
  restart,
  create,
  call,
  logged,
  fail,
  until,
}: RealtimeFixture): void {
  it('keeps the conversation when its connection is lost between turns', async () => {
    const caller = call();
    await caller.session.updateTools(tools);
    await caller.session.generateReply('Say: "Hello. What shall I call you?"');
    await until(() => expect(caller.texts).toHaveLength(1));
    await restart();
    await until(() => expect(caller.reconnections).toBe(1));
    await caller.add(user('Please call me Robin.'));
    await caller.session.generateReply();
    await until(() => expect(caller.replies[1]?.isOver).toBe(true));
    expect(caller.replies[1]?.calls.map(({ args }) => JSON.parse(args))).toEqual([
      { step: 'preferred_name', answer: 'Robin' },
    ]);
    expect(caller.errors.every(({ recoverable }) => recoverable)).toBe(true);
    expect(caller.replies).toHaveLength(2);
  });

  it('loses and doubles no word when its connection is lost in the middle of a turn', async () => {
    const [first, second] = [line('en-name'), line('en-reminder')];
    const caller = call();
    caller.say(first.samples);
    await until(() => expect(caller.transcripts).toEqual([first.text]));
    await until(() => expect(caller.texts).toHaveLength(1));
    const half = Math.floor(second.samples.length / 2);
    caller.push(second.samples.slice(0, half));
    await until(() => expect(caller.speech).toEqual(['started', 'stopped', 'started']));
    await restart(() => caller.push(second.samples.slice(half, half + 8_000)));
    caller.say(second.samples.slice(half + 8_000));
    await until(() => expect(caller.transcripts).toEqual([first.text, second.text]));
    await until(() => expect(caller.texts).toHaveLength(2));
    expect(caller.texts[1]).toBe(`I heard: ${second.text}.`);
    expect(caller.speech).toEqual(['started', 'stopped', 'started', 'stopped']);
    expect(caller.replies).toHaveLength(2);
  });

  it('answers a turn once when its connection is lost before the reply begins', async () => {
    const spoken = line('en-weather');
    setDelays({ llmFirstTokenMs: 5_000 });
    const caller = call();
    caller.say(spoken.samples);
    await until(() => expect(logged('request-received')).toHaveLength(1));
    await restart();
    await until(() => expect(caller.texts).toEqual([`I heard: ${spoken.text}.`]));
    await until(() => expect(caller.transcripts).toEqual([spoken.text]));
    expect(caller.replies).toHaveLength(1);
    expect(caller.speech).toEqual(['started', 'stopped']);
  });

  it('says nothing twice when its connection is lost in the middle of a reply', async () => {
    const caller = call();
    await caller.add(user('tell me a long story'));
    await caller.session.generateReply();
    await until(() => expect(caller.replies[0]?.audioMs).toBeGreaterThan(300));
    await restart();
    await until(() => expect(caller.replies[0]?.isOver).toBe(true));
    await until(() => expect(caller.reconnections).toBe(1));
    await caller.add(user('what can you do'));
    await caller.session.generateReply();
    await until(() => expect(caller.texts[1]).toMatch(/^I can talk with you/));
    expect(caller.replies).toHaveLength(2);
  });

  it('asks again when the server falls silent before a reply begins', async () => {
    setDelays({ llmFirstTokenMs: 60_000 });
    const caller = call({ idleTimeoutMs: 700 });
    await caller.add(user('good morning'));
    const reply = caller.session.generateReply();
    reply.catch(() => {});
    await until(() => expect(logged('request-received')).toHaveLength(1));
    setDelays({ llmFirstTokenMs: 60 });
    await until(() => expect(caller.texts).toEqual(['I heard: good morning.']));
    expect(caller.replies).toHaveLength(1);
    expect(caller.errors[0]?.error).toBeInstanceOf(APITimeoutError);
    expect(caller.errors[0]?.recoverable).toBe(true);
  });

  it('does not try again when its key is refused', async () => {
    fail('refuse');
    const caller = call();
    await caller.add(user(secret));
    const reply = caller.session.generateReply();
    await expect(reply).rejects.toBeInstanceOf(llm.RealtimeError);
    await until(() => expect(caller.errors).toHaveLength(1));
    expect(caller.errors[0]).toMatchObject({ type: 'realtime_model_error', recoverable: false });
    expect(caller.errors[0]?.error).toBeInstanceOf(APIStatusError);
    expect(caller.errors[0]?.error).toMatchObject({ statusCode: 401, retryable: false });
    expect(JSON.stringify(caller.errors)).not.toContain(secret);
    expect(logged('connection-refused')).toHaveLength(1);
    await expect(caller.session.generateReply()).rejects.toBeInstanceOf(llm.RealtimeError);
  });

  it.each([
    ['rate-limit', APIStatusError],
    ['overload', APIStatusError],
    ['close', APIConnectionError],
    ['hang', APITimeoutError],
  ] as const)('gives up after %s when it may not try again', async (mode, expected) => {
    fail(mode);
    const caller = call({ connectTimeoutMs: 500, maxRetry: 0 });
    caller.push(line('en-name').samples);
    await until(() => expect(caller.errors).toHaveLength(1));
    expect(caller.errors[0]?.error).toBeInstanceOf(expected);
    expect(caller.errors[0]?.error).toMatchObject({ retryable: true });
    expect(caller.errors[0]?.recoverable).toBe(false);
  });

  it.each(['rate-limit', 'overload', 'close', 'hang'] as const)(
    'recovers from %s without losing a word',
    async (mode) => {
      fail(mode, 1);
      const spoken = line('en-set-up');
      const caller = call({ connectTimeoutMs: 500 });
      caller.say(spoken.samples);
      await until(() => expect(caller.transcripts).toEqual([spoken.text]));
      await until(() => expect(caller.texts).toHaveLength(1));
      expect(caller.errors.map(({ recoverable }) => recoverable)).toEqual([true]);
    },
  );

  it('leaves no socket behind when it is closed, while connecting and speaking too', async () => {
    const model = create();
    const speaking = new RealtimeCaller(model);
    await speaking.add(user('tell me a long story'));
    await speaking.session.generateReply();
    await until(() => expect(speaking.replies[0]?.audioMs).toBeGreaterThan(0));
    const closedAt = performance.timeOrigin + performance.now();
    await model.close();
    await until(() => expect(logged('connection-closed')).toHaveLength(1));
    expect(Number(logged('connection-closed')[0]?.atMs) - closedAt).toBeLessThan(200);
    await until(() => expect(speaking.replies[0]?.isOver).toBe(true));

    fail('hang');
    const connecting = call();
    await until(() => expect(logged('connection-hung')).toHaveLength(1));
    await connecting.session.close();
    await until(() => expect(logged('hung-connection-closed')).toHaveLength(1));
    expect([...speaking.errors, ...connecting.errors]).toEqual([]);
  });

  it('finds out for free whether the vendor is there', async () => {
    const model = create({ connectTimeoutMs: 5_000 });
    await model.probe(AbortSignal.timeout(5_000));
    fail('refuse', 1);
    await expect(model.probe(AbortSignal.timeout(5_000))).rejects.toThrow();
    fail('hang', 1);
    await expect(model.probe(AbortSignal.timeout(300))).rejects.toThrow();
    await until(() => expect(logged('hung-connection-closed')).toHaveLength(logged('connection-hung').length));
    expect(logged('request-received')).toEqual([]);
  });
}
