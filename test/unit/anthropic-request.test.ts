import { llm } from '@livekit/agents';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { toRequest } from '../../providers/llm/anthropic-request.ts';

const tool = (name: string, parameters?: z.ZodObject) =>
  llm.tool({ name, description: `The tool ${name}.`, parameters, execute: async () => 'done' });
const message = (role: llm.ChatRole, content: string) => llm.ChatMessage.create({ role, content });
const build = (items: llm.ChatItem[], options: Partial<Parameters<typeof toRequest>[2]> = {}) =>
  toRequest('claude-haiku-4-5', 100, { chatCtx: new llm.ChatContext(items), ...options });

const system = message('system', 'be kind');
const toolCtx = new llm.ToolContext([tool('b_tool'), tool('a_tool', z.object({ what: z.string() }))]);

describe('toRequest', () => {
  it('streams, switches thinking off and leaves out what is empty', () => {
    expect(build([message('user', 'hello')])).toEqual({
      model: 'claude-haiku-4-5',
      max_tokens: 100,
      stream: true,
      thinking: { type: 'disabled' },
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello', cache_control: { type: 'ephemeral' } }] }],
    });
  });

  it('describes tools in a fixed order', () => {
    const { tools } = build([system], { toolCtx });
    expect(tools).toEqual([
      {
        name: 'a_tool',
        description: 'The tool a_tool.',
        input_schema: {
          type: 'object',
          properties: { what: { type: 'string' } },
          required: ['what'],
          additionalProperties: false,
        },
      },
      {
        name: 'b_tool',
        description: 'The tool b_tool.',
        input_schema: { type: 'object', properties: {}, additionalProperties: false },
        cache_control: { type: 'ephemeral' },
      },
    ]);
    const reversed = new llm.ToolContext([...toolCtx.tools].reverse());
    expect(JSON.stringify(build([system], { toolCtx: reversed }).tools)).toBe(JSON.stringify(tools));
  });

  it.each([
    [undefined, undefined, { type: 'auto' }],
    ['auto', true, { type: 'auto' }],
    ['auto', false, { type: 'auto', disable_parallel_tool_use: true }],
    ['none', false, { type: 'none' }],
    ['required', undefined, { type: 'any' }],
    [
      { type: 'function', function: { name: 'a_tool' } },
      false,
      { type: 'tool', name: 'a_tool', disable_parallel_tool_use: true },
    ],
  ] as const)('translates the tool choice %j (parallel: %s)', (toolChoice, parallelToolCalls, expected) => {
    expect(build([system], { toolCtx, toolChoice, parallelToolCalls }).tool_choice).toEqual(expected);
    expect(build([system], { toolChoice, parallelToolCalls }).tool_choice).toBeUndefined();
  });

  it('only adds to the end of the prompt as the conversation goes on', () => {
    const conversation: llm.ChatItem[] = [
      system,
      message('user', 'hello'),
      message('assistant', 'hi'),
      message('user', 'look it up'),
      llm.FunctionCall.create({ callId: 'a', name: 'a_tool', args: '{"what": "x"}', id: 'r/fnc_0' }),
      llm.FunctionCallOutput.create({ callId: 'a', name: 'a_tool', output: 'found', isError: false }),
      message('assistant', 'here it is'),
      llm.AgentHandoffItem.create({ newAgentId: 'other' }),
      message('user', 'thanks'),
      message('system', 'speak Dutch'),
      message('user', 'and now?'),
    ];
    const asked = [2, 4, 6, 9, 11].map((length) => build(conversation.slice(0, length), { toolCtx }));
    asked.slice(1).forEach((next, index) => {
      const earlier = asked[index];
      if (!earlier) throw new Error('no earlier request');
      expect(JSON.stringify([next.tools, next.system])).toBe(JSON.stringify([earlier.tools, earlier.system]));
      // The last turn may have grown: what closes it is not part of the prefix.
      expect(unmarked(next.messages).startsWith(unmarked(earlier.messages).replace(/\]\}\]$/, ''))).toBe(true);
      expect(unmarked(next.messages).length).toBeGreaterThan(unmarked(earlier.messages).length);
    });
  });

  it('marks the last tool, the last system block and the last message block', () => {
    const request = build([system, message('system', 'be brief'), message('user', 'one'), message('user', 'two')], {
      toolCtx,
    });
    const blocks: unknown[] = [request.tools, request.system, request.messages.map((turn) => turn.content)].flat(2);
    expect(blocks.map((block) => JSON.stringify(block).includes('cache_control'))).toEqual([
      false,
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

function unmarked(messages: unknown): string {
  return JSON.stringify(messages, (key, value: unknown) => (key === 'cache_control' ? undefined : value));
}
