import type Anthropic from '@anthropic-ai/sdk';
import { llm } from '@livekit/agents';
import { type PromptBlock, toPrompt } from './anthropic-messages.ts';

/** What one reply is asked with. */
export interface ReplyOptions {
  chatCtx: llm.ChatContext;
  toolCtx?: llm.ToolContext;
  toolChoice?: llm.ToolChoice;
  parallelToolCalls?: boolean;
}

/**
 * Builds the body of `POST /v1/messages` (platform.claude.com/docs/en/api/messages). Tools, system and earlier messages come out
 * byte for byte the same from turn to turn. Cache markers stand on the last tool, the last system block and the last message
 * block: each is as far as the prompt may stay the same (three of the four that the API allows).
 *
 * Thinking is off: a listener would hear silence, and some models think unless told not to.
 *
 * @throws APIError, not retryable, when the history holds an image.
 */
export function toRequest(
  model: string,
  maxTokens: number,
  options: ReplyOptions,
): Anthropic.MessageCreateParamsStreaming {
  const tools = options.toolCtx ? llm.sortedToolEntries(options.toolCtx).map(([, tool]) => toTool(tool)) : [];
  const { system, messages } = toPrompt(options.chatCtx.items, { toolCalls: tools.length > 0 });
  markForCache(tools.at(-1));
  markForCache(system.at(-1));
  markForCache(messages.at(-1)?.content.at(-1));
  return {
    model,
    max_tokens: maxTokens,
    stream: true,
    thinking: { type: 'disabled' },
    ...(tools.length && { tools, tool_choice: toToolChoice(options.toolChoice, options.parallelToolCalls) }),
    ...(system.length && { system }),
    messages,
  };
}

function toTool(tool: llm.FunctionTool): Anthropic.Tool {
  const { $schema: _, ...schema } = llm.toJsonSchema(tool.parameters, false);
  return { name: tool.name, description: tool.description, input_schema: { ...schema, type: 'object' } };
}

/** With `none` the tools are still sent: leaving them out would change the cached prefix. */
function toToolChoice(choice: llm.ToolChoice = 'auto', parallelToolCalls = true): Anthropic.ToolChoice {
  if (choice === 'none') return { type: 'none' };
  const limits = parallelToolCalls ? {} : { disable_parallel_tool_use: true };
  if (typeof choice === 'object') return { type: 'tool', name: choice.function.name, ...limits };
  return { type: choice === 'required' ? 'any' : 'auto', ...limits };
}

function markForCache(block: PromptBlock | Anthropic.Tool | undefined): void {
  if (block) block.cache_control = { type: 'ephemeral' };
}
