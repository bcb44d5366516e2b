import { APIStatusError, initializeLogger } from '@livekit/agents';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OpenAIChatLLM } from '../../providers/llm/openai-chat.ts';
import { litellmStandIn } from '../../sandbox/openai-chat.ts';
import { startSandbox } from '../../sandbox/server.ts';
import { describeLlmContract } from './llm-suite.ts';
import { type Answer, answerWith, askOnce, failOnce, type OneAnswer, secret } from './openai-llm-caller.ts';

const apiKey = 'sk-proxy';
const model = 'local/strict';
const provider = 'litellm';

describeLlmContract('OpenAIChatLLM before a LiteLLM proxy', {
  vendor: 'litellm',
  standIn: litellmStandIn,
  tellsCacheWrites: false,
  create: ({ url, idleTimeoutMs }) =>
    new OpenAIChatLLM({ apiKey, baseUrl: `${url}/litellm/v1`, model, provider, idleTimeoutMs }),
});

describe('OpenAIChatLLM before a server that is nearly compatible', () => {
  let server: OneAnswer | undefined;

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  const facing = async (answer: Answer): Promise<OpenAIChatLLM> => {
    await server?.close();
    server = await answerWith(answer);
    return new OpenAIChatLLM({ apiKey, baseUrl: server.url, model, provider });
  };

  const chunk = (delta: object | null, finish_reason: string | null = null) => ({
    choices: [{ index: 0, delta, finish_reason }],
  });
  const named = (name: string, more: object = {}) => ({ function: { name, arguments: '' }, ...more });
  const rest = (json: string, more: object = {}) => ({ function: { arguments: json }, ...more });
  const both = [
    ['get_profile', '{"a":1}'],
    ['start_onboarding', '{"b":2}'],
  ];

  it.each([
    ['without ids', [named('get_profile', { index: 0 }), rest('{"a":', { index: 0 }), rest('1}', { index: 0 })], 1],
    [
      'without indices',
      [
        named('get_profile', { id: 'x' }),
        rest('{"a":1}'),
        named('start_onboarding', { id: 'y' }),
        rest('{"b":', { id: 'y' }),
        rest('2}', { id: 'y' }),
      ],
      2,
    ],
    ['numbered at first only', [named('get_profile', { index: 0, id: 'x' }), rest('{"a":'), rest('1}')], 1],
    ['without ids and indices', [named('get_profile'), rest('{"a":1}'), named('start_onboarding'), rest('{"b":2}')], 2],
    [
      'whole, all of them numbered 0',
      [
        { index: 0, id: 'x', function: { name: 'get_profile', arguments: '{"a":1}' } },
        { index: 0, id: 'y', function: { name: 'start_onboarding', arguments: '{"b":2}' } },
      ],
      2,
    ],
    [
      'in turns, with id and name in each piece',
      [
        { index: 0, id: 'x', function: { name: 'get_profile', arguments: '{"a":' } },
        { index: 1, id: 'y', function: { name: 'start_onboarding', arguments: '{"b":' } },
        { index: 0, id: 'x', function: { name: 'get_profile', arguments: '1}' } },
        { index: 1, id: 'y', function: { name: 'start_onboarding', arguments: '2}' } },
      ],
      2,
    ],
  ])('puts tool calls together that come %s', async (_, deltas, count) => {
    const pieces = deltas.map((delta) => chunk({ content: null, tool_calls: [delta] }));
    for (const events of [
      [...pieces, chunk({}, 'stop')],
      [chunk({ tool_calls: deltas }), chunk(null, 'tool_calls')],
    ]) {
      const { reply, error } = await askOnce(await facing({ events }));
      expect(error).toBeUndefined();
      expect(reply.toolCalls.map(({ name, args }) => [name, args])).toEqual(both.slice(0, count));
      expect(new Set(reply.toolCalls.map(({ callId }) => callId || 'none')).size).toBe(count);
      expect(reply.toolCalls.map(({ callId }) => callId)).not.toContain('');
    }
  });

  it.each([
    ['in good order', {}],
    ['by cutting the connection', { end: 'cut' }],
    ['never', { end: 'open' }],
  ] as const)('takes a reply without token counts and [DONE] that ends %s', async (_, more) => {
    const events = [
      chunk({ role: 'assistant', content: null }),
      chunk({ content: 'Good' }),
      chunk({ content: ' day' }, 'stop'),
    ];
    const { reply, error } = await askOnce(await facing({ events, ...more }));
    expect(error).toBeUndefined();
    expect(reply.text).toBe('Good day');
    expect(reply.usage).toBeUndefined();
  });

  it('takes token counts beside the last choice, and without details', async () => {
    const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, prompt_tokens_details: null };
    const events = [chunk({ content: 'Good' }), { ...chunk({ content: '' }, 'stop'), usage }];
    const { reply } = await askOnce(await facing({ events }));
    expect(reply.usage).toEqual({ promptTokens: 7, promptCachedTokens: 0, completionTokens: 2, totalTokens: 9 });
  });

  it('leaves out what a model thinks', async () => {
    const events = [chunk({ reasoning_content: secret }), chunk({ content: 'Good' }), chunk({}, 'stop')];
    expect((await askOnce(await facing({ events }))).reply.text).toBe('Good');
  });

  it.each([
    ['a number', 429],
    ['words', '503'],
  ])('reads a status that comes as %s in an error inside a stream', async (_, code) => {
    const error = { message: `about ${secret}`, type: 'None', param: 'None', code };
    const failed = await failOnce(await facing({ events: [{ error }] }));
    expect(failed.error).toBeInstanceOf(APIStatusError);
    expect(failed.error).toMatchObject({ statusCode: Number(code), retryable: true });
    expect(failed.error.message).toBe(`litellm refused the request: ${code} unknown error (req_1)`);
  });

  it('repeats nothing of an error that is no error of ours', async () => {
    const error = { message: secret, type: `about ${secret}`, param: `the ${secret}`, code: `said ${secret}` };
    const failed = await failOnce(await facing({ status: 418, body: { error } }));
    expect(failed.error.message).toBe('litellm refused the request: 418 unknown error (req_1)');
  });

  it('is told who it is in metrics, and sends the key of the proxy', async () => {
    const subject = await facing({ events: [chunk({ content: 'Good' }, 'stop')] });
    const metered = new Promise<unknown>((resolve) => subject.on('metrics_collected', resolve));
    await askOnce(subject);
    expect(await metered).toMatchObject({ metadata: { modelProvider: 'litellm', modelName: model } });
    expect(server?.headers[0]?.authorization).toBe(`Bearer ${apiKey}`);
  });

  it('finds out from the proxy whether it is there', async () => {
    const sandbox = await startSandbox([litellmStandIn]);
    const subject = new OpenAIChatLLM({ apiKey, baseUrl: `${sandbox.url}/litellm/v1`, model, provider });
    await subject.probe(AbortSignal.timeout(5_000));
    sandbox.settings.setFailure('litellm', { mode: 'refuse' });
    await expect(subject.probe(AbortSignal.timeout(5_000))).rejects.toMatchObject({ status: 401 });
    expect(sandbox.log.events({ event: 'request-received' })).toEqual([]);
    await subject.aclose();
    await sandbox.close();
  });
});
