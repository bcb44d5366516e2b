import { initializeLogger, llm, type voice } from '@livekit/agents';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import type { Call } from '../../agents/call.ts';
import { CallTools, type ToolOutcome } from '../../agents/mcp/call-tools.ts';
import { McpConnection } from '../../agents/mcp/connection.ts';
import type { McpServerConfig } from '../../core/config/mcp.ts';
import { createLog, type Log } from '../../core/log.ts';
import { LoopbackMcpServer } from '../support/mcp-server.ts';

const said = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });

/** What a test's framework needs of a run: whether a word spoken now would end it. */
interface Run {
  result: Promise<unknown>;
  abort(): void;
  isUninterruptible(): boolean;
}

describe('the tools of an MCP server', () => {
  let server: LoopbackMcpServer;
  /** What tools were called with, and which of them were cancelled by the client. */
  let called: unknown[];
  let cancelled: string[];
  let release: () => void;
  let outcomes: [string, string, ToolOutcome][];
  let lines: { level: number; msg: string; [key: string]: unknown }[];
  let log: Log;

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  beforeEach(async () => {
    called = [];
    cancelled = [];
    outcomes = [];
    lines = [];
    log = createLog('test', 'silent');
    log = new Proxy(log, {
      get(target, key) {
        if (key === 'child') return () => log;
        if (key !== 'warn' && key !== 'info') return Reflect.get(target, key);
        return (fields: object, msg: string) => lines.push({ level: 40, ...Object(fields), msg: msg ?? fields });
      },
    });
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    server = await new LoopbackMcpServer((session) => {
      const readOnly = { annotations: { readOnlyHint: true } };
      session.registerTool(
        'forecast',
        { description: 'The weather of a day.', inputSchema: { city: z.string() }, ...readOnly },
        async ({ city }) => {
          called.push({ city });
          return said(`Sunny in ${city}.`);
        },
      );
      session.registerTool('book', { description: 'Books.', inputSchema: { day: z.string() } }, async (input) => {
        called.push(input);
        return said(`Booked ${input.day}.`);
      });
      session.registerTool('broken', readOnly, async () => ({ isError: true, ...said('no such station') }));
      for (const [name, options] of [
        ['slow', readOnly],
        ['slow.write', {}],
      ] as const) {
        session.registerTool(name, options, async ({ signal }) => {
          called.push(name);
          signal.addEventListener('abort', () => cancelled.push(name));
          await released;
          return said('late');
        });
      }
    }).start();
    onTestFinished(async () => {
      release();
      await server.stop();
    });
  });

  const config = (more: Partial<McpServerConfig> = {}): McpServerConfig => ({
    name: 'weather',
    url: server.url,
    agents: ['concierge'],
    timeoutMs: 2_000,
    ...more,
  });

  /** The tools of one agent in a call, as the framework would have them. */
  function open(servers: McpServerConfig[], agent: 'concierge' | 'companion' = 'concierge', own: string[] = []) {
    const tools = new CallTools({
      servers,
      log,
      onCalled: (...outcome) => outcomes.push(outcome),
      retryPausesMs: [50, 100, 200, 400, 800, 1_600],
    });
    onTestFinished(() => tools.close());
    return { tools, ...enter(tools, agent, own) };
  }

  function enter(tools: CallTools, agent: 'concierge' | 'companion', own: string[] = []) {
    const toolset = tools.of(agent)?.toolset(new Set(own));
    let current: readonly llm.ToolContextEntry[] = [];
    let changes = 0;
    void toolset?.setup({
      updateTools(next) {
        changes += 1;
        current = next;
      },
    });
    const context = () => new llm.ToolContext([...current]);
    const names = () => llm.sortedToolNames(context());
    const tool = (name: string) => {
      const found = context().getFunctionTool(name);
      if (!found) throw new Error(`there is no tool ${name}`);
      return found;
    };
    const run = (name: string, input: object = {}): Run => {
      const aborting = new AbortController();
      const speechHandle = { allowInterruptions: true };
      const ctx = {
        userData: {} as Call,
        session: { output: {} },
        speechHandle,
        disallowInterruptions: () => {
          speechHandle.allowInterruptions = false;
        },
      } as unknown as voice.RunContext<Call>;
      const result = tool(name).execute(input as never, { ctx, toolCallId: 'c', abortSignal: aborting.signal });
      return {
        result,
        abort: () => aborting.abort(),
        isUninterruptible: () => !speechHandle.allowInterruptions,
      };
    };
    return { toolset, names, tool, run, changes: () => changes };
  }

  const until = (names: () => string[], expected: string[]) => expect.poll(names).toEqual(expected);
  const all = ['weather_book', 'weather_broken', 'weather_forecast', 'weather_slow', 'weather_slow_write'];
  const messageOf = (result: unknown) => (result instanceof llm.ToolError ? result.message : `no error: ${result}`);

  test('appear once it is connected, with what they are and take, and are called', async () => {
    const { names, tool, run } = open([config()]);
    expect(names()).toEqual([]);
    await until(names, all);
    expect(tool('weather_forecast').description).toBe('The weather of a day.');
    expect(tool('weather_forecast').parameters).toMatchObject({
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    });
    expect(tool('weather_broken').parameters).toMatchObject({ type: 'object', properties: {} });
    expect(await run('weather_forecast', { city: 'Delft' }).result).toBe('Sunny in Delft.');
    expect(called).toEqual([{ city: 'Delft' }]);
    expect(outcomes).toEqual([['weather', 'forecast', 'done']]);
    expect(lines).toEqual([]);
  });

  test('are those of the allow-list alone, for the agents that may have them', async () => {
    const { tools, names } = open([config({ tools: ['forecast', 'hail'] })]);
    await until(names, ['weather_forecast']);
    expect(lines).toEqual([expect.objectContaining({ missing: ['hail'] })]);
    expect(tools.of('companion')).toBeUndefined();
    expect(server.sessions).toHaveLength(1);
  });

  test('share a session between the agents of a call, and each agent loses them with its part in it', async () => {
    const config2 = config({ agents: ['concierge', 'companion'], tools: ['forecast'] });
    const { tools, names, toolset, changes } = open([config2]);
    await until(names, ['weather_forecast']);
    const next = enter(tools, 'companion');
    expect(next.names()).toEqual(['weather_forecast']);
    await toolset?.aclose();
    const before = changes();
    server.sessions[0]?.registerTool('new', {}, async () => said('new'));
    await server.forget();
    await expect.poll(() => next.run('weather_forecast', { city: 'Delft' }).result).toBe('Sunny in Delft.');
    expect(changes()).toBe(before);
    expect(server.sessions).toHaveLength(1);
  });

  test('never take the name of a tool that an agent has of its own', async () => {
    const { names } = open([config()], 'concierge', ['weather_book']);
    await until(names, all.slice(1));
  });

  test('are asked for with the bearer token, and a server that refuses it is left out with one warning', async () => {
    const { names, tools } = open([config({ token: 'a-token' })]);
    await until(names, all);
    expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer a-token']));
    await tools.close();
    server.refuseWith = 401;
    const refused = open([config()]);
    await expect.poll(() => server.requests.length).toBeGreaterThan(10);
    expect(refused.names()).toEqual([]);
    expect(lines).toEqual([{ level: 40, reason: 'unreachable: status 401', msg: expect.stringContaining('goes on') }]);
  });

  test('tell an error of theirs in words that no log has', async () => {
    const { names, run } = open([config()]);
    await until(names, all);
    // The framework logs what is thrown, and not what is returned.
    expect(messageOf(await run('weather_broken').result)).toBe('weather could not do it: no such station');
    const wrong = messageOf(await run('weather_forecast', { city: 7 }).result);
    expect(wrong).toContain('city');
    expect(outcomes.map(([, , outcome]) => outcome)).toEqual(['failed', 'failed']);
    expect(lines).toEqual([]);
  });

  test('are given up in time, and the server is told so', async () => {
    const { names, run } = open([config({ timeoutMs: 300 })]);
    await until(names, all);
    expect(messageOf(await run('weather_slow').result)).toBe('weather did not answer in time.');
    await expect.poll(() => cancelled).toEqual(['slow']);
    expect(messageOf(await run('weather_slow_write').result)).toContain('not known whether anything was done');
    expect(outcomes.map(([, , outcome]) => outcome)).toEqual(['timeout', 'timeout']);
  });

  test('are given up when the reply is interrupted; what may write is not cut off by a word', async () => {
    const { names, run } = open([config()]);
    await until(names, all);
    const reading = run('weather_slow');
    await expect.poll(() => called).toEqual(['slow']);
    expect(reading.isUninterruptible()).toBe(false);
    reading.abort();
    expect(messageOf(await reading.result)).toContain('given up');
    await expect.poll(() => cancelled).toEqual(['slow']);
    const writing = run('weather_slow_write');
    await expect.poll(() => called).toEqual(['slow', 'slow.write']);
    expect(writing.isUninterruptible()).toBe(true);
    release();
    expect(await writing.result).toBe('late');
    expect(writing.isUninterruptible()).toBe(false);
    expect(cancelled).toEqual(['slow']);
  });

  test('are not cancelled at the server once they have answered', async () => {
    const { names, run } = open([config()]);
    await until(names, all);
    const done = run('weather_forecast', { city: 'Delft' });
    await done.result;
    const asked = server.count('POST');
    done.abort();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.count('POST')).toBe(asked);
  });

  test('come once a server is there that was away at first, and go and come with it', async () => {
    await server.stop();
    const { names, run } = open([config()]);
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ reason: 'unreachable: ECONNREFUSED' });
    await server.start();
    await until(names, all);
    expect(lines.map(({ msg }) => msg)).toEqual([expect.anything(), 'an MCP server is back, and so are its tools']);
    const late = run('weather_forecast', { city: 'Delft' });
    expect(await late.result).toBe('Sunny in Delft.');
    await server.stop();
    expect(messageOf(await run('weather_forecast', { city: 'Delft' }).result)).toBe(
      'weather can not be reached just now.',
    );
    await until(names, []);
    await server.start();
    await until(names, all);
    expect(lines).toHaveLength(4);
  });

  test('go when a server goes that nobody is asking, and come back', async () => {
    const { names } = open([config()]);
    await until(names, all);
    await expect.poll(() => server.count('GET')).toBe(1);
    await server.stop();
    await until(names, []);
    await server.start();
    await until(names, all);
  });

  test.each([404, 400])('go on in a new session where the server has lost theirs (%s)', async (status) => {
    server.unknownSession = status;
    const { names, run, changes } = open([config()]);
    await until(names, all);
    const before = changes();
    await server.forget();
    expect(await run('weather_book', { day: 'Monday' }).result).toBe('Booked Monday.');
    expect(called).toEqual([{ day: 'Monday' }]);
    expect(outcomes).toEqual([['weather', 'book', 'done']]);
    expect([changes(), lines]).toEqual([before, []]);
  });

  test('follow the changes that the server tells of, and stay the same objects where they are the same', async () => {
    const { names, tool } = open([config()]);
    await until(names, all);
    await expect.poll(() => server.count('GET')).toBe(1);
    const kept = tool('weather_forecast');
    const added = server.sessions[0]?.registerTool('alarm', {}, async () => said('rain'));
    await until(names, ['weather_alarm', ...all]);
    expect(tool('weather_forecast')).toBe(kept);
    added?.remove();
    await until(names, all);
  });

  test('end with the call: the session is deleted, and nothing is tried any more', async () => {
    const { names, tools } = open([config()]);
    await until(names, all);
    await tools.close();
    expect(server.count('DELETE')).toBe(1);
    expect(server.sessions).toEqual([]);
    const asked = server.requests.length;
    tools.of('concierge');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.requests).toHaveLength(asked);
  });

  test('end with a call that ends while it is being connected, or while one of them runs', async () => {
    server.refuseWith = 503;
    const away = open([config()]);
    await expect.poll(() => server.requests.length).toBeGreaterThan(1);
    await away.tools.close();
    server.refuseWith = undefined;
    const { names, tools, run } = open([config()]);
    await until(names, all);
    const { result } = run('weather_slow');
    await expect.poll(() => called).toEqual(['slow']);
    await tools.close();
    expect(messageOf(await result)).toContain('can not be reached');
  });

  test('are tried no more than so often', async () => {
    server.refuseWith = 503;
    const tools = new CallTools({ servers: [config()], log, onCalled: () => {}, retryPausesMs: [10, 10] });
    onTestFinished(() => tools.close());
    tools.of('concierge');
    await expect.poll(() => server.count('POST')).toBe(3);
    await vi.waitFor(() => new Promise((resolve) => setTimeout(resolve, 100)));
    expect(server.count('POST')).toBe(3);
    // The next agent that may use it asks again.
    server.refuseWith = undefined;
    const { names } = enter(tools, 'concierge');
    await until(names, all);
  });

  test('are not read from an answer that does not end', async () => {
    const endless = 'x'.repeat(3 * 1024 * 1024);
    const { names, run } = open([config({ timeoutMs: 1_500 })]);
    await until(names, all);
    server.sessions[0]?.registerTool('endless', { annotations: { readOnlyHint: true } }, async () => said(endless));
    await until(names, ['weather_book', 'weather_broken', 'weather_endless', ...all.slice(2)]);
    expect(messageOf(await run('weather_endless').result)).toMatch(/did not answer in time|can not be/);
    expect(await run('weather_forecast', { city: 'Delft' }).result).toBe('Sunny in Delft.');
  });

  test('can be looked at without a call', async () => {
    const connection = await McpConnection.open(config());
    expect((await connection.tools()).map(({ name }) => name)).toContain('slow.write');
    await connection.close();
    expect(server.sessions).toEqual([]);
    server.refuseWith = 403;
    await expect(McpConnection.open(config())).rejects.toMatchObject({ kind: 'unreachable', message: 'status 403' });
  });
});
