import { z } from 'zod';

/** What a request is answered with, and why, when the API does not take it; never quotes what was said. */
export class RefusedRequest extends Error {}

const cacheControl = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).optional();

const textBlock = z.strictObject({
  type: z.literal('text'),
  text: z.string().refine((text) => text.trim(), 'text content blocks must contain more than white space'),
  cache_control: cacheControl,
});

const toolUseId = z.string().regex(/^[a-zA-Z0-9_-]+$/);

const toolUseBlock = z.strictObject({
  type: z.literal('tool_use'),
  id: toolUseId,
  name: z.string().min(1).max(200),
  input: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
});

const toolResultBlock = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: toolUseId,
  content: z.union([z.string(), z.array(textBlock)]).optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
});

/** A bare string is short for one text block. */
const blocks = <T extends z.ZodType>(block: T) =>
  z.preprocess(
    (content) => (typeof content === 'string' ? [{ type: 'text', text: content }] : content),
    z.array(block),
  );

const message = z.strictObject({
  role: z.enum(['user', 'assistant']),
  content: blocks(z.discriminatedUnion('type', [textBlock, toolUseBlock, toolResultBlock])),
});

const tool = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/),
  description: z.string().optional(),
  /** Whether the input must fit the schema, which has to be closed then. */
  strict: z.boolean().optional(),
  input_schema: z.looseObject({
    type: z.literal('object'),
    properties: z.record(z.string(), z.unknown()).optional(),
    required: z.array(z.string()).optional(),
    oneOf: z.never('not supported at the top level').optional(),
    anyOf: z.never('not supported at the top level').optional(),
    allOf: z.never('not supported at the top level').optional(),
  }),
  cache_control: cacheControl,
});

const limits = { disable_parallel_tool_use: z.boolean().optional() };

const requestSchema = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  messages: z.array(message).min(1),
  system: blocks(textBlock).optional(),
  tools: z.array(tool).optional(),
  tool_choice: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('auto'), ...limits }),
      z.strictObject({ type: z.literal('any'), ...limits }),
      z.strictObject({ type: z.literal('tool'), name: z.string(), ...limits }),
      z.strictObject({ type: z.literal('none') }),
    ])
    .optional(),
  thinking: z.strictObject({ type: z.literal('disabled') }).optional(),
  stream: z.boolean().optional(),
});

/** A request the API takes. */
export type MessagesRequest = z.infer<typeof requestSchema>;

export type Message = MessagesRequest['messages'][number];

/**
 * Checks the body of `POST /v1/messages` as the vendor does (platform.claude.com/docs/en/api/messages). Parameters and blocks that
 * the vendor has but that are not modelled here are refused like unknown ones, so that no test can lean on them.
 *
 * @throws RefusedRequest with the vendor's kind of message: path of the field, then the reason.
 */
export function parseRequest(body: unknown): MessagesRequest {
  const result = requestSchema.safeParse(body);
  if (!result.success) {
    const issue = result.error.issues[0];
    if (issue?.code === 'unrecognized_keys')
      refuse([...issue.path, issue.keys[0] ?? ''], 'extra inputs are not permitted');
    refuse(issue?.path ?? [], issue?.message ?? 'invalid');
  }
  checkTools(result.data);
  checkTurns(result.data);
  checkCacheMarkers(result.data);
  return result.data;
}

function refuse(path: readonly PropertyKey[], reason: string): never {
  throw new RefusedRequest(`${path.join('.') || 'body'}: ${reason}`);
}

function checkTools({ tools = [], tool_choice: choice, messages }: MessagesRequest): void {
  const names = new Set(tools.map(({ name }) => name));
  if (names.size < tools.length) refuse(['tools'], 'tool names must be unique');
  tools.forEach(({ strict, input_schema: schema }, index) => {
    if (strict && schema.additionalProperties !== false)
      refuse(['tools', index, 'input_schema'], "'additionalProperties' must be explicitly set to false");
  });
  if (choice && !tools.length) refuse(['tool_choice'], 'may only be given together with tools');
  if (choice?.type === 'tool' && !names.has(choice.name)) refuse(['tool_choice', 'name'], 'no such tool among tools');
  if (!tools.length && messages.some(({ content }) => content.some(({ type }) => type !== 'text')))
    refuse(['tools'], 'requests with tool_use or tool_result blocks must define tools');
}

function checkTurns({ messages }: MessagesRequest): void {
  if (messages[0]?.role !== 'user') refuse(['messages'], 'the first message must use the user role');
  if (messages.at(-1)?.role !== 'user') refuse(['messages'], 'the conversation must end with a user message');
  const used = new Set<string>();
  messages.forEach((turn, index) => {
    const path = ['messages', index];
    const calls = callIds(messages[index - 1]);
    const results = turn.content.flatMap((block) => (block.type === 'tool_result' ? [block.tool_use_id] : []));
    if (turn.content.length === 0) refuse(path, 'content must not be empty');
    if (results.some((id) => !calls.has(id))) refuse(path, 'a tool_result has no tool_use in the previous message');
    if (new Set(results).size < results.length) refuse(path, 'a tool_use has more than one tool_result');
    if (results.length < calls.size) refuse(path, 'a tool_use of the previous message has no tool_result');
    if (turn.content.slice(0, results.length).some(({ type }) => type !== 'tool_result'))
      refuse(path, 'tool_result blocks must come before other content');
    for (const block of turn.content) {
      if (block.type !== 'tool_use') continue;
      if (turn.role !== 'assistant') refuse(path, 'tool_use blocks belong to the assistant');
      if (used.has(block.id)) refuse(path, 'tool_use ids must be unique');
      used.add(block.id);
    }
  });
}

function callIds(turn: Message | undefined): Set<string> {
  return new Set(turn?.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : [])));
}

function checkCacheMarkers({ tools = [], system = [], messages }: MessagesRequest): void {
  const marked = [...tools, ...system, ...messages.flatMap(({ content }) => content)].filter(
    (block) => block.cache_control,
  );
  if (marked.length > 4) refuse([], `at most 4 blocks may have cache_control, found ${marked.length}`);
}
