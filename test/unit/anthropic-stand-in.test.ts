import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anthropicStandIn } from '../../sandbox/anthropic.ts';
import { PromptCache } from '../../sandbox/anthropic-cache.ts';
import { parseRequest } from '../../sandbox/anthropic-request.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';

const text = (words: string, more: object = {}) => ({ type: 'text', text: words, ...more });
const use = (id: string) => ({ type: 'tool_use', id, name: 'look_up', input: {} });
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'found' });
const user = (...content: object[]) => ({ role: 'user', content });
const assistant = (...content: object[]) => ({ role: 'assistant', content });
const lookUp = { name: 'look_up', description: 'Looks up.', input_schema: { type: 'object' } };
const marked = { cache_control: { type: 'ephemeral' } };
const body = (more: object = {}) => ({
  model: 'claude-haiku-4-5',
  max_tokens: 100,
  messages: [user(text('good morning'))],
  ...more,
});
const turns = (...messages: object[]) => body({ messages, tools: [lookUp] });

describe('parseRequest', () => {
  it('takes what the API takes', () => {
    parseRequest(body({ system: 'be kind', stream: true, thinking: { type: 'disabled' } }));
    parseRequest(body({ tools: [lookUp], tool_choice: { type: 'tool', name: 'look_up' } }));
    parseRequest(
      turns({ role: 'user', content: 'look' }, assistant(text('I will'), use('a')), user(result('a'), text('well?'))),
    );
  });

  it.each([
    ['a sampling parameter', body({ temperature: 0 }), /^temperature: /],
    ['no max_tokens', { ...body(), max_tokens: undefined }, /^max_tokens: /],
    ['no model', { ...body(), model: undefined }, /^model: /],
    ['no messages', body({ messages: [] }), /^messages: /],
    ['an unknown role', body({ messages: [{ role: 'tool', content: 'x' }] }), /^messages\.0\.role: /],
    ['an unknown block', body({ messages: [user({ type: 'audio' })] }), /^messages\.0\.content\.0\.type: /],
    ['blank text', body({ messages: [user(text(' '))] }), /^messages\.0\.content\.0\.text: /],
    ['a turn without content', body({ messages: [user()] }), /^messages\.0: content/],
    ['an assistant first', turns(assistant(text('hi')), user(text('hi'))), /first message/],
    ['an assistant last', turns(user(text('hi')), assistant(text('hi'))), /end with a user/],
    ['a result without a call', turns(user(result('a'))), /^messages\.0: a tool_result has no tool_use/],
    [
      'a call without a result',
      turns(user(text('x')), assistant(use('a')), user(text('x'))),
      /^messages\.2: .*no tool_result/,
    ],
    [
      'two results of a call',
      turns(user(text('x')), assistant(use('a')), user(result('a'), result('a'))),
      /more than one/,
    ],
    [
      'a result behind text',
      turns(user(text('x')), assistant(use('a')), user(text('x'), result('a'))),
      /before other content/,
    ],
    ['a call of the user', turns(user(use('a')), user(result('a'))), /belong to the assistant/],
    [
      'the same call twice',
      turns(user(text('x')), assistant(use('a')), user(result('a')), assistant(use('a')), user(result('a'))),
      /ids must be unique/,
    ],
    [
      'calls without tools',
      body({ messages: turns(user(text('x')), assistant(use('a')), user(result('a'))).messages }),
      /^tools: /,
    ],
    ['two tools of a name', body({ tools: [lookUp, lookUp] }), /^tools: .*unique/],
    ['a tool name with a space', body({ tools: [{ ...lookUp, name: 'look up' }] }), /^tools\.0\.name: /],
    [
      'a tool of another type',
      body({ tools: [{ ...lookUp, input_schema: { type: 'string' } }] }),
      /^tools\.0\.input_schema\.type: /,
    ],
    [
      'a union at the top of a schema',
      body({ tools: [{ ...lookUp, input_schema: { type: 'object', anyOf: [] } }] }),
      /anyOf: /,
    ],
    ['a choice without tools', body({ tool_choice: { type: 'auto' } }), /^tool_choice: /],
    [
      'a choice of another tool',
      body({ tools: [lookUp], tool_choice: { type: 'tool', name: 'x' } }),
      /^tool_choice\.name: /,
    ],
    ['thinking', body({ thinking: { type: 'adaptive' } }), /^thinking\.type: /],
    ['five markers', body({ messages: [user(...Array.from({ length: 5 }, () => text('x', marked)))] }), /at most 4/],
    ['no object', [], /^body: /],
  ])('refuses %s', (_, request, message) => {
    expect(() => parseRequest(request)).toThrow(message);
  });
});

describe('PromptCache', () => {
  const count = (cache: PromptCache, ...messages: object[]) =>
    cache.count(parseRequest(body({ tools: [{ ...lookUp, ...marked }], system: [text('be kind', marked)], messages })));
  const first = user(text('good morning'));
  const hi = assistant(text('hi'));

  it('reads what an earlier prompt wrote', () => {
    const cache = new PromptCache();
    const one = count(cache, user(text('good morning', marked)));
    expect(one.cacheRead).toBe(0);
    expect(one.input).toBe(0);
    const two = count(cache, first, hi, user(text('good night', marked), text('more')));
    expect(two.cacheRead).toBe(one.cacheCreation);
    expect(two.cacheCreation).toBeGreaterThan(0);
    expect(two.input).toBeGreaterThan(0);
  });

  it('reads tools and system only when an earlier message changed', () => {
    const cache = new PromptCache();
    const one = count(cache, user(text('good morning', marked)));
    const two = count(cache, user(text('good evening')), hi, user(text('good night', marked)));
    expect(two.cacheRead).toBeGreaterThan(0);
    expect(two.cacheRead).toBeLessThan(one.cacheCreation);
  });

  it('reads nothing without a marker, under another model or after a changed tool', () => {
    const cache = new PromptCache();
    const request = body({ tools: [lookUp], messages: [user(text('good morning', marked))] });
    cache.count(parseRequest(request));
    const other = { ...lookUp, description: 'Looks elsewhere.' };
    expect(cache.count(parseRequest({ ...request, messages: [first] })).cacheRead).toBe(0);
    expect(cache.count(parseRequest({ ...request, model: 'claude-sonnet-5' })).cacheRead).toBe(0);
    expect(cache.count(parseRequest({ ...request, tools: [other] })).cacheRead).toBe(0);
    expect(cache.count(parseRequest(request)).cacheRead).toBeGreaterThan(0);
  });
});

describe('the stand-in, asked with the vendor’s SDK', () => {
  let sandbox: Sandbox;
  let client: Anthropic;

  beforeEach(async () => {
    sandbox = await startSandbox([anthropicStandIn]);
    sandbox.settings.delays = { ...sandbox.settings.delays, llmFirstTokenMs: 1, llmTokensPerSecond: 1_000 };
    client = new Anthropic({ apiKey: 'sk-ant-test', baseURL: sandbox.url, maxRetries: 0, logLevel: 'off' });
  });

  afterEach(() => sandbox.close());

  const question = {
    model: 'claude-haiku-4-5',
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'hello' }],
  };
  const tools = [{ name: 'get_profile', input_schema: { type: 'object' as const } }];
  const post = (headers: Record<string, string>, path = '/v1/messages', method = 'POST') =>
    fetch(`${sandbox.url}${path}`, { method, headers, ...(method === 'POST' && { body: JSON.stringify(question) }) });

  it('sends the events in the vendor’s order', async () => {
    const names: string[] = [];
    for await (const event of await client.messages.create({ ...question, stream: true })) names.push(event.type);
    expect(names).toEqual([
      'message_start',
      'content_block_start',
      ...Array(3).fill('content_block_delta'),
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    const response = await post({ 'x-api-key': 'k', 'anthropic-version': '2026-10-21' });
    expect(response.headers.get('request-id')).toMatch(/^req_/);
  });

  it('streams and returns the same message', async () => {
    const messages = [{ role: 'user' as const, content: 'use the tool get_profile' }];
    const whole = await client.messages.create({ ...question, messages, tools });
    const streamed = await client.messages.stream({ ...question, messages, tools }).finalMessage();
    expect(whole.stop_reason).toBe('tool_use');
    expect(whole.content).toMatchObject([{ type: 'tool_use', name: 'get_profile', input: {} }]);
    const { id, content, ...rest } = streamed;
    expect(id).not.toBe(whole.id);
    expect(content).toMatchObject([{ type: 'tool_use', name: 'get_profile', input: {} }]);
    expect(rest).toMatchObject({ stop_reason: 'tool_use', usage: whole.usage, model: whole.model });
  });

  it('stops at max_tokens', async () => {
    const message = await client.messages.stream({ ...question, max_tokens: 2 }).finalMessage();
    expect(message).toMatchObject({
      stop_reason: 'max_tokens',
      content: [{ text: 'I heard:' }],
      usage: { output_tokens: 2 },
    });
  });

  it('lists a model', async () => {
    const page = await client.models.list({ limit: 1 });
    expect(page.data.map((model) => model.type)).toEqual(['model']);
  });

  it('logs what it was asked, without the words', async () => {
    await client.messages.create({ ...question, tools, system: 'be kind' });
    expect(sandbox.log.events().map(({ event }) => event)).toEqual([
      'request-received',
      'first-token-sent',
      'request-completed',
    ]);
    expect(sandbox.log.events()[0]).toMatchObject({ messages: 1, tools: ['get_profile'], cacheReadTokens: 0 });
    expect(sandbox.log.events()[2]).toMatchObject({ stopReason: 'end_turn', outputTokens: 3 });
    expect(JSON.stringify(sandbox.log.events())).not.toMatch(/hello|kind/);
  });

  it.each([
    ['without a key', { 'anthropic-version': '2026-10-21' }, '/v1/messages', 401, 'authentication_error', 0],
    ['without a version', { 'x-api-key': 'k' }, '/v1/messages', 400, 'invalid_request_error', 1],
    [
      'on another path',
      { 'x-api-key': 'k', 'anthropic-version': '2026-10-21' },
      '/v1/messages/batches',
      404,
      'not_found_error',
      1,
    ],
  ])('refuses a request %s', async (_, headers, path, status, type, unexpected) => {
    const response = await post(headers as Record<string, string>, path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type },
      request_id: response.headers.get('request-id'),
    });
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(unexpected);
  });

  it('refuses another method', async () => {
    const response = await post({ 'x-api-key': 'k', 'anthropic-version': '2026-10-21' }, '/v1/messages', 'GET');
    expect(response.status).toBe(404);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
  });

  it.each([
    ['refuse', 401],
    ['rate-limit', 429],
    ['overload', 529],
  ] as const)('can %s, as often as told', async (mode, status) => {
    sandbox.settings.setFailure('anthropic', { mode, times: 1 });
    const error: unknown = await client.messages.create(question).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ status });
    expect((error as { headers: Headers }).headers.has('retry-after')).toBe(mode === 'rate-limit');
    expect(await client.messages.create(question)).toMatchObject({ stop_reason: 'end_turn' });
  });

  it('can be slow', async () => {
    sandbox.settings.delays.llmFirstTokenMs = 30;
    sandbox.settings.setFailure('anthropic', { mode: 'slow', factor: 10 });
    const startedAtMs = performance.now();
    await client.messages.create(question);
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(295);
  });
});
