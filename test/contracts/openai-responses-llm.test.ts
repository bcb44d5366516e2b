import { APIConnectionError, APIStatusError, initializeLogger } from '@livekit/agents';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OpenAIResponsesLLM, type OpenAIResponsesLLMOptions } from '../../providers/llm/openai-responses.ts';
import { openaiResponsesStandIn } from '../../sandbox/openai-responses.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeLlmContract } from './llm-suite.ts';
import { type Answer, answerWith, askOnce, failOnce, type OneAnswer, secret } from './openai-llm-caller.ts';

const apiKey = 'sk-test';
const model = 'gpt-4.1-mini';

describeLlmContract('OpenAIResponsesLLM', {
  vendor: 'openai',
  standIn: openaiResponsesStandIn,
  tellsCacheWrites: false,
  create: ({ url, idleTimeoutMs }) =>
    new OpenAIResponsesLLM({ apiKey, baseUrl: `${url}/openai/v1`, model, idleTimeoutMs }),
});

describe('OpenAIResponsesLLM', () => {
  let server: OneAnswer | undefined;
  let sandbox: Sandbox | undefined;

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  afterEach(async () => {
    await server?.close();
    await sandbox?.close();
    server = sandbox = undefined;
  });

  const facing = async (answer: Answer): Promise<OpenAIResponsesLLM> => {
    await server?.close();
    server = await answerWith(answer);
    return new OpenAIResponsesLLM({ apiKey, baseUrl: server.url, model });
  };
  const inSandbox = async (options: Partial<OpenAIResponsesLLMOptions> = {}): Promise<OpenAIResponsesLLM> => {
    sandbox = await startSandbox([openaiResponsesStandIn]);
    return new OpenAIResponsesLLM({ apiKey, baseUrl: `${sandbox.url}/openai/v1`, model, ...options });
  };

  const created = { type: 'response.created', response: { id: 'resp_1' } };
  const text = { type: 'response.output_text.delta', delta: 'Good' };
  const item = { type: 'function_call', call_id: 'call_1', name: 'get_profile' };
  const added = { type: 'response.output_item.added', item: { ...item, arguments: '' } };
  const done = (status: string) => ({
    type: 'response.output_item.done',
    item: { ...item, arguments: '{"answer": "Ro', status },
  });
  const failed = (code: string) => ({
    type: 'response.failed',
    response: { id: 'resp_1', error: { code, message: `about ${secret}` } },
  });
  const incomplete = (reason: string) => ({
    type: 'response.incomplete',
    response: { id: 'resp_1', incomplete_details: { reason }, usage: null },
  });

  it.each([
    ['rate_limit_exceeded', 429, true],
    ['server_error', 500, true],
    ['something_new', 500, true],
    ['invalid_prompt', 400, false],
  ])('takes %s inside a stream for status %i, however it is told', async (code, statusCode, retryable) => {
    const told = [
      failed(code),
      { type: 'error', code, message: `about ${secret}`, param: null },
      { type: 'error', error: { type: code, code: null, message: `about ${secret}` } },
    ];
    for (const event of told) {
      const before = await failOnce(await facing({ events: [created, event] }));
      expect(before.error).toBeInstanceOf(APIStatusError);
      expect(before.error).toMatchObject({ statusCode, retryable, requestId: 'req_1' });
      expect(before.error.message).toContain(code);
    }
    const after = await failOnce(await facing({ events: [created, text, failed(code)] }));
    expect(after.error).toMatchObject({ statusCode, retryable: false });
    expect(after.reply.text).toBe('Good');
  });

  it.each([
    ['declines', [{ type: 'response.refusal.delta', delta: `not about ${secret}` }], /declined/],
    ['is stopped by a content filter', [text, incomplete('content_filter')], /content filter/],
    [
      'is cut off inside a tool call',
      [text, added, done('incomplete'), incomplete('max_output_tokens')],
      /inside a tool call/,
    ],
    [
      'is cut off behind a tool call',
      [text, added, done('completed'), incomplete('max_output_tokens')],
      /inside a tool call/,
    ],
    ['thinks until it may write no more', [incomplete('max_output_tokens')], /lower reasoningEffort/],
  ])('gives up a reply that %s, and calls nothing', async (_, events, message) => {
    const { error, reply } = await failOnce(await facing({ events: [created, ...events] }));
    expect(error.message).toMatch(message);
    expect(error.retryable).toBe(false);
    expect(reply.toolCalls).toEqual([]);
  });

  it('keeps the text of a reply that was cut off at its longest', async () => {
    const { reply, error } = await askOnce(await inSandbox({ maxTokens: 16 }), 'tell me a long story');
    expect(error).toBeUndefined();
    expect(reply.text.split(' ')).toHaveLength(16);
    expect(reply.usage?.completionTokens).toBe(16);
  });

  it('is retryable when an answer ends before its time', async () => {
    const { error } = await failOnce(await facing({ events: [created] }));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.retryable).toBe(true);
  });

  it.each([
    ['gpt-5.1', 'none'],
    ['gpt-5-mini', 'minimal'],
  ] as const)('asks %s to reason as little as it can', async (name, reasoningEffort) => {
    const { reply, error } = await askOnce(await inSandbox({ model: name, reasoningEffort }));
    expect(error).toBeUndefined();
    expect(reply.text).toBe('I heard: good morning.');
  });

  it('names the refused parameter and the request, not what was said', async () => {
    const { error } = await failOnce(await inSandbox({ reasoningEffort: 'minimal' }));
    expect(error).toMatchObject({ statusCode: 400, retryable: false });
    expect(error.message).toMatch(/^OpenAI refused .* 400 unsupported_parameter at reasoning.effort \(req_\w+\)$/);
    expect(sandbox?.log.events({ event: 'unexpected-request' })).toHaveLength(1);
  });

  it('tells whether the vendor is well without asking for a reply', async () => {
    const subject = await inSandbox();
    await subject.probe(AbortSignal.timeout(5_000));
    sandbox?.settings.setFailure('openai', { mode: 'refuse' });
    await expect(subject.probe(AbortSignal.timeout(5_000))).rejects.toMatchObject({ status: 401 });
    expect(sandbox?.log.events({ event: 'request-received' })).toEqual([]);
  });
});
