import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { APIError, APIStatusError, llm } from '@livekit/agents';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GeminiLLM } from '../../providers/llm/gemini.ts';
import { geminiStandIn } from '../../sandbox/gemini.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { describeLlmContract } from './llm-suite.ts';

const apiKey = 'gemini-test';
const model = 'gemini-3.5-flash-lite';
const connOptions = { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 5_000 };

const printed = vi.spyOn(console, 'error');

describeLlmContract('GeminiLLM', {
  vendor: 'gemini',
  standIn: geminiStandIn,
  tellsCacheWrites: false,
  create: ({ url, idleTimeoutMs }) => new GeminiLLM({ apiKey, baseUrl: `${url}/gemini`, model, idleTimeoutMs }),
});

describe('GeminiLLM', () => {
  let server: Server | undefined;
  let sandbox: Sandbox | undefined;

  afterEach(async () => {
    await sandbox?.close();
    sandbox = undefined;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    server = undefined;
  });

  const said = (content: string) => llm.ChatMessage.create({ role: 'user', content });
  const getProfile = llm.tool({ name: 'get_profile', description: 'Reads the profile.', execute: async () => ({}) });

  /** Answers every request with these pieces of a reply, and ends the connection in good order. */
  const answer = async (...pieces: readonly (object | string)[]): Promise<string> => {
    const listening = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const piece of pieces) {
        response.write(`data: ${typeof piece === 'string' ? piece : JSON.stringify(piece)}\r\n\r\n`);
      }
      response.end();
    });
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  };

  const ask = async (baseUrl: string, options: { maxTokens?: number; model?: string } = {}) => {
    const subject = new GeminiLLM({ apiKey, baseUrl, model, ...options });
    const errors: Error[] = [];
    subject.on('error', ({ error }) => errors.push(error));
    const chatCtx = new llm.ChatContext([said('use the tool get_profile')]);
    const reply = await subject.chat({ chatCtx, toolCtx: [getProfile], connOptions }).collect();
    await subject.aclose();
    return { error: errors[0], reply };
  };

  const fail = async (...asked: Parameters<typeof ask>) => {
    const { error, reply } = await ask(...asked);
    if (!(error instanceof APIError)) throw new Error(`expected an APIError, got ${String(error)}`);
    expect(String(error)).not.toContain('secret');
    return { error, reply };
  };

  const piece = (parts: object[], finishReason?: string) => ({
    candidates: [{ content: { role: 'model', parts }, finishReason }],
    responseId: 'r1',
  });
  const text = piece([{ text: 'Good' }]);
  const call = piece([{ functionCall: { id: 'c1', name: 'get_profile', args: { answer: 'Ro' } } }]);
  const error = (code: number, status: string) => ({ error: { code, message: 'the secret words', status } });

  it.each([
    [429, 'RESOURCE_EXHAUSTED', true],
    [500, 'INTERNAL', true],
    [503, 'UNAVAILABLE', true],
    [504, 'DEADLINE_EXCEEDED', true],
    [400, 'INVALID_ARGUMENT', false],
    [403, 'PERMISSION_DENIED', false],
    [404, 'NOT_FOUND', false],
  ])('takes an error inside a stream for status %i %s', async (statusCode, status, retryable) => {
    const before = await fail(await answer(error(statusCode, status)));
    expect(before.error).toBeInstanceOf(APIStatusError);
    expect(before.error).toMatchObject({ statusCode, retryable });
    expect(before.error.message).toContain(status);
    await new Promise((resolve) => server?.close(resolve));
    const after = await fail(await answer(text, error(statusCode, status)));
    expect(after.error).toMatchObject({ statusCode, retryable: false });
    expect(after.reply.text).toBe('Good');
  });

  it.each(['SAFETY', 'RECITATION', 'PROHIBITED_CONTENT', 'SOMETHING_NEW'])(
    'says so when the model declines to answer: %s',
    async (reason) => {
      const { error: declined } = await fail(await answer(piece([], reason)));
      expect(declined.message).toContain(reason);
      expect(declined.retryable).toBe(false);
    },
  );

  it('says so when the prompt was blocked', async () => {
    const blocked = await fail(await answer({ promptFeedback: { blockReason: 'SAFETY' } }));
    expect(blocked.error.message).toContain('declined');
    expect(blocked.error.retryable).toBe(false);
  });

  it.each([
    ['a malformed call', [piece([], 'MALFORMED_FUNCTION_CALL')], 'APIError', true],
    ['a malformed call behind text', [text, piece([], 'MALFORMED_FUNCTION_CALL')], 'APIError', false],
    ['no word at all', [piece([{ text: '' }], 'STOP')], 'APIError', true],
    ['nothing', [], 'APIConnectionError', true],
    ['an end before its time', [text], 'APIConnectionError', false],
    ['a piece that is not JSON', ['secret words'], 'APIConnectionError', true],
  ])('tells whether to try again after %s', async (_, pieces, name, retryable) => {
    expect((await fail(await answer(...pieces))).error).toMatchObject({ name, retryable });
    expect(printed).not.toHaveBeenCalled();
  });

  it.each([
    ['inside a tool call', [call, piece([], 'MAX_TOKENS')]],
    ['before the first word', [piece([{ text: 'secret', thought: true }], 'MAX_TOKENS')]],
  ])('does not take a reply for whole that was cut off %s', async (_, pieces) => {
    const cut = await fail(await answer(...pieces));
    expect(cut.error.message).toContain('maxTokens');
    expect(cut.error.retryable).toBe(false);
    expect(cut.reply.toolCalls).toEqual([]);
    expect(cut.reply.text).toBe('');
  });

  it('keeps thoughts to itself, and makes an id for a call that has none', async () => {
    const { error: none, reply } = await ask(
      await answer(
        piece([{ text: 'secret', thought: true }, { text: 'Good' }]),
        piece([{ functionCall: { name: 'get_profile' }, thoughtSignature: 'c2ln' }], 'STOP'),
      ),
    );
    expect(none).toBeUndefined();
    expect(reply.text).toBe('Good');
    expect(reply.toolCalls).toMatchObject([{ name: 'get_profile', args: '{}', thoughtSignature: 'c2ln' }]);
    expect(reply.toolCalls[0]?.callId).toMatch(/^call_\w+/);
  });

  it('gives signatures back, and has one for calls that another model made', async () => {
    sandbox = await startSandbox([geminiStandIn]);
    const subject = new GeminiLLM({ apiKey, baseUrl: `${sandbox.url}/gemini`, model });
    const profile = (toolCall: llm.FunctionCall) =>
      llm.FunctionCallOutput.create({
        callId: toolCall.callId,
        name: toolCall.name,
        output: '{"preferredName":"Robin"}',
        isError: false,
      });
    const asked = said('use the tool get_profile');
    const first = await subject
      .chat({ chatCtx: new llm.ChatContext([asked]), toolCtx: [getProfile], connOptions })
      .collect();
    const [own] = first.toolCalls;
    const foreign = llm.FunctionCall.create({ callId: 'toolu_1', name: 'get_profile', args: '{}' });
    expect(own?.thoughtSignature).toBeTruthy();
    for (const toolCall of [own, foreign]) {
      if (!toolCall) throw new Error('no tool was called');
      const chatCtx = new llm.ChatContext([asked, toolCall, profile(toolCall)]);
      const reply = await subject.chat({ chatCtx, toolCtx: [getProfile], connOptions }).collect();
      expect(reply.text).toBe('I know that your name is Robin.');
    }
    await subject.aclose();
    expect(sandbox.log.events({ event: 'unexpected-request' })).toEqual([]);
  });

  it.each([
    'gemini-2.5-flash',
    'gemini-2.5-pro',
    'gemini-3.1-flash-lite',
    'gemini-3.1-pro-preview',
    'gemini-3.8-flash',
  ])('asks %s to think no more than it must', async (other) => {
    sandbox = await startSandbox([geminiStandIn]);
    const { error: none, reply } = await ask(`${sandbox.url}/gemini`, { model: other });
    expect(none).toBeUndefined();
    expect(reply.toolCalls).toHaveLength(1);
  });

  it('prewarms the connection that the first reply is asked over', async () => {
    sandbox = await startSandbox([geminiStandIn]);
    const { log, url } = sandbox;
    const ports = new Set<number | undefined>();
    const accept = (opened: unknown) => {
      const { socket } = opened as { socket: Socket };
      if (socket.localPort === Number(new URL(url).port)) ports.add(socket.remotePort);
    };
    subscribe('net.server.socket', accept);
    const subject = new GeminiLLM({ apiKey, baseUrl: `${url}/gemini`, model });
    subject.prewarm();
    await vi.waitFor(() => expect(log.events({ event: 'models-listed' })).toHaveLength(1));
    // The client has the answer a moment after the stand-in wrote it.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const reply = await subject.chat({ chatCtx: new llm.ChatContext([said('hello')]), connOptions }).collect();
    expect(reply.text).toBe('I heard: hello.');
    unsubscribe('net.server.socket', accept);
    await subject.aclose();
    expect(ports.size).toBe(1);
  });

  it('takes nothing from the environment', async () => {
    sandbox = await startSandbox([geminiStandIn]);
    const baseUrl = `${sandbox.url}/gemini`;
    vi.stubEnv('GOOGLE_GENAI_USE_VERTEXAI', 'true');
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'somebody-elses');
    vi.stubEnv('GOOGLE_API_KEY', 'another-key');
    vi.stubEnv('GOOGLE_GEMINI_BASE_URL', 'http://127.0.0.1:9');
    const { error: none, reply } = await ask(baseUrl).finally(() => vi.unstubAllEnvs());
    expect(none).toBeUndefined();
    expect(reply.toolCalls).toHaveLength(1);
  });

  it('probes with the model’s description, and tells why it cannot', async () => {
    sandbox = await startSandbox([geminiStandIn]);
    const { signal } = new AbortController();
    const probe = (name: string, baseUrl: string) => new GeminiLLM({ apiKey, baseUrl, model: name }).probe(signal);
    await probe(model, `${sandbox.url}/gemini`);
    expect(sandbox.log.events({ event: 'request-received' })).toEqual([]);
    await expect(probe('gemini-none', `${sandbox.url}/gemini`)).rejects.toMatchObject({ statusCode: 404 });
    await expect(probe(model, 'http://127.0.0.1:9')).rejects.toMatchObject({ name: 'APIConnectionError' });
  });

  it('names the refused field, not what was said', async () => {
    sandbox = await startSandbox([geminiStandIn]);
    const refused = await fail(`${sandbox.url}/gemini`, { maxTokens: 0 });
    expect(refused.error).toMatchObject({ statusCode: 400, retryable: false });
    expect(refused.error.message).toMatch(/400 INVALID_ARGUMENT at generationConfig\.maxOutputTokens$/);
    expect(sandbox.log.events({ event: 'unexpected-request' })).toHaveLength(1);
  });
});
