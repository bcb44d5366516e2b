import type { llm } from '@livekit/agents';
import type { OpenAI } from 'openai';
import { callIdWithin, describeTools, type ReplyOptions } from './openai-tools.ts';
import { inputOf, noteText, type ResponseStep, type Step, toSteps, withoutNoteTags } from './steps.ts';

type Message = OpenAI.ChatCompletionMessageParam;

/**
 * Who reads the request. OpenAI takes system messages anywhere and has parameters of its own; `compatible` is what any server takes
 * that calls itself compatible, whatever the chat template of its model: one system message, then user and assistant in turns.
 */
export type ChatDialect = 'openai' | 'compatible';

/** What every request of an adapter has in common. */
export interface ChatSettings {
  model: string;
  maxTokens: number;
  dialect: ChatDialect;
  reasoningEffort?: OpenAI.ReasoningEffort;
}

/** Longest id of a tool call that OpenAI takes here, in characters; LiteLLM makes longer ones and wants them back whole. */
const longestCallId: Record<ChatDialect, number> = { openai: 40, compatible: Number.POSITIVE_INFINITY };

/**
 * Builds the body of `POST /v1/chat/completions` (platform.openai.com/docs/api-reference/chat/create). Tools and earlier messages
 * come out byte for byte the same from turn to turn, so that the vendor's prompt cache, which works by itself, holds. There is no
 * `prompt_cache_key`: one per call would keep calls from sharing the agent's prompt, and by its beginning a prompt is routed anyway.
 *
 * @throws APIError, not retryable, when the history holds an image.
 */
export function toChatRequest(
  { model, maxTokens, dialect, reasoningEffort }: ChatSettings,
  { chatCtx, toolCtx, toolChoice, parallelToolCalls }: ReplyOptions,
): OpenAI.ChatCompletionCreateParamsStreaming {
  const tools = describeTools(toolCtx).map((tool) => ({ type: 'function' as const, function: tool }));
  const steps = toSteps(chatCtx.items, { toolCalls: tools.length > 0, owner: 'OpenAIChatLLM' });
  return {
    model,
    stream: true,
    stream_options: { include_usage: true },
    // OpenAI's reasoning models refuse `max_tokens`, older servers do not know `max_completion_tokens` nor `store`.
    ...(dialect === 'openai' ? { max_completion_tokens: maxTokens, store: false } : { max_tokens: maxTokens }),
    ...(reasoningEffort && { reasoning_effort: reasoningEffort }),
    ...(tools.length && { tools, tool_choice: toToolChoice(toolChoice) }),
    ...(tools.length && parallelToolCalls === false && { parallel_tool_calls: false }),
    messages: dialect === 'openai' ? toMessages(steps) : toAlternatingMessages(steps),
  };
}

/** With `none` the tools are still sent: leaving them out would change the cached prefix. */
function toToolChoice(choice: llm.ToolChoice = 'auto'): OpenAI.ChatCompletionToolChoiceOption {
  if (typeof choice === 'string') return choice;
  return { type: 'function', function: { name: choice.function.name } };
}

function toMessages(steps: readonly Step[]): Message[] {
  const messages = steps.flatMap((step): Message[] =>
    'texts' in step ? responseMessages(step, 'openai') : [{ role: step.role, content: step.text }],
  );
  const goOn = needsTurn(messages.at(-1));
  return goOn ? [...messages, { role: 'system', content: goOn }] : messages;
}

function toAlternatingMessages(steps: readonly Step[]): Message[] {
  const system: string[] = [];
  const messages: Message[] = [];
  const say = (text: string) => {
    const last = messages.at(-1);
    if (last?.role !== 'user') messages.push({ role: 'user', content: text });
    else if (typeof last.content === 'string') last.content = [last.content, text].map(textPart);
    else last.content.push(textPart(text));
  };
  for (const step of withoutNeighbours(steps)) {
    if ('texts' in step) {
      if (!messages.length) say(noteText(begins));
      messages.push(...responseMessages(step, 'compatible'));
    } else if (step.role === 'user') say(withoutNoteTags(step.text));
    else if (messages.length) say(noteText(step.text));
    else system.push(step.text);
  }
  const goOn = needsTurn(messages.at(-1));
  if (goOn) say(noteText(goOn));
  return system.length ? [{ role: 'system', content: system.join('\n\n') }, ...messages] : messages;
}

/** A response right behind one that called nothing becomes one with it: templates do not let a role speak twice. */
function withoutNeighbours(steps: readonly Step[]): Step[] {
  const merged: Step[] = [];
  for (const step of steps) {
    const last = merged.at(-1);
    if (last && 'texts' in last && !last.calls.length && 'texts' in step) {
      merged[merged.length - 1] = { ...step, texts: [...last.texts, ...step.texts] };
    } else merged.push(step);
  }
  return merged;
}

const begins = 'The conversation begins.';

/** What to tell a model that has nobody to answer; undefined when it has. */
function needsTurn(last: Message | undefined): string | undefined {
  if (!last) return begins;
  return last.role === 'assistant' ? 'Continue the conversation.' : undefined;
}

function responseMessages({ texts, calls }: ResponseStep, dialect: ChatDialect): Message[] {
  const idOf = (callId: string) => callIdWithin(callId, longestCallId[dialect]);
  const toolCalls = calls.map(({ call }) => ({
    type: 'function' as const,
    id: idOf(call.callId),
    function: { name: call.name, arguments: JSON.stringify(inputOf(call)) },
  }));
  const content = texts.join('\n') || null;
  return [
    { role: 'assistant', content, ...(toolCalls.length && { tool_calls: toolCalls }) },
    ...calls.map(
      ({ output }): Message => ({ role: 'tool', tool_call_id: idOf(output.callId), content: output.output }),
    ),
  ];
}

function textPart(text: string): OpenAI.ChatCompletionContentPartText {
  return { type: 'text', text };
}
