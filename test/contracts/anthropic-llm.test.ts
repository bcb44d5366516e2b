import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { APIError, APIStatusError, llm } from '@livekit/agents';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AnthropicLLM } from '../../providers/llm/anthropic.ts';
import { anthropicStandIn } from '../../sandbox/anthropic.ts';
import { startSandbox } from '../../sandbox/server.ts';
import { describeLlmContract } from './llm-suite.ts';
import { describeProbeContract } from './probe-suite.ts';

const apiKey = 'sk-ant-test';
const model = 'claude-haiku-4-5';

// The SDK keeps the function that it prints with from its first use on.
const printed = vi.spyOn(console, 'error');

describeLlmContract('AnthropicLLM', {
  vendor: 'anthropic',
  standIn: anthropicStandIn,
  create: ({ url, idleTimeoutMs }) => new AnthropicLLM({ apiKey, baseUrl: url, model, idleTimeoutMs }),
});

describeProbeContract('AnthropicLLM', {
  vendor: 'anthropic',
  standIn: anthropicStandIn,
  create: (baseUrl) => new AnthropicLLM({ apiKey, baseUrl, model }),
});

describe('AnthropicLLM', () => {
  let server: Server | undefined;

  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    server = undefined;
  });

  /** Answers every request with these server-sent events, and ends the connection in good order. */
  const answer = async (events: readonly (readonly [string, unknown])[]): Promise<string> => {
    const listening = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_1' });
      for (const [name, data] of events) {
        response.write(`event: ${name}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
      }
      response.end();
    });
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  };

  const fail = async (baseUrl: string, options: { maxTokens?: number } = {}) => {
    const subject = new AnthropicLLM({ apiKey, baseUrl, model, ...options });
    const errors: Error[] = [];
    subject.on('error', ({ error }) => errors.push(error));
    const chatCtx = new llm.ChatContext([
      llm.ChatMessage.create({ role: 'user', content: 'use the tool get_profile' }),
    ]);
    const toolCtx = [llm.tool({ name: 'get_profile', description: 'Reads the profile.', execute: async () => ({}) })];
    const connOptions = { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 5_000 };
    const reply = await subject.chat({ chatCtx, toolCtx, connOptions }).collect();
    await subject.aclose();
    const error = errors[0];
    if (!(error instanceof APIError)) throw new Error(`expected an APIError, got ${String(error)}`);
    expect(String(error)).not.toContain('secret');
    return { error, reply };
  };

  const usage = { input_tokens: 3, cache_read_input_tokens: null, cache_creation_input_tokens: null, output_tokens: 1 };
  const start = ['message_start', { type: 'message_start', message: { id: 'msg_1', usage } }] as const;
  const open = (content_block: object) =>
    ['content_block_start', { type: 'content_block_start', index: 0, content_block }] as const;
  const delta = (data: object) =>
    ['content_block_delta', { type: 'content_block_delta', index: 0, delta: data }] as const;
  const text = delta({ type: 'text_delta', text: 'Good' });
  const end = (stop_reason: string) =>
    ['message_delta', { type: 'message_delta', delta: { stop_reason, stop_details: null }, usage }] as const;
  const error = (type: string) =>
    ['error', { type: 'error', error: { type, message: 'the secret words' }, request_id: 'req_1' }] as const;

  it.each([
    ['overloaded_error', 529, true],
    ['rate_limit_error', 429, true],
    ['api_error', 500, true],
    ['timeout_error', 504, true],
    ['something_new', 500, true],
    ['invalid_request_error', 400, false],
    ['authentication_error', 401, false],
    ['not_found_error', 404, false],
  ])('takes %s inside a stream for status %i', async (type, statusCode, retryable) => {
    const before = await fail(await answer([start, error(type)]));
    expect(before.error).toBeInstanceOf(APIStatusError);
    expect(before.error).toMatchObject({ statusCode, retryable, requestId: 'req_1' });
    expect(before.error.message).toContain(type);
    await new Promise((resolve) => server?.close(resolve));
    const after = await fail(await answer([start, text, error(type)]));
    expect(after.error).toMatchObject({ statusCode, retryable: false });
    expect(after.reply.text).toBe('Good');
  });

  it('says so when the model declines to answer', async () => {
    const refused = await fail(await answer([start, end('refusal'), ['message_stop', { type: 'message_stop' }]]));
    expect(refused.error.message).toContain('declined');
    expect(refused.error.retryable).toBe(false);
  });

  it('notices a reply that ends before its time', async () => {
    expect((await fail(await answer([start]))).error).toMatchObject({ name: 'APIConnectionError', retryable: true });
  });

  it('survives an event that is not JSON, and repeats it nowhere', async () => {
    const broken = await fail(await answer([start, ['content_block_delta', 'secret words']]));
    expect(broken.error).toMatchObject({ name: 'APIConnectionError', retryable: true });
    expect(printed).not.toHaveBeenCalled();
  });

  it('does not run a tool call that was cut off', async () => {
    const json = delta({ type: 'input_json_delta', partial_json: '{"answer": "Ro' });
    const tool = open({ type: 'tool_use', id: 'toolu_1', name: 'get_profile', input: {} });
    const cut = await fail(await answer([start, tool, json, end('max_tokens')]));
    expect(cut.error.message).toContain('maxTokens');
    expect(cut.error.retryable).toBe(false);
    expect(cut.reply.toolCalls).toEqual([]);
  });

  it('prewarms the connection that the first reply is asked over', async () => {
    const sandbox = await startSandbox([anthropicStandIn]);
    const ports = new Set<number | undefined>();
    const accept = (opened: unknown) => {
      const { socket } = opened as { socket: Socket };
      if (socket.localPort === Number(new URL(sandbox.url).port)) ports.add(socket.remotePort);
    };
    subscribe('net.server.socket', accept);
    const subject = new AnthropicLLM({ apiKey, baseUrl: sandbox.url, model });
    subject.prewarm();
    await vi.waitFor(() => expect(sandbox.log.events({ event: 'models-listed' })).toHaveLength(1));
    // The client has the answer a moment after the stand-in wrote it.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const chatCtx = new llm.ChatContext([llm.ChatMessage.create({ role: 'user', content: 'hello' })]);
    expect((await subject.chat({ chatCtx }).collect()).text).toBe('I heard: hello.');
    unsubscribe('net.server.socket', accept);
    await subject.aclose();
    await sandbox.close();
    expect(ports.size).toBe(1);
  });

  it('names the refused field and the request, not what was said', async () => {
    const sandbox = await startSandbox([anthropicStandIn]);
    const refused = await fail(sandbox.url, { maxTokens: 0 });
    const requests = sandbox.log.events({ event: 'unexpected-request' });
    await sandbox.close();
    expect(refused.error).toMatchObject({ statusCode: 400, retryable: false });
    expect(refused.error.message).toMatch(/400 invalid_request_error at max_tokens \(req_\w+\)$/);
    expect(requests).toHaveLength(1);
  });
});
