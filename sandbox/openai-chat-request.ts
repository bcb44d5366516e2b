import { z } from 'zod';
import { toEvents } from './openai-chat-stream.ts';
import type { AskedReply } from './openai-replies.ts';
import {
  checkModel,
  models,
  type Piece,
  parametersSchema,
  parseBody,
  RefusedReply,
  toConversation,
  toolName,
} from './openai-replies-prompt.ts';

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(textPart).min(1)]);

/** The API takes any text, but a model's template wants the object that was called with. */
const callArguments = z.string().refine((text) => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
});

/** Messages with ids of tool calls that are no longer than this. */
const messagesWith = (longestCallId: number) => {
  const callId = z.string().min(1).max(longestCallId);
  const toolCall = z.strictObject({
    type: z.literal('function'),
    id: callId,
    function: z.strictObject({ name: toolName, arguments: callArguments }),
  });
  const message = z.discriminatedUnion('role', [
    z.strictObject({ role: z.enum(['system', 'developer', 'user']), content }),
    z.strictObject({
      role: z.literal('assistant'),
      content: content.nullish(),
      tool_calls: z.array(toolCall).min(1).optional(),
    }),
    z.strictObject({ role: z.literal('tool'), content, tool_call_id: callId }),
  ]);
  return z.array(message).min(1);
};

const tool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: toolName,
    description: z.string().optional(),
    parameters: parametersSchema.optional(),
    strict: z.boolean().nullish(),
  }),
});

const shared = {
  model: z.string().min(1),
  tools: z.array(tool).min(1).max(128).optional(),
  tool_choice: z
    .union([
      z.enum(['none', 'auto', 'required']),
      z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: z.string() }) }),
    ])
    .optional(),
  parallel_tool_calls: z.boolean().optional(),
  // Replies in one piece are not modelled.
  stream: z.literal(true),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).optional(),
  max_tokens: z.int().min(1).optional(),
};

const openaiSchema = z.strictObject({
  ...shared,
  messages: messagesWith(40),
  max_completion_tokens: z.int().min(1).optional(),
  reasoning_effort: z.string().nullish(),
  store: z.boolean().nullish(),
});

const compatibleSchema = z.strictObject({ ...shared, messages: messagesWith(Number.POSITIVE_INFINITY) });

type ChatRequest = z.infer<typeof openaiSchema>;

type Message = ChatRequest['messages'][number];

/**
 * Checks the body of `POST /v1/chat/completions` as OpenAI does (platform.openai.com/docs/api-reference/chat/create). Parameters that
 * the vendor has but that are not modelled here are refused like unknown ones, so that no test can lean on them.
 * @throws RefusedReply
 */
export function parseOpenAIChat(body: unknown): AskedReply {
  const request = parseBody(openaiSchema, body);
  checkModel(request.model, request.reasoning_effort, 'reasoning_effort');
  if (request.max_tokens !== undefined && models[request.model]?.length) {
    const message = "Unsupported parameter: 'max_tokens' is not supported with this model.";
    throw new RefusedReply(message, { param: 'max_tokens', code: 'unsupported_parameter' });
  }
  checkTools(request);
  checkCalls(request);
  return toAskedReply(request, 'openai');
}

/** What may come after which role in the strictest templates. */
const followers: Readonly<Record<string, readonly string[]>> = {
  start: ['system', 'user'],
  system: ['user'],
  user: ['assistant'],
  assistant: ['user', 'tool'],
  tool: ['tool', 'user', 'assistant'],
};

/**
 * Checks the body as a proxy does before a model whose template is as strict as templates are: one system message ahead of all
 * others, then user and assistant in turns, and somebody to answer at the end.
 * @throws RefusedReply
 */
export function parseCompatibleChat(body: unknown): AskedReply {
  const request = parseBody(compatibleSchema, body);
  checkTools(request);
  checkCalls(request);
  const roles = request.messages.map(({ role }) => role);
  roles.forEach((role, index) => {
    if (followers[roles[index - 1] ?? 'start']?.includes(role)) return;
    const reason = 'Conversation roles must alternate user/assistant/user/assistant/...';
    throw new RefusedReply(reason, { param: `messages[${index}].role` });
  });
  if (roles.at(-1) !== 'user' && roles.at(-1) !== 'tool') {
    throw new RefusedReply('The conversation must end with a user or tool message.', { param: 'messages' });
  }
  return toAskedReply(request, 'compatible');
}

function toAskedReply(request: ChatRequest, kind: 'openai' | 'compatible'): AskedReply {
  const { model, messages, tools = [], tool_choice: choice } = request;
  return {
    model,
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY,
    conversation: toConversation(messages.flatMap(toPieces), {
      tools: tools.map((each) => each.function),
      choice: typeof choice === 'object' ? choice.function : choice,
      parallel: request.parallel_tool_calls ?? true,
    }),
    prompt: [...tools, ...messages].map((piece) => JSON.stringify(piece)),
    toEvents: (envelope) => toEvents(envelope, { kind, usage: request.stream_options?.include_usage ?? false }),
  };
}

function toPieces(each: Message): Piece[] {
  const texts = typeof each.content === 'string' ? [each.content] : (each.content ?? []).map(({ text }) => text);
  if (each.role === 'tool') return [{ kind: 'result', id: each.tool_call_id, text: texts.join('\n') }];
  const kind = each.role === 'developer' ? 'system' : each.role;
  const calls = each.role === 'assistant' ? (each.tool_calls ?? []) : [];
  return [
    ...texts.map((text): Piece => ({ kind, text })),
    ...calls.map(({ id, function: { name, arguments: args } }): Piece => ({ kind: 'call', id, name, args })),
  ];
}

function checkTools({ tools = [], tool_choice: choice, parallel_tool_calls: parallel }: ChatRequest): void {
  const names = tools.map((each) => each.function.name);
  if (new Set(names).size < names.length) throw new RefusedReply('Tool names must be unique.', { param: 'tools' });
  for (const [param, value] of Object.entries({ tool_choice: choice, parallel_tool_calls: parallel })) {
    if (value !== undefined && !tools.length) {
      throw new RefusedReply(`'${param}' is only allowed when 'tools' are specified.`, { param });
    }
  }
  if (typeof choice === 'object' && !names.includes(choice.function.name)) {
    throw new RefusedReply("Tool choice not found in 'tools' parameter.", { param: 'tool_choice' });
  }
}

/** Each call is answered by one tool message, right behind the message that called. */
function checkCalls({ messages }: ChatRequest): void {
  let open = new Set<string>();
  messages.forEach((each, index) => {
    const param = `messages[${index}]`;
    if (each.role === 'tool') {
      if (open.delete(each.tool_call_id)) return;
      const reason = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
      throw new RefusedReply(reason, { param: `${param}.role` });
    }
    if (open.size) throw unanswered(param);
    if (each.role !== 'assistant') return;
    if (!each.content && !each.tool_calls)
      throw new RefusedReply('content is required.', { param: `${param}.content` });
    open = new Set(each.tool_calls?.map(({ id }) => id));
  });
  if (open.size) throw unanswered('messages');
}

function unanswered(param: string): RefusedReply {
  const reason = "An assistant message with 'tool_calls' must be followed by tool messages for each 'tool_call_id'.";
  return new RefusedReply(reason, { param });
}
