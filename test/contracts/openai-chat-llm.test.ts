import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { APIConnectionError, APIStatusError, initializeLogger } from '@livekit/agents';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { OpenAIChatLLM, type OpenAIChatLLMOptions } from '../../providers/llm/openai-chat.ts';
import { openaiChatStandIn } from '../../sandbox/openai-chat.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeLlmContract } from './llm-suite.ts';
import { type Answer, answerWith, askOnce, failOnce, type OneAnswer, secret } from './openai-llm-caller.ts';

const apiKey = 'sk-test';
const model = 'gpt-4.1-mini';

// The SDK keeps the function that it prints with from its first use on.
const printed = vi.spyOn(console, 'error');

describeLlmContract('OpenAIChatLLM', {
  vendor: 'openai',
  standIn: openaiChatStandIn,
  tellsCacheWrites: false,
  create: ({ url, idleTimeoutMs }) => new OpenAIChatLLM({ apiKey, baseUrl: `${url}/openai/v1`, model, idleTimeoutMs }),
});

class Open extends OpenAIChatLLM {
  get url(): string {
    return this.client.baseURL;
  }
}

describe('OpenAIChatLLM', () => {
  let server: OneAnswer | undefined;
  let sandbox: Sandbox | undefined;

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  afterEach(async () => {
    vi.unstubAllEnvs();
    await server?.close();
    await sandbox?.close();
    server = sandbox = undefined;
  });

  const facing = async (answer: Answer): Promise<OpenAIChatLLM> => {
    await server?.close();
    server = await answerWith(answer);
    return new OpenAIChatLLM({ apiKey, baseUrl: server.url, model });
  };
  const inSandbox = async (options: Partial<OpenAIChatLLMOptions> = {}): Promise<OpenAIChatLLM> => {
    sandbox = await startSandbox([openaiChatStandIn]);
    return new OpenAIChatLLM({ apiKey, baseUrl: `${sandbox.url}/openai/v1`, model, ...options });
  };

  const chunk = (delta: object, finish_reason: string | null = null) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason }],
  });
  const text = chunk({ role: 'assistant', content: 'Good' });
  const call = (json: string) =>
    chunk({
      tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'get_profile', arguments: json } }],
    });
  const failure = (code: unknown, type = 'some_type') => ({
    error: { message: `about ${secret}`, type, param: null, code },
  });

  it.each([
    ['rate_limit_exceeded', 429, true],
    ['server_error', 500, true],
    ['something_new', 500, true],
    ['invalid_api_key', 401, false],
    ['context_length_exceeded', 400, false],
  ])('takes %s inside a stream for status %i', async (code, statusCode, retryable) => {
    const before = await failOnce(await facing({ events: [failure(code)] }));
    expect(before.error).toBeInstanceOf(APIStatusError);
    expect(before.error).toMatchObject({ statusCode, retryable, requestId: 'req_1' });
    expect(before.error.message).toContain(code);
    const after = await failOnce(await facing({ events: [text, failure(code)] }));
    expect(after.error).toMatchObject({ statusCode, retryable: false });
    expect(after.reply.text).toBe('Good');
  });

  it.each(['insufficient_quota', 'budget_exceeded'])('does not try again after %s', async (name) => {
    const { error } = await failOnce(await facing({ status: 429, body: failure(name, name) }));
    expect(error).toMatchObject({ statusCode: 429, retryable: false, requestId: 'req_1' });
  });

  it.each([
    ['declines', [chunk({ refusal: `not about ${secret}` })], /declined/],
    ['is stopped by a content filter', [text, chunk({}, 'content_filter')], /content filter/],
    ['is cut off inside a tool call', [text, call('{"answer": "Ro'), chunk({}, 'length')], /inside a tool call/],
    ['thinks until it may write no more', [chunk({ content: '' }, 'length')], /lower reasoningEffort/],
  ])('gives up a reply that %s, and calls nothing', async (_, events, message) => {
    const { error, reply } = await failOnce(await facing({ events: [...events, '[DONE]'] }));
    expect(error.message).toMatch(message);
    expect(error.retryable).toBe(false);
    expect(reply.toolCalls).toEqual([]);
  });

  it('keeps the text of a reply that was cut off at its longest', async () => {
    const { reply, error } = await askOnce(await facing({ events: [text, chunk({}, 'length'), '[DONE]'] }));
    expect(error).toBeUndefined();
    expect(reply.text).toBe('Good');
  });

  it.each([
    ['ends before its time', { events: [chunk({ role: 'assistant', content: '' }), '[DONE]'] }],
    ['is not JSON', { events: [`{"${secret}`] }],
  ])('is retryable when an answer %s, and prints nothing', async (_, answer) => {
    const { error } = await failOnce(await facing(answer));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.retryable).toBe(true);
    expect(printed).not.toHaveBeenCalled();
  });

  it('takes nothing from the environment', async () => {
    for (const name of ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID']) {
      vi.stubEnv(name, `http://127.0.0.1:1/${secret}`);
    }
    vi.stubEnv('OPENAI_LOG', 'debug');
    const { reply } = await askOnce(await facing({ events: [text, chunk({}, 'stop')] }));
    expect(reply.text).toBe('Good');
    expect(server?.headers).toHaveLength(1);
    expect(JSON.stringify(server?.headers)).not.toContain(secret);
    expect(new Open({ apiKey, model }).url).toBe('https://api.openai.com/v1');
  });

  it('prewarms the connection that the first reply is asked over', async () => {
    const subject = await inSandbox();
    const ports = new Set<number | undefined>();
    const accept = (opened: unknown) => {
      const { socket } = opened as { socket: Socket };
      if (socket.localPort === Number(new URL(sandbox?.url ?? '').port)) ports.add(socket.remotePort);
    };
    subscribe('net.server.socket', accept);
    subject.prewarm();
    await vi.waitFor(() => expect(sandbox?.log.events({ event: 'models-listed' })).toHaveLength(1));
    // The client has the answer a moment after the stand-in wrote it.
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect((await askOnce(subject, 'hello')).reply.text).toBe('I heard: hello.');
    unsubscribe('net.server.socket', accept);
    expect(ports.size).toBe(1);
  });

  it('tells whether the vendor is well without asking for a reply', async () => {
    const subject = await inSandbox();
    const patience = () => AbortSignal.timeout(5_000);
    await subject.probe(patience());
    for (const mode of ['refuse', 'overload', 'rate-limit', 'close'] as const) {
      sandbox?.settings.setFailure('openai', { mode });
      await expect(subject.probe(patience()), mode).rejects.toThrow();
    }
    sandbox?.settings.setFailure('openai', { mode: 'hang' });
    const impatient = new AbortController();
    const asked = subject.probe(impatient.signal);
    const startedAtMs = performance.now();
    setTimeout(() => impatient.abort(), 100);
    await expect(asked).rejects.toThrow();
    // It would give up by itself after ten seconds.
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await vi.waitFor(() => expect(sandbox?.log.events({ event: 'request-closed' })).toHaveLength(1));
    sandbox?.settings.setFailure('openai', null);
    await subject.probe(patience());
    expect(sandbox?.log.events({ event: 'request-received' })).toEqual([]);
  });

  it('names the refused parameter and the request, not what was said', async () => {
    const { error } = await failOnce(await inSandbox({ maxTokens: 0 }));
    expect(error).toMatchObject({ statusCode: 400, retryable: false });
    expect(error.message).toMatch(/^OpenAI refused .* 400 invalid_value at max_completion_tokens \(req_\w+\)$/);
    expect(sandbox?.log.events({ event: 'unexpected-request' })).toHaveLength(1);
  });

  it.each([
    ['gpt-5.1', 'none'],
    ['gpt-5-mini', 'minimal'],
  ] as const)('asks %s to reason as little as it can', async (name, reasoningEffort) => {
    const { reply, error } = await askOnce(await inSandbox({ model: name, reasoningEffort }));
    expect(error).toBeUndefined();
    expect(reply.text).toBe('I heard: good morning.');
  });
});
