import { OpenAI } from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { litellmStandIn, openaiChatStandIn } from '../../sandbox/openai-chat.ts';
import { parseCompatibleChat, parseOpenAIChat } from '../../sandbox/openai-chat-request.ts';
import { AutomaticCache } from '../../sandbox/openai-replies-prompt.ts';
import { openaiResponsesStandIn } from '../../sandbox/openai-responses.ts';
import { parseResponses } from '../../sandbox/openai-responses-request.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';

const user = { role: 'user', content: 'good morning' };
const parameters = { type: 'object' };
const use = (id: string) => ({
  role: 'assistant',
  tool_calls: [{ type: 'function', id, function: { name: 'look_up', arguments: '{}' } }],
});
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'found' });
const lookUp = { type: 'function', function: { name: 'look_up', description: 'Looks up.', parameters } };
const chatBody = (more: object = {}) => ({ model: 'gpt-4.1-mini', stream: true, messages: [user], ...more });
const turns = (...messages: object[]) => chatBody({ tools: [lookUp], messages });

const flatLookUp = { type: 'function', ...lookUp.function, strict: false };
const call = (call_id: string) => ({ type: 'function_call', call_id, name: 'look_up', arguments: '{}' });
const output = (call_id: string) => ({ type: 'function_call_output', call_id, output: 'found' });
const responsesBody = (more: object = {}) => ({
  model: 'gpt-4.1-mini',
  stream: true,
  store: false,
  input: [user],
  ...more,
});

describe('what the stand-ins refuse', () => {
  it('is nothing that the APIs take', () => {
    parseOpenAIChat(turns({ role: 'system', content: 'be kind' }, user, use('a'), result('a'), user, user));
    parseOpenAIChat(chatBody({ model: 'gpt-5.1', reasoning_effort: 'none', max_completion_tokens: 1 }));
    parseCompatibleChat(turns({ role: 'system', content: 'be kind' }, user, use('a'), result('a'), user));
    parseResponses(
      responsesBody({ tools: [flatLookUp], input: [user, call('a'), output('a')], tool_choice: 'required' }),
    );
  });

  it.each([
    ['an unknown parameter', chatBody({ speed: 2 }), { param: 'speed', code: 'unknown_parameter' }],
    ['an unknown role', chatBody({ messages: [{ role: 'robot', content: 'x' }] }), { param: 'messages[0].role' }],
    ['a reply in one piece', chatBody({ stream: false }), { param: 'stream' }],
    ['no messages', chatBody({ messages: [] }), { param: 'messages' }],
    ['an unknown model', chatBody({ model: 'gpt-none' }), { status: 404, code: 'model_not_found' }],
    ['reasoning of a model without', chatBody({ reasoning_effort: 'none' }), { code: 'unsupported_parameter' }],
    [
      'an effort it has not',
      chatBody({ model: 'gpt-5-mini', reasoning_effort: 'none' }),
      { code: 'unsupported_value' },
    ],
    ['max_tokens of a reasoning model', chatBody({ model: 'gpt-5.1', max_tokens: 9 }), { param: 'max_tokens' }],
    ['a choice without tools', chatBody({ tool_choice: 'auto' }), { param: 'tool_choice' }],
    ['two tools of a name', chatBody({ tools: [lookUp, lookUp] }), { param: 'tools' }],
    ['a call without a result', turns(user, use('a'), user), { param: 'messages[2]' }],
    ['a call at the end', turns(user, use('a')), { param: 'messages' }],
    ['a result without a call', turns(user, result('a')), { param: 'messages[1].role' }],
    ['two results of a call', turns(user, use('a'), result('a'), result('a')), { param: 'messages[3].role' }],
    ['a long id of a call', turns(user, use('a'.repeat(41))), { param: 'messages[1].tool_calls[0].id' }],
  ])('is %s (chat)', (_, body, expected) => {
    expect(() => parseOpenAIChat(body)).toThrow(expect.objectContaining(expected));
  });

  it.each([
    ['OpenAI’s own parameters', chatBody({ store: false }), { param: 'store' }],
    [
      'a second system message',
      turns({ ...user, role: 'system' }, { ...user, role: 'system' }),
      { param: 'messages[1].role' },
    ],
    ['a later system message', turns(user, { ...user, role: 'system' }), { param: 'messages[1].role' }],
    ['two turns of a role', turns(user, user), { param: 'messages[1].role' }],
    ['an assistant first', turns({ ...user, role: 'assistant' }), { param: 'messages[0].role' }],
  ])('is %s (a strict model behind a proxy)', (_, body, expected) => {
    expect(() => parseCompatibleChat(body)).toThrow(expect.objectContaining(expected));
  });

  it.each([
    ['an unknown parameter', responsesBody({ messages: [] }), { param: 'messages', code: 'unknown_parameter' }],
    ['a stored response', responsesBody({ store: undefined }), { param: 'store' }],
    ['fewer tokens than 16', responsesBody({ max_output_tokens: 15 }), { param: 'max_output_tokens' }],
    ['a tool that is strict unasked', responsesBody({ tools: [lookUp.function] }), { param: 'tools[0].type' }],
    ['a call without an output', responsesBody({ input: [call('a')] }), { param: 'input' }],
    ['an output without a call', responsesBody({ input: [output('a')] }), { param: 'input' }],
    [
      'a choice of another tool',
      responsesBody({ tool_choice: { type: 'function', name: 'x' } }),
      { param: 'tool_choice' },
    ],
  ])('is %s (responses)', (_, body, expected) => {
    expect(() => parseResponses(body)).toThrow(expect.objectContaining(expected));
  });
});

describe('AutomaticCache', () => {
  it('reads as far as a prompt begins like an earlier one for the same model', () => {
    const cache = new AutomaticCache();
    const first = cache.count('one', ['tool', 'system', 'hello']);
    expect(first).toEqual({ prompt: 5, cached: 0 });
    expect(cache.count('one', ['tool', 'system', 'hello', 'hi', 'more'])).toEqual({ prompt: 7, cached: first.prompt });
    expect(cache.count('one', ['tool', 'system', 'bye'])).toEqual({ prompt: 4, cached: 3 });
    expect(cache.count('two', ['tool', 'system', 'hello']).cached).toBe(0);
    expect(cache.count('one', ['another', 'system', 'hello']).cached).toBe(0);
  });
});

describe('the stand-ins, asked with the vendor’s SDK', () => {
  let sandbox: Sandbox;
  let client: OpenAI;

  beforeEach(async () => {
    sandbox = await startSandbox([openaiChatStandIn, openaiResponsesStandIn, litellmStandIn]);
    sandbox.settings.delays = { ...sandbox.settings.delays, llmFirstTokenMs: 1, llmTokensPerSecond: 1_000 };
    const baseURL = `${sandbox.url}/openai/v1`;
    client = new OpenAI({ apiKey: 'sk-test', baseURL, maxRetries: 0, logLevel: 'off' });
  });

  afterEach(() => sandbox.close());

  const model = 'gpt-4.1-mini';
  const question = [{ role: 'user' as const, content: 'use the tool get_profile' }];
  const chatTools = [{ type: 'function' as const, function: { name: 'get_profile', parameters } }];
  const responseTools = [{ type: 'function' as const, name: 'get_profile', parameters, strict: false }];

  it('stream what the SDK puts together to one completion', async () => {
    const stream = client.chat.completions.stream({ model, messages: question, tools: chatTools });
    const completion = await stream.finalChatCompletion();
    expect(completion.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        tool_calls: [{ type: 'function', function: { name: 'get_profile', arguments: '{}' } }],
      },
    });
    const hello = client.chat.completions.stream({ model, messages: [{ role: 'user', content: 'hello' }] });
    expect((await hello.finalMessage()).content).toBe('I heard: hello.');
  });

  it('stream what the SDK puts together to one response', async () => {
    const options = { model, input: question, tools: responseTools, store: false };
    const response = await client.responses.stream({ ...options, stream: true }).finalResponse();
    expect(response).toMatchObject({
      status: 'completed',
      output: [{ type: 'function_call', name: 'get_profile', arguments: '{}', status: 'completed' }],
    });
    const words = [{ role: 'user' as const, content: 'tell me a long story' }];
    const cut = { model, input: words, store: false, max_output_tokens: 16, stream: true as const };
    const names: string[] = [];
    for await (const event of await client.responses.create(cut)) {
      expect('sequence_number' in event && event.sequence_number).toBe(names.length);
      names.push(event.type);
    }
    expect(names).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...Array(16).fill('response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ]);
  });

  it('list models, and log what they were asked without the words', async () => {
    const page = await client.models.list();
    expect(page.data.map(({ id }) => id)).toContain(model);
    await client.chat.completions.stream({ model, messages: question, tools: chatTools }).done();
    const events = sandbox.log.events({ vendor: 'openai' });
    expect(events.map(({ event }) => event)).toEqual([
      'models-listed',
      'request-received',
      'first-token-sent',
      'request-completed',
    ]);
    expect(events[1]).toMatchObject({ model, messages: 1, tools: ['get_profile'], cacheReadTokens: 0 });
    expect(JSON.stringify(events)).not.toContain('use the tool');
  });

  it.each([
    ['without a key', '/openai/v1/models', '', 401, 'invalid_request_error', null],
    ['on another path', '/openai/v1/chat/completions/x', 'Bearer k', 404, 'invalid_request_error', null],
    ['of a proxy without a key', '/litellm/v1/models', '', 401, 'auth_error', '401'],
  ])('refuse a request %s', async (_, path, authorization, status, type, code) => {
    const response = await fetch(`${sandbox.url}${path}`, { headers: { authorization } });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type, code } });
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
  });

  it.each([
    ['refuse', 401],
    ['rate-limit', 429],
    ['overload', 503],
  ] as const)('can %s, as often as told', async (mode, status) => {
    sandbox.settings.setFailure('openai', { mode, times: 1 });
    // A failure that is counted waits for a reply.
    await client.models.list();
    const ask = () => client.responses.create({ model, input: question, store: false, stream: true });
    const error: unknown = await ask().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ status });
    await expect(ask()).resolves.toBeDefined();
  });
});
