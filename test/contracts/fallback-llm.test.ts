import {
  APIConnectionError,
  APIStatusError,
  APITimeoutError,
  DEFAULT_API_CONNECT_OPTIONS,
  initializeLogger,
  llm,
} from '@livekit/agents';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FallbackEvent } from '../../providers/fallback/event.ts';
import { VendorHealth } from '../../providers/fallback/health.ts';
import { FallbackLLM } from '../../providers/fallback/llm.ts';
import { AnthropicLLM } from '../../providers/llm/anthropic.ts';
import { anthropicStandIn } from '../../sandbox/anthropic.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';

const adapter = (baseUrl: string, model: string) => new AnthropicLLM({ apiKey: 'sk-ant-test', baseUrl, model });

/** A model that gives these chunks and then fails, or that can't even begin. */
class Scripted extends llm.LLM {
  readonly script: Omit<llm.ChoiceDelta, 'role'>[] | string;
  readonly failure: Error | undefined;

  constructor(script: Omit<llm.ChoiceDelta, 'role'>[] | string, failure?: Error) {
    super();
    this.script = script;
    this.failure = failure;
  }

  label(): string {
    return 'scripted.LLM';
  }

  chat({ chatCtx, connOptions }: Parameters<llm.LLM['chat']>[0]): llm.LLMStream {
    const { script, failure } = this;
    if (typeof script === 'string') throw new Error(script);
    return new (class extends llm.LLMStream {
      protected override async run(): Promise<void> {
        for (const delta of script) this.queue.put({ id: 'scripted', delta: { role: 'assistant', ...delta } });
        if (failure) throw failure;
      }
    })(this, { chatCtx, connOptions: connOptions ?? DEFAULT_API_CONNECT_OPTIONS });
  }
}

describe('FallbackLLM', () => {
  const keys = ['llm:one', 'llm:two', 'llm:three'];
  const models = ['claude-haiku-4-5', 'claude-sonnet-5', 'claude-opus-5'];
  const patience = { timeout: 8_000, interval: 20 };
  let sandboxes: Sandbox[];
  let health: VendorHealth;
  let falls: FallbackEvent[];
  let errors: Parameters<llm.LLMCallbacks['error']>[0][];
  let measured: Parameters<llm.LLMCallbacks['metrics_collected']>[0][];
  let model: FallbackLLM;

  const create = (more: Partial<ConstructorParameters<typeof FallbackLLM>[0]> = {}) => {
    const made = new FallbackLLM({
      members: sandboxes.map(({ url }, index) => ({
        key: keys[index] as string,
        llm: adapter(url, models[index] as string),
      })),
      health,
      onFallback: (event) => falls.push(event),
      ...more,
    });
    made.on('error', (error) => errors.push(error));
    made.on('metrics_collected', (metrics) => measured.push(metrics));
    return made;
  };

  beforeEach(async () => {
    initializeLogger({ pretty: false, level: 'silent' });
    sandboxes = await Promise.all(keys.map(() => startSandbox([anthropicStandIn])));
    for (const { settings } of sandboxes) {
      settings.delays = { ...settings.delays, llmFirstTokenMs: 20, llmTokensPerSecond: 200 };
    }
    health = new VendorHealth({ firstPauseMs: 300, refusedPauseMs: 300 });
    [falls, errors, measured] = [[], [], []];
    model = create();
  });

  afterEach(async () => {
    health.close();
    await model.aclose();
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
    for (const { log } of sandboxes) expect(log.events({ event: 'unexpected-request' })).toEqual([]);
  });

  const sandbox = (index: number) => sandboxes[index] as Sandbox;
  const seen = (index: number, event: string) => sandbox(index).log.events({ event });
  const toolCtx = [llm.tool({ name: 'get_profile', description: 'Reads the profile.', execute: async () => ({}) })];
  const say = (content: string, connOptions = { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 5_000 }) =>
    model.chat({
      chatCtx: new llm.ChatContext([
        llm.ChatMessage.create({ role: 'system', content: 'You are friendly.' }),
        llm.ChatMessage.create({ role: 'user', content }),
      ]),
      toolCtx,
      connOptions,
    });
  const story = async () => {
    const sandboxed = await startSandbox([anthropicStandIn]);
    sandboxed.settings.delays = { ...sandboxed.settings.delays, llmFirstTokenMs: 0, llmTokensPerSecond: 5_000 };
    const teller = adapter(sandboxed.url, 'claude-haiku-4-5');
    const chatCtx = new llm.ChatContext([llm.ChatMessage.create({ role: 'user', content: 'tell me a long story' })]);
    const { text } = await teller.chat({ chatCtx }).collect();
    await teller.aclose();
    await sandboxed.close();
    return text;
  };

  it.each([
    ['refuse', 'refused'],
    ['rate-limit', 'error'],
    ['overload', 'error'],
    ['hang', 'timeout'],
  ] as const)('has the next one answer where one meets %s, in the next turns at once', async (mode, reason) => {
    await model.aclose();
    model = create({ firstChunkTimeoutMs: 500 });
    sandbox(0).settings.setFailure('anthropic', { mode });
    sandbox(1).settings.setFailure('anthropic', { mode });
    health.close();
    for (const words of ['good morning', 'how are you', 'good night']) {
      expect((await say(words).collect()).text).toBe(`I heard: ${words}.`);
    }
    expect(model.model).toBe(models[2]);
    expect(falls).toMatchObject([
      { port: 'llm', from: keys[0], to: keys[1], reason },
      { port: 'llm', from: keys[1], to: keys[2], reason },
    ]);
    if (mode === 'hang') for (const { afterMs } of falls) expect(afterMs).toBeGreaterThanOrEqual(450);
    expect(keys.map((key) => health.isWell(key))).toEqual([false, false, true]);
    expect([0, 1, 2].map((index) => seen(index, 'request-received').length)).toEqual([1, 1, 3]);
    if (mode === 'hang') {
      await vi.waitFor(() => expect(seen(0, 'request-closed')).toHaveLength(1), patience);
      const gaveUpAtMs = (seen(0, 'request-received')[0]?.atMs ?? 0) + (falls[0]?.afterMs ?? 0);
      expect((seen(0, 'request-closed')[0]?.atMs ?? 0) - gaveUpAtMs).toBeLessThanOrEqual(200);
    }
    expect(errors).toEqual([]);
  });

  it('has the next one answer where one is slow, and closes the slow request', async () => {
    await model.aclose();
    model = create({ firstChunkTimeoutMs: 500 });
    sandbox(0).settings.delays.llmFirstTokenMs = 400;
    sandbox(0).settings.setFailure('anthropic', { mode: 'slow', factor: 20 });
    expect((await say('good morning').collect()).text).toBe('I heard: good morning.');
    expect(falls).toMatchObject([{ from: keys[0], to: keys[1], reason: 'timeout' }]);
    await vi.waitFor(() => expect(seen(0, 'request-closed')).toHaveLength(1), patience);
    expect(seen(0, 'request-completed')).toEqual([]);
    // The prompt was paid for, and by whom.
    await vi.waitFor(() => expect(measured).toHaveLength(2), patience);
    const used = measured.map(({ metadata, promptTokens }) => [metadata?.modelName, promptTokens > 0]);
    expect(used.toSorted()).toEqual([
      [models[0], true],
      [models[1], true],
    ]);
  });

  it('goes on where a reply was cut off, however often, with no word lost or doubled', async () => {
    const whole = await story();
    for (const index of [0, 1]) {
      sandbox(index).settings.setFailure('anthropic', { mode: 'close', afterMs: 220 });
    }
    for (const _ of [1, 2]) {
      const reply = await say('tell me a long story').collect();
      expect(reply.text).toBe(whole);
      health.succeeded('llm:one');
      health.succeeded('llm:two');
    }
    expect(falls.map(({ from, to }) => [from, to])).toEqual([
      [keys[0], keys[1]],
      [keys[1], keys[2]],
      [keys[0], keys[1]],
      [keys[1], keys[2]],
    ]);
    expect(errors).toEqual([]);
  });

  it('goes on where a reply fell silent', async () => {
    await model.aclose();
    model = create({ stallTimeoutMs: 500 });
    const whole = await story();
    const stream = say('tell me a long story');
    sandbox(0).settings.delays.llmTokensPerSecond = 20;
    let text = '';
    for await (const { delta } of stream) {
      text += delta?.content ?? '';
      if (text.length > 40) sandbox(0).settings.delays.llmTokensPerSecond = 0.01;
    }
    expect(text).toBe(whole);
    expect(falls).toMatchObject([{ from: keys[0], to: keys[1], reason: 'stall' }]);
    await vi.waitFor(() => expect(seen(0, 'request-closed')).toHaveLength(1), patience);
  });

  it('asks nobody else once a tool call was handed on, and goes on from a member that breaks down or says nothing', async () => {
    const call = llm.FunctionCall.create({ callId: 'call_1', name: 'get_profile', args: '{}' });
    const lost = new APIConnectionError({ message: 'lost' });
    const other = () => ({ key: 'llm:other', llm: adapter(sandbox(1).url, 'claude-haiku-4-5') });
    const using = async (member: llm.LLM) => {
      await model.aclose();
      model = create({ members: [{ key: 'llm:scripted', llm: member }, other()] });
      return say('good morning').collect();
    };
    const called = await using(new Scripted([{ toolCalls: [call] }], lost));
    expect(called.toolCalls).toHaveLength(1);
    expect(seen(1, 'request-received')).toEqual([]);
    expect(errors).toMatchObject([{ error: { message: 'lost', retryable: false } }]);
    expect(falls).toMatchObject([{ from: 'llm:scripted', to: null }]);

    for (const member of [new Scripted([]), new Scripted('not today')]) {
      expect((await using(member)).text).toBe('I heard: good morning.');
    }
    expect((await using(new Scripted([{ content: 'I heard: good mor' }], lost))).text).toBe('I heard: good morning.');
    expect(seen(1, 'request-received')).toHaveLength(3);
    expect(errors).toHaveLength(1);
  });

  it('tells two replies apart that one member gives at once, one of them failing', async () => {
    const whole = await story();
    const telling = say('tell me a long story').collect();
    await vi.waitFor(() => expect(seen(0, 'first-token-sent')).toHaveLength(1), patience);
    sandbox(0).settings.setFailure('anthropic', { mode: 'overload', times: 1 });
    expect((await say('good morning').collect()).text).toBe('I heard: good morning.');
    expect((await telling).text).toBe(whole);
    expect(falls).toHaveLength(1);
    expect([0, 1].map((index) => seen(index, 'request-received').length)).toEqual([2, 1]);
  });

  it('returns to a member that is well again, which costs nothing to find out', async () => {
    sandbox(0).settings.setFailure('anthropic', { mode: 'overload' });
    expect((await say('good morning').collect()).text).toBe('I heard: good morning.');
    sandbox(0).settings.setFailure('anthropic', null);
    await vi.waitFor(() => expect(health.isWell('llm:one')).toBe(true), patience);
    expect(seen(0, 'request-received')).toHaveLength(1);
    expect(seen(0, 'models-listed')).toHaveLength(1);
    expect((await say('good night').collect()).text).toBe('I heard: good night.');
    expect(seen(0, 'request-received')).toHaveLength(2);
    expect(model.model).toBe(models[0]);
    expect([1, 2].map((index) => seen(index, 'request-received').length)).toEqual([1, 0]);
  });

  it('asks those that are not well when all others fail, and else fails once, within a round', async () => {
    for (const { settings } of sandboxes) settings.setFailure('anthropic', { mode: 'overload' });
    health.failed('llm:two', 'error');
    const once = await say('good morning').collect();
    expect(once.text).toBe('');
    expect(falls.map(({ from, to }) => [from, to])).toEqual([
      [keys[0], keys[2]],
      [keys[2], keys[1]],
      [keys[1], null],
    ]);
    expect(errors).toMatchObject([{ recoverable: false, error: { statusCode: 529, retryable: true } }]);
    expect(errors[0]?.error).toBeInstanceOf(APIStatusError);
    sandbox(1).settings.setFailure('anthropic', null);
    expect((await say('good night').collect()).text).toBe('I heard: good night.');
  });

  it('lets the last one be as slow as its adapter allows', async () => {
    await model.aclose();
    model = create({ firstChunkTimeoutMs: 100 });
    sandbox(0).settings.setFailure('anthropic', { mode: 'hang' });
    sandbox(1).settings.setFailure('anthropic', { mode: 'refuse' });
    sandbox(2).settings.delays.llmFirstTokenMs = 600;
    expect((await say('good morning').collect()).text).toBe('I heard: good morning.');
    for (const { settings } of sandboxes) settings.setFailure('anthropic', { mode: 'hang' });
    await say('good night', { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 300 }).collect();
    expect(errors.at(-1)?.error).toBeInstanceOf(APITimeoutError);
  });

  it('leaves all requests when the reply is interrupted', async () => {
    sandbox(0).settings.setFailure('anthropic', { mode: 'close', afterMs: 150 });
    sandbox(1).settings.delays.llmTokensPerSecond = 5;
    const stream = say('tell me a long story');
    for await (const _ of stream) if (seen(1, 'first-token-sent').length) break;
    stream.close();
    await vi.waitFor(() => expect(seen(1, 'request-closed')).toHaveLength(1), patience);
    expect(seen(2, 'request-received')).toEqual([]);
    expect(health.isWell('llm:two')).toBe(true);
    expect(errors).toEqual([]);
  });

  it('refuses to be made of nothing, or of two members of one name', () => {
    expect(() => new FallbackLLM({ members: [], health })).toThrow('at least one member');
    const twin = () => ({ key: 'llm:one', llm: adapter(sandbox(0).url, 'claude-haiku-4-5') });
    expect(() => new FallbackLLM({ members: [twin(), twin()], health })).toThrow('llm:one');
  });
});
