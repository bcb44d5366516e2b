import { APIConnectionError, type APIError, APIStatusError, APITimeoutError, type llm } from '@livekit/agents';
import { expect, it, vi } from 'vitest';
import type { SandboxEvent } from '../../sandbox/log.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { LlmHarness } from './llm-suite.ts';

/** What the suite's tests work with. */
interface Tools {
  sandbox(): Sandbox;
  ask(chatCtx: llm.ChatContext, more?: Partial<Parameters<llm.LLM['chat']>[0]>): llm.LLMStream;
  said(content: string): llm.ChatContext;
  events(event: string): SandboxEvent[];
  /** Reads a stream that has to fail, and gives back what it failed with. */
  failureOf(stream: llm.LLMStream, heard?: Error[]): Promise<{ error: APIError; text: string }>;
  /** The errors that a model reports from now on. */
  listen(instance: llm.LLM): Error[];
  /** Options of one attempt. */
  once: { maxRetry: number; retryIntervalMs: number; timeoutMs: number };
  secret: string;
}

/** What a language model does when its vendor refuses, hangs, is lost or falls silent. */
export function testFailures(harness: LlmHarness, tools: Tools): void {
  const { sandbox, ask, said, events, failureOf, listen, once, secret } = tools;

  it.each([
    { mode: 'overload', retryable: true },
    { mode: 'rate-limit', retryable: true },
    { mode: 'refuse', retryable: false },
  ] as const)('tells whether to try again after $mode: $retryable', async ({ mode, retryable }) => {
    sandbox().settings.setFailure(harness.vendor, { mode });
    const { error, text } = await failureOf(ask(said(secret)));
    expect(error).toBeInstanceOf(APIStatusError);
    expect(error.retryable).toBe(retryable);
    expect(text).toBe('');
    expect(events('request-received')).toHaveLength(1);
  });

  it('answers on the next attempt when the framework tries again', async () => {
    sandbox().settings.setFailure(harness.vendor, { mode: 'overload', times: 1 });
    const { text } = await ask(said('good morning'), { connOptions: { ...once, maxRetry: 1 } }).collect();
    expect(text).toBe('I heard: good morning.');
    expect(events('request-received')).toHaveLength(2);
  });

  it('is not retryable when the connection breaks after text was delivered', async () => {
    sandbox().settings.delays.llmTokensPerSecond = 10;
    sandbox().settings.setFailure(harness.vendor, { mode: 'close', afterMs: 1_500 });
    const stream = ask(said('tell me a long story'), { connOptions: { ...once, maxRetry: 2 } });
    const { error, text } = await failureOf(stream);
    expect(text).not.toBe('');
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.retryable).toBe(false);
    expect(events('request-received')).toHaveLength(1);
  });

  it('is retryable when the connection breaks before any text', async () => {
    sandbox().settings.delays.llmFirstTokenMs = 20_000;
    sandbox().settings.setFailure(harness.vendor, { mode: 'close', afterMs: 50, times: 1 });
    const { error, text } = await failureOf(ask(said(secret)));
    expect(text).toBe('');
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.retryable).toBe(true);
  });

  it('gives up on a vendor that does not begin to answer', async () => {
    sandbox().settings.setFailure(harness.vendor, { mode: 'hang' });
    const { error } = await failureOf(ask(said(secret), { connOptions: { ...once, timeoutMs: 300 } }));
    expect(error).toBeInstanceOf(APITimeoutError);
    expect(error.retryable).toBe(true);
    await vi.waitFor(() => expect(events('request-closed')).toHaveLength(1), { timeout: 5_000 });
  });

  it.each([
    { when: 'before any text', llmFirstTokenMs: 20_000, retryable: true },
    { when: 'in the middle of a reply', llmFirstTokenMs: 0, retryable: false },
  ])('gives up on a vendor that falls silent $when', async ({ llmFirstTokenMs, retryable }) => {
    sandbox().settings.delays = { ...sandbox().settings.delays, llmFirstTokenMs, llmTokensPerSecond: 0.05 };
    const impatient = harness.create({ url: sandbox().url, idleTimeoutMs: 500 });
    const stream = impatient.chat({ chatCtx: said(secret), connOptions: once });
    const { error, text } = await failureOf(stream, listen(impatient));
    expect(error).toBeInstanceOf(APITimeoutError);
    expect(error.retryable).toBe(retryable);
    expect(text === '').toBe(retryable);
    await vi.waitFor(() => expect(events('request-closed')).toHaveLength(1), { timeout: 5_000 });
    await impatient.aclose();
  });

  it('is retryable when nobody listens', async () => {
    const gone = await startSandbox([]);
    await gone.close();
    const lonely = harness.create({ url: gone.url, idleTimeoutMs: 5_000 });
    const { error } = await failureOf(lonely.chat({ chatCtx: said(secret), connOptions: once }), listen(lonely));
    expect(error).toBeInstanceOf(APIConnectionError);
    expect(error.retryable).toBe(true);
  });
}
