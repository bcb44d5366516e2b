import type Anthropic from '@anthropic-ai/sdk';
import { APIError, type llm } from '@livekit/agents';

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

interface ToolCall {
  call: llm.FunctionCall;
  output: llm.FunctionCallOutput;
}

/** What one response of the model left in the history. */
interface Response {
  role: 'assistant';
  texts: string[];
  calls: ToolCall[];
}

type Step = { role: 'system' | 'user'; text: string } | Response;

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

  for (const step of toSteps(items, options)) {
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

/**
 * Gathers what belongs to one response: the framework stores its text and its parallel calls as separate items. They share an id
 * or a group, or follow each other with nothing in between.
 */
function toSteps(items: readonly llm.ChatItem[], options: { toolCalls: boolean }): Step[] {
  const steps: Step[] = [];
  const responses = new Map<string, Response>();
  let current: Response | undefined;
  const responseOf = (id: string): Response => {
    let response = responses.get(id) ?? current;
    if (!response) {
      response = { role: 'assistant', texts: [], calls: [] };
      steps.push(response);
    }
    responses.set(id, response);
    current = response;
    return response;
  };

  const outputs = new Map(
    items.flatMap((item) => (item.type === 'function_call_output' ? [[item.callId, item] as const] : [])),
  );
  for (const item of items) {
    if (item.type === 'message') {
      const text = textOf(item);
      if (!text) continue;
      if (item.role === 'assistant') responseOf(responseId(item.id)).texts.push(text);
      else {
        steps.push({ role: item.role === 'user' ? 'user' : 'system', text });
        current = undefined;
      }
    } else if (item.type === 'function_call') {
      const output = outputs.get(item.callId);
      if (!output || !options.toolCalls) continue;
      // The API wants the ids of a conversation to be unique: a call that is recorded twice counts once.
      outputs.delete(item.callId);
      responseOf(item.groupId ?? responseId(item.id)).calls.push({ call: item, output });
    } else if (item.type === 'function_call_output') {
      current = undefined;
    }
  }
  return steps;
}

/** Items of one response share what stands before the slash of their ids. */
function responseId(itemId: string): string {
  return itemId.split('/', 1)[0] ?? itemId;
}

function textOf(message: llm.ChatMessage): string {
  return message.content
    .map((part) => {
      if (typeof part === 'string') return part;
      if (part.type === 'instructions') return part.value;
      if (part.type === 'audio_content') return part.transcript ?? '';
      throw new APIError('AnthropicLLM takes text only: leave images out of the chat context', { retryable: false });
    })
    .filter((text) => text.trim())
    .join('\n');
}

function textBlock(text: string): Anthropic.TextBlockParam {
  return { type: 'text', text };
}

function noteBlock(text: string): Anthropic.TextBlockParam {
  return textBlock(`<system>\n${text}\n</system>`);
}

/** A person must not be able to speak or type a note of ours. */
function withoutNoteTags(text: string): string {
  return text.replace(/<(\s*\/?\s*system\b[^>]*)>/gi, '[$1]');
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

/** The API takes an object only; a model's broken JSON was answered with an error, which stays in the history. */
function inputOf(call: llm.FunctionCall): object {
  try {
    const input: unknown = JSON.parse(call.args);
    return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {};
  } catch {
    return {};
  }
}
