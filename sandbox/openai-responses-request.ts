import { z } from 'zod';
import type { AskedReply } from './openai-replies.ts';
import {
  checkModel,
  type Piece,
  parametersSchema,
  parseBody,
  RefusedReply,
  toConversation,
  toolName,
} from './openai-replies-prompt.ts';
import { toEvents } from './openai-responses-stream.ts';

const callId = z.string().min(1).max(64);

const inputMessage = z.strictObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([
    z.string(),
    z.array(z.strictObject({ type: z.enum(['input_text', 'output_text']), text: z.string() })).min(1),
  ]),
});

const functionCall = z.strictObject({
  type: z.literal('function_call'),
  call_id: callId,
  name: toolName,
  arguments: z.string(),
});

const functionCallOutput = z.strictObject({
  type: z.literal('function_call_output'),
  call_id: callId,
  output: z.string(),
});

const inputItem = z.union([functionCall, functionCallOutput, inputMessage]);

type InputItem = z.infer<typeof inputItem>;

const tool = z.strictObject({
  type: z.literal('function'),
  name: toolName,
  description: z.string().nullish(),
  parameters: parametersSchema.nullable(),
  // Absent, the vendor tightens the schema itself where it can.
  strict: z.boolean().nullish(),
});

const strictSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).default([]),
  additionalProperties: z.unknown(),
});

const requestSchema = z.strictObject({
  model: z.string().min(1),
  input: z.array(inputItem).min(1),
  // Replies in one piece are not modelled, and nothing is kept here.
  stream: z.literal(true),
  store: z.literal(false),
  max_output_tokens: z.int().min(16).nullish(),
  reasoning: z.strictObject({ effort: z.string().nullish() }).nullish(),
  tools: z.array(tool).max(128).optional(),
  tool_choice: z
    .union([z.enum(['none', 'auto', 'required']), z.strictObject({ type: z.literal('function'), name: z.string() })])
    .optional(),
  parallel_tool_calls: z.boolean().nullish(),
});

/**
 * Checks the body of `POST /v1/responses` as the vendor does (platform.openai.com/docs/api-reference/responses/create). Parameters
 * and items that the vendor has but that are not modelled here are refused like unknown ones, so that no test can lean on them.
 * @throws RefusedReply
 */
export function parseResponses(body: unknown): AskedReply {
  const request = parseBody(requestSchema, body);
  const { model, input, tools = [], tool_choice: choice = 'auto' } = request;
  const parallel = request.parallel_tool_calls ?? true;
  checkModel(model, request.reasoning?.effort, 'reasoning.effort');
  checkCalls(input);
  tools.forEach(checkStrictness);
  if (typeof choice === 'object' && !tools.some(({ name }) => name === choice.name)) {
    throw new RefusedReply("Tool choice not found in 'tools' parameter.", { param: 'tool_choice' });
  }
  if (choice === 'required' && !tools.length) {
    throw new RefusedReply("Tool choice 'required' must be specified with 'tools' parameter.", {
      param: 'tool_choice',
    });
  }
  return {
    model,
    maxTokens: request.max_output_tokens ?? Number.POSITIVE_INFINITY,
    conversation: toConversation(input.flatMap(toPieces), {
      tools: tools.map(({ parameters, ...each }) => ({ ...each, parameters })),
      choice,
      parallel,
    }),
    prompt: [...tools, ...input].map((piece) => JSON.stringify(piece)),
    toEvents: (envelope) => toEvents(envelope, { tools, tool_choice: choice, parallel_tool_calls: parallel }),
  };
}

/** A strict schema is closed and requires all it has (platform.openai.com/docs/guides/function-calling#strict-mode). */
function checkStrictness({ name, strict, parameters }: z.infer<typeof tool>, index: number): void {
  if (!strict || !parameters) return;
  const { properties = {}, required, additionalProperties } = strictSchema.parse(parameters);
  if (additionalProperties === false && Object.keys(properties).every((key) => required.includes(key))) return;
  const reason = "'additionalProperties' must be false and 'required' must include every key in properties.";
  throw new RefusedReply(`Invalid schema for function '${name}': ${reason}`, {
    param: `tools[${index}].parameters`,
    code: 'invalid_function_parameters',
  });
}

function toPieces(item: InputItem): Piece[] {
  if (item.type === 'function_call') {
    return [{ kind: 'call', id: item.call_id, name: item.name, args: item.arguments }];
  }
  if (item.type === 'function_call_output') return [{ kind: 'result', id: item.call_id, text: item.output }];
  const kind = item.role === 'developer' ? 'system' : item.role;
  const texts = typeof item.content === 'string' ? [item.content] : item.content.map(({ text }) => text);
  return texts.map((text) => ({ kind, text }));
}

/** Each call has one output behind it, and each output a call before it. */
function checkCalls(input: readonly InputItem[]): void {
  const open = new Set<string>();
  for (const item of input) {
    if (item.type === 'function_call') open.add(item.call_id);
    if (item.type === 'function_call_output' && !open.delete(item.call_id)) {
      throw new RefusedReply('No tool call found for function call output.', { param: 'input' });
    }
  }
  if (open.size) throw new RefusedReply('No tool output found for function call.', { param: 'input' });
}
