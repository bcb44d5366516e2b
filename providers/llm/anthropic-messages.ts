import type Anthropic from '@anthropic-ai/sdk';
import type { llm } from '@livekit/agents';
import { inputOf, noteText, type ToolCall, toSteps, withoutNoteTags } from './steps.ts';

/** The kinds of block we send; each of them may carry a cache marker. */
export type PromptBlock = Anthropic.TextBlockParam | Anthropic.ToolUseBlockParam | Anthropic.ToolResultBlockParam;

/** One turn of the conversation; two turns in a row never have the same role. */
export interface PromptTurn {
  role: 'user' | 'assistant';
  content: PromptBlock[];
}

/** A history as the Messages API wants it. */
export interface Prompt {
  system: Anthropic.TextBlockParam[];
  /** Begins and ends with a user turn. */
  messages: PromptTurn[];
}

/**
 * Turns a framework history into a prompt that keeps the rules of the Messages API whatever the history looks like, and
 * that only grows at its end while the history does, so that the vendor's prompt cache holds.
 *
 * System messages ahead of everything else become system blocks; later ones become notes in a user turn, wrapped in
 * `<system>`. Calls without an output, outputs without a call and blank text are left out. With `toolCalls: false` all calls are:
 * the API refuses them in a request that offers no tools.
 *
 * @throws APIError, not retryable, when a message holds an image.
 */
export function toPrompt(items: readonly llm.ChatItem[], options: { toolCalls: boolean }): Prompt {
  const system: Anthropic.TextBlockParam[] = [];
  const messages: PromptTurn[] = [];
  const append = (role: PromptTurn['role'], ...blocks: PromptBlock[]) => {
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else messages.push({ role, content: blocks });
  };

  for (const step of toSteps(items, { ...options, owner: 'AnthropicLLM' })) {
    if (step.role === 'user') append('user', textBlock(withoutNoteTags(step.text)));
    else if (step.role === 'assistant') {
      append('assistant', ...step.texts.map(textBlock), ...step.calls.map(toolUseBlock));
      if (step.calls.length) append('user', ...step.calls.map(toolResultBlock));
    } else if (messages.length) append('user', noteBlock(step.text));
    else system.push(textBlock(step.text));
  }

  if (messages[0]?.role !== 'user')
    messages.unshift({ role: 'user', content: [noteBlock('The conversation begins.')] });
  if (messages.at(-1)?.role !== 'user') append('user', noteBlock('Continue the conversation.'));
  return { system, messages };
}

function textBlock(text: string): Anthropic.TextBlockParam {
  return { type: 'text', text };
}

function noteBlock(text: string): Anthropic.TextBlockParam {
  return textBlock(noteText(text));
}

function toolUseBlock({ call }: ToolCall): Anthropic.ToolUseBlockParam {
  return { type: 'tool_use', id: call.callId, name: call.name, input: inputOf(call) };
}

function toolResultBlock({ output }: ToolCall): Anthropic.ToolResultBlockParam {
  return {
    type: 'tool_result',
    tool_use_id: output.callId,
    ...(output.output.trim() && { content: output.output }),
    ...(output.isError && { is_error: true }),
  };
}
