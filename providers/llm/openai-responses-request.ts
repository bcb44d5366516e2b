import type { llm } from '@livekit/agents';
import type { OpenAI } from 'openai';
import { callIdWithin, describeTools, type ReplyOptions } from './openai-tools.ts';
import { inputOf, type ResponseStep, type Step, toSteps } from './steps.ts';

type Input = OpenAI.Responses.ResponseInputItem;

/** What every request of an adapter has in common. */
export interface ResponsesSettings {
  model: string;
  maxTokens: number;
  reasoningEffort?: OpenAI.ReasoningEffort;
}

/** Longest `call_id` that the API takes, in characters. */
const longestCallId = 64;

/**
 * Builds the body of `POST /v1/responses` (platform.openai.com/docs/api-reference/responses/create). Nothing is stored at the
 * vendor: the whole conversation is sent each time, and comes out byte for byte the same from turn to turn, so that the prompt
 * cache, which works by itself, holds. Reasoning is not sent back: nothing here keeps it.
 *
 * @throws APIError, not retryable, when the history holds an image.
 */
export function toResponsesRequest(
  { model, maxTokens, reasoningEffort }: ResponsesSettings,
  { chatCtx, toolCtx, toolChoice, parallelToolCalls = true }: ReplyOptions,
): OpenAI.Responses.ResponseCreateParamsStreaming {
  // Strict is the default here, and refuses schemas with optional fields.
  const tools = describeTools(toolCtx).map((tool) => ({ type: 'function' as const, ...tool, strict: false }));
  const steps = toSteps(chatCtx.items, { toolCalls: tools.length > 0, owner: 'OpenAIResponsesLLM' });
  return {
    model,
    stream: true,
    store: false,
    max_output_tokens: maxTokens,
    ...(reasoningEffort && { reasoning: { effort: reasoningEffort } }),
    ...(tools.length && { tools, tool_choice: toToolChoice(toolChoice), parallel_tool_calls: parallelToolCalls }),
    input: toInput(steps),
  };
}

/** With `none` the tools are still sent: leaving them out would change the cached prefix. */
function toToolChoice(
  choice: llm.ToolChoice = 'auto',
): OpenAI.Responses.ToolChoiceOptions | OpenAI.Responses.ToolChoiceFunction {
  return typeof choice === 'string' ? choice : { type: 'function', name: choice.function.name };
}

function toInput(steps: readonly Step[]): Input[] {
  const input = steps.flatMap((step): Input[] => {
    if ('texts' in step) return responseItems(step);
    return [{ role: step.role === 'system' ? 'developer' : 'user', content: step.text }];
  });
  const last = input.at(-1);
  if (!last) return [{ role: 'developer', content: 'The conversation begins.' }];
  const answered = 'role' in last && last.role === 'assistant';
  return answered ? [...input, { role: 'developer', content: 'Continue the conversation.' }] : input;
}

/** The text first, then all calls, then all outputs, as a response with parallel calls came. */
function responseItems({ texts, calls }: ResponseStep): Input[] {
  const idOf = (callId: string) => callIdWithin(callId, longestCallId);
  return [
    ...texts.map((content): Input => ({ role: 'assistant', content })),
    ...calls.map(
      ({ call }): Input => ({
        type: 'function_call',
        call_id: idOf(call.callId),
        name: call.name,
        arguments: JSON.stringify(inputOf(call)),
      }),
    ),
    ...calls.map(
      ({ output }): Input => ({
        type: 'function_call_output',
        call_id: idOf(output.callId),
        output: output.output,
      }),
    ),
  ];
}
