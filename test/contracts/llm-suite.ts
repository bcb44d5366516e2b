import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { APIError, initializeLogger, llm } from '@livekit/agents';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import type { Vendor } from '../../sandbox/settings.ts';
import type { StandInFactory } from '../../sandbox/stand-in.ts';
import { testFailures } from './llm-failures.ts';

/** What a language model has to bring to be held to the contract. */
export interface LlmHarness {
  /** Whose stand-in sees the requests. */
  vendor: Vendor;
  standIn: StandInFactory;
  /** Makes the model under test, pointed at a stand-in. */
  create(options: { url: string; idleTimeoutMs: number }): llm.LLM;
  /** False: the vendor caches by itself, as far as a prompt begins like an earlier one, and has no figure for what it wrote. */
  tellsCacheWrites?: false;
}

/** A word of what is said in each test; no error may repeat it. */
const secret = 'Rumpelstiltskin';
const once = { maxRetry: 0, retryIntervalMs: 10, timeoutMs: 5_000 };

const tools = new llm.ToolContext([
  llm.tool({ name: 'start_onboarding', description: 'Begins.', execute: async () => 'begun' }),
  llm.tool({ name: 'get_profile', description: 'Reads the profile.', execute: async () => ({}) }),
  llm.tool({
    name: 'save_onboarding_step',
    description: 'Saves one answer.\npreferred_name: What shall I call you?\ngoal: What is your goal?',
    parameters: z.object({ step: z.enum(['preferred_name', 'goal']), answer: z.string() }),
    execute: async () => 'saved',
  }),
]);

const message = (role: llm.ChatRole, content: string) => llm.ChatMessage.create({ role, content });
const system = message('system', `You are a friendly assistant and the person before you is called ${secret}.`);
const history = (...items: llm.ChatItem[]) => new llm.ChatContext([system, ...items]);
const said = (content: string) => history(message('user', content));
const now = () => performance.timeOrigin + performance.now();

/**
 * The contract of the language model port: what the framework and our agents rely on, whichever vendor answers. It runs against a
 * stand-in that answers by rules, counts the prompt cache and misbehaves when told to.
 */
export function describeLlmContract(name: string, harness: LlmHarness): void {
  describe(`${name} keeps the language model contract`, () => {
    let sandbox: Sandbox;
    let model: llm.LLM;
    let errors: Error[];

    beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

    beforeEach(async () => {
      sandbox = await startSandbox([harness.standIn]);
      sandbox.settings.delays = { ...sandbox.settings.delays, llmFirstTokenMs: 20, llmTokensPerSecond: 500 };
      model = harness.create({ url: sandbox.url, idleTimeoutMs: 5_000 });
      errors = listen(model);
    });

    afterEach(async () => {
      await model.aclose();
      await sandbox.close();
      const faults = ['unexpected-request', 'stand-in-failed'].flatMap((event) => sandbox.log.events({ event }));
      expect(faults).toEqual([]);
    });

    const listen = (instance: llm.LLM): Error[] => {
      const heard: Error[] = [];
      instance.on('error', ({ error }) => heard.push(error));
      return heard;
    };
    const events = (event: string) => sandbox.log.events({ vendor: harness.vendor, event });
    const ask = (chatCtx: llm.ChatContext, more: Partial<Parameters<llm.LLM['chat']>[0]> = {}) =>
      model.chat({ chatCtx, toolCtx: tools, connOptions: once, ...more });
    /** Reads a stream that has to fail, and gives back what it failed with. */
    const failureOf = async (stream: llm.LLMStream, heard = errors): Promise<{ error: APIError; text: string }> => {
      const { text } = await stream.collect();
      const error = heard.at(-1);
      if (!(error instanceof APIError)) throw new Error(`expected an APIError, got ${String(error)}`);
      expect(`${error} ${error.stack} ${JSON.stringify(error)}`).not.toContain(secret);
      return { error, text };
    };
    const textDelta = async (stream: llm.LLMStream) => {
      for await (const chunk of stream) if (chunk.delta?.content) return;
      throw new Error('the reply had no text');
    };

    it('streams text as it comes', async () => {
      const chunks: llm.ChatChunk[] = [];
      for await (const chunk of ask(said(`good morning to you ${secret}`))) chunks.push(chunk);
      const texts = chunks.flatMap((chunk) => chunk.delta?.content ?? []);
      expect(texts.join('')).toBe(`I heard: good morning to you ${secret}.`);
      expect(texts.length).toBeGreaterThan(3);
      expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
      expect(errors).toEqual([]);
    });

    it('hands on one tool call, with its arguments put together', async () => {
      const { toolCalls, text } = await ask(
        history(
          message('assistant', 'Hello. What shall I call you?'),
          message('user', 'Please call me Robin the Second.'),
        ),
      ).collect();
      expect(text).toBe('');
      expect(toolCalls.map((call) => [call.name, JSON.parse(call.args)])).toEqual([
        ['save_onboarding_step', { step: 'preferred_name', answer: 'Robin the Second' }],
      ]);
    });

    it('hands on parallel tool calls, each with an id of its own', async () => {
      const { toolCalls } = await ask(said('use the tools get_profile and start_onboarding')).collect();
      expect(toolCalls.map((call) => [call.name, call.args])).toEqual([
        ['get_profile', '{}'],
        ['start_onboarding', '{}'],
      ]);
      expect(new Set(toolCalls.map((call) => call.callId)).size).toBe(2);
    });

    it('obeys the tool choice and the limit to one call', async () => {
      const request = said('use the tools get_profile and start_onboarding');
      const names = async (more: object) => (await ask(request, more).collect()).toolCalls.map((call) => call.name);
      expect(await names({ toolChoice: 'auto' })).toEqual(['get_profile', 'start_onboarding']);
      expect(await names({ toolChoice: 'none' })).toEqual([]);
      expect(await names({ parallelToolCalls: false })).toEqual(['get_profile']);
      const named = { type: 'function', function: { name: 'start_onboarding' } };
      expect(await names({ toolChoice: named })).toEqual(['start_onboarding']);
      const required = await ask(said('good morning'), { toolChoice: 'required' }).collect();
      expect(required.toolCalls).toHaveLength(1);
    });

    it('takes tool results back', async () => {
      const asked = said('use the tools get_profile and start_onboarding');
      const { toolCalls } = await ask(asked).collect();
      const outputs = toolCalls.map(({ callId, name: toolName }) => {
        const output = toolName === 'get_profile' ? JSON.stringify({ preferredName: 'Robin', goal: null }) : 'begun';
        return llm.FunctionCallOutput.create({ callId, name: toolName, output, isError: false });
      });
      const reply = await ask(history(...asked.items.slice(1), ...toolCalls, ...outputs)).collect();
      expect(reply.text).toBe('I know that your name is Robin.');
      expect(errors).toEqual([]);
    });

    it('counts tokens and reads the whole earlier prompt from the cache', async () => {
      const items: llm.ChatItem[] = [];
      let cached = 0;
      for (const words of ['good morning', 'use the tool get_profile', 'what a nice day', 'good night']) {
        items.push(message('user', words));
        const reply = await ask(history(...items)).collect();
        const { usage } = reply;
        if (!usage) throw new Error('the reply had no usage');
        expect(usage.completionTokens).toBeGreaterThanOrEqual(reply.text ? 1 : 0);
        expect(usage.totalTokens).toBe(usage.promptTokens + usage.completionTokens);
        expect(usage.promptCachedTokens).toBe(cached);
        expect(usage.promptTokens).toBeGreaterThan(cached);
        if (harness.tellsCacheWrites === false) cached = usage.promptTokens;
        else {
          expect(usage.cacheCreationTokens).toBeGreaterThan(0);
          cached = usage.promptCachedTokens + (usage.cacheCreationTokens ?? 0);
        }
        if (reply.text) items.push(message('assistant', reply.text));
        for (const call of reply.toolCalls) {
          const { callId, name: toolName } = call;
          items.push(call, llm.FunctionCallOutput.create({ callId, name: toolName, output: '{}', isError: false }));
        }
      }
    });

    it('closes the request within 200 ms when the reply is interrupted', async () => {
      sandbox.settings.delays.llmTokensPerSecond = 10;
      const stream = ask(said('tell me a long story'));
      await textDelta(stream);
      const interruptedAtMs = now();
      stream.close();
      await vi.waitFor(() => expect(events('request-closed')).toHaveLength(1), { timeout: 5_000 });
      expect((events('request-closed')[0]?.atMs ?? 0) - interruptedAtMs).toBeLessThanOrEqual(200);
      expect(events('request-completed')).toEqual([]);
      expect(errors).toEqual([]);
    });

    it('closes the request within 200 ms when it is interrupted before any answer', async () => {
      sandbox.settings.setFailure(harness.vendor, { mode: 'hang' });
      const stream = ask(said(secret));
      await vi.waitFor(() => expect(events('request-received')).toHaveLength(1), { timeout: 5_000 });
      const interruptedAtMs = now();
      stream.close();
      await vi.waitFor(() => expect(events('request-closed')).toHaveLength(1), { timeout: 5_000 });
      expect((events('request-closed')[0]?.atMs ?? 0) - interruptedAtMs).toBeLessThanOrEqual(200);
      expect(errors).toEqual([]);
    });

    testFailures(harness, { sandbox: () => sandbox, ask, said, events, failureOf, listen, once, secret });

    it('prewarms without a completion and without an error', async () => {
      model.prewarm();
      await model.aclose();
      const gone = await startSandbox([]);
      await gone.close();
      const lonely = harness.create({ url: gone.url, idleTimeoutMs: 5_000 });
      lonely.prewarm();
      await lonely.aclose();
      expect(events('request-received')).toEqual([]);
    });

    it('leaves no socket open', async () => {
      const sockets = new Set<Socket>();
      const port = Number(new URL(sandbox.url).port);
      const accept = (opened: unknown) => {
        const { socket } = opened as { socket: Socket };
        if (socket.localPort === port) sockets.add(socket);
      };
      subscribe('net.server.socket', accept);
      try {
        for (const words of ['good morning', 'use the tool get_profile', 'good night'])
          await ask(said(words)).collect();
        const interrupted = ask(said('tell me a long story'));
        await textDelta(interrupted);
        interrupted.close();
        sandbox.settings.setFailure(harness.vendor, { mode: 'overload', times: 1 });
        await failureOf(ask(said(secret)));
        expect(sockets.size).toBeGreaterThan(0);
        // A pooled connection may wait a few seconds for the next reply.
        const open = () => [...sockets].filter((socket) => !socket.destroyed);
        await vi.waitFor(() => expect(open()).toEqual([]), { timeout: 20_000, interval: 100 });
      } finally {
        unsubscribe('net.server.socket', accept);
      }
    });
  });
}
