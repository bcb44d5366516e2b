import { initializeLogger, llm, type voice } from '@livekit/agents';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, beforeEach, expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Call } from '../../agents/call.ts';
import { CallTools, type ToolOutcome } from '../../agents/mcp/call-tools.ts';
import type { McpServerConfig } from '../../core/config/mcp.ts';
import { createLog, type Log } from '../../core/log.ts';
import { LoopbackMcpServer } from '../support/mcp-server.ts';

/** Names of the tools that an agent is offered of the server. */
export const allNames = ['weather_book', 'weather_broken', 'weather_forecast', 'weather_slow', 'weather_slow_write'];

/** What a tool answers with words. */
export const said = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] });

/** What the model is told of an error that a tool returned. */
export const messageOf = (result: unknown) =>
  result instanceof llm.ToolError ? result.message : `no error: ${result}`;

/** Waits until an agent has the tools of these names. */
export const until = (names: () => string[], expected: string[]) => expect.poll(names).toEqual(expected);

/** What a test's framework needs of a run: whether a word spoken now would end it. */
interface Run {
  result: Promise<unknown>;
  abort(): void;
  isUninterruptible(): boolean;
}

/** Starts and stops a server around each test of the suite that calls it; agents have its tools as they would in a call. */
export function mcpFixture() {
  let server: LoopbackMcpServer;
  let release: () => void;
  /** What tools were called with, and which of them were cancelled by the client. */
  const called: unknown[] = [];
  const cancelled: string[] = [];
  const outcomes: [string, string, ToolOutcome][] = [];
  const lines: { level: number; msg: string; [key: string]: unknown }[] = [];
  const log: Log = new Proxy(createLog('test', 'silent'), {
    get(target, key) {
      if (key === 'child') return () => log;
      if (key !== 'warn' && key !== 'info') return Reflect.get(target, key);
      return (fields: object, msg: string) => lines.push({ level: 40, ...Object(fields), msg: msg ?? fields });
    },
  });

  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  beforeEach(async () => {
    for (const seen of [called, cancelled, outcomes, lines]) seen.length = 0;
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

  return {
    server: () => server,
    release: () => release(),
    called,
    cancelled,
    outcomes,
    lines,
    log,
    config,
    open,
    enter,
  };
}
