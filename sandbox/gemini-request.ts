import { z } from 'zod';
import type { Conversation } from './anthropic-situation.ts';
import { withJsonNames } from './gemini-names.ts';

/** What a request is answered with when the API does not take it, as the vendor numbers and names it; never quotes what was said. */
export class RefusedRequest extends Error {}

const functionName = z.string().regex(/^[a-zA-Z_][\w.:-]{0,127}$/);

const functionCall = z.strictObject({
  id: z.string().min(1).optional(),
  name: functionName,
  args: z.record(z.string(), z.unknown()).optional(),
});

const functionResponse = z.strictObject({
  id: z.string().min(1).optional(),
  name: functionName,
  response: z.record(z.string(), z.unknown()),
});

const part = z
  .strictObject({
    text: z.string().optional(),
    functionCall: functionCall.optional(),
    functionResponse: functionResponse.optional(),
    thoughtSignature: z.string().optional(),
  })
  .refine(
    ({ text, functionCall: made, functionResponse: answered }) =>
      [text, made, answered].filter((data) => data !== undefined).length === 1,
    'required oneof field "data" must have one initialized field',
  );

/** One turn, as `generateContent` and the Live API take it. */
export const contentSchema = z.strictObject({
  role: z.enum(['user', 'model'], 'Please use a valid role: user, model.').optional(),
  parts: z.array(part).min(1, 'must include at least one parts field'),
});

/** A turn of either API. */
export type Content = z.infer<typeof contentSchema>;

const declaration = z.strictObject({
  name: functionName,
  description: z.string().optional(),
  parametersJsonSchema: z
    .looseObject({ type: z.literal('object'), properties: z.record(z.string(), z.unknown()) })
    .optional(),
  behavior: z.enum(['BLOCKING', 'NON_BLOCKING']).optional(),
});

/** The tools of either API. */
export const toolsSchema = z.array(z.strictObject({ functionDeclarations: z.array(declaration) }));

/** Instructions of either API; their role is of no consequence. */
export const instructionSchema = z.strictObject({
  role: z.string().optional(),
  parts: z.array(z.strictObject({ text: z.string().min(1) })).min(1),
});

const requestSchema = z.strictObject({
  contents: z.array(contentSchema).min(1, 'contents is not specified'),
  systemInstruction: instructionSchema.optional(),
  tools: toolsSchema.optional(),
  toolConfig: z
    .strictObject({
      functionCallingConfig: z.strictObject({
        mode: z.enum(['AUTO', 'ANY', 'NONE']),
        allowedFunctionNames: z.array(z.string()).optional(),
      }),
    })
    .optional(),
  generationConfig: z
    .strictObject({
      maxOutputTokens: z.int().min(1).optional(),
      thinkingConfig: z
        .strictObject({
          thinkingBudget: z.int().optional(),
          thinkingLevel: z.enum(['MINIMAL', 'LOW', 'MEDIUM', 'HIGH']).optional(),
        })
        .optional(),
    })
    .optional(),
});

/** A request the API takes. */
export type GenerateRequest = z.infer<typeof requestSchema>;

/**
 * What each model may be told about thinking: `least` is the lowest level, or the smallest budget; `signed` models insist on the
 * thought signatures of their calls (ai.google.dev/gemini-api/docs/thinking and .../thought-signatures).
 */
export const models: Readonly<Record<string, { least: 'MINIMAL' | 'LOW' | number; signed: boolean }>> = {
  'gemini-2.5-flash': { least: 0, signed: false },
  'gemini-2.5-pro': { least: 128, signed: false },
  'gemini-3.1-flash-lite': { least: 'MINIMAL', signed: true },
  'gemini-3.1-pro-preview': { least: 'LOW', signed: true },
  'gemini-3.5-flash-lite': { least: 'MINIMAL', signed: true },
  'gemini-3.8-flash': { least: 'LOW', signed: true },
};

/** Accepted in place of a signature the vendor never gave (ai.google.dev/gemini-api/docs/thought-signatures). */
const skipsValidation = 'skip_thought_signature_validator';

/**
 * Checks the body of `models/*:streamGenerateContent` as the vendor does (ai.google.dev/api/generate-content). Fields that the
 * vendor has but that are not modelled here are refused like unknown ones, so that no test can lean on them.
 *
 * @throws RefusedRequest with the vendor's kind of message: path of the field, then the reason.
 */
export function parseRequest(model: string, signatures: ReadonlySet<string>, body: unknown): GenerateRequest {
  const result = requestSchema.safeParse(withJsonNames(body));
  if (!result.success) refuseIssue(result.error.issues[0]);
  const request = result.data;
  checkThinking(model, request);
  checkTools(request);
  checkTurns(request.contents);
  if (models[model]?.signed) checkSignatures(request.contents, signatures);
  return request;
}

/** Refuses with the first thing that a schema objects to. */
export function refuseIssue(issue: z.core.$ZodIssue | undefined): never {
  const path = issue?.path ?? [];
  if (issue?.code === 'unrecognized_keys') refuse(path, `Unknown name "${issue.keys[0]}": Cannot find field.`);
  refuse(path, issue?.message ?? 'invalid');
}

function refuse(path: readonly PropertyKey[], reason: string): never {
  const field = path.reduce<string>(
    (name, key) => (typeof key === 'number' ? `${name}[${key}]` : `${name}${name && '.'}${String(key)}`),
    '',
  );
  throw new RefusedRequest(`${field || 'GenerateContentRequest'}: ${reason}`);
}

function checkThinking(model: string, { generationConfig }: GenerateRequest): void {
  const { thinkingBudget: budget, thinkingLevel: level } = generationConfig?.thinkingConfig ?? {};
  const path = ['generationConfig', 'thinkingConfig'];
  const least = models[model]?.least ?? 0;
  if (budget !== undefined && level) refuse(path, 'You can only set only one of thinking budget and thinking level.');
  if (level && typeof least === 'number') refuse(path, 'Thinking level is not supported for this model.');
  if (level === 'MINIMAL' && least === 'LOW')
    refuse(path, 'Thinking level MINIMAL is not supported for this model. Please retry with other thinking level.');
  if (budget !== undefined && typeof least === 'number' && budget < least)
    refuse(path, `Budget ${budget} is invalid. This model only works in thinking mode.`);
}

function checkTools({ tools = [], toolConfig }: GenerateRequest): void {
  const names = namesOf(tools);
  if (new Set(names).size < names.length) refuse(['tools'], 'Duplicate function declaration found');
  const { mode, allowedFunctionNames: allowed } = toolConfig?.functionCallingConfig ?? {};
  const path = ['toolConfig', 'functionCallingConfig'];
  if (mode === 'ANY' && !names.length) refuse(path, 'Function calling mode ANY needs function declarations.');
  if (allowed && mode !== 'ANY') refuse(path, 'allowed_function_names should only be set when the mode is ANY.');
  if (allowed?.some((name) => !names.includes(name)))
    refuse(path, 'allowed_function_names must be a subset of the function declarations');
}

function checkTurns(contents: readonly Content[]): void {
  if (contents[0]?.role === 'model') refuse(['contents', 0], 'the first content must be of the user');
  if (contents.at(-1)?.role === 'model') refuse(['contents'], 'the last content must not be of the model');
  const used = new Set<string>();
  contents.forEach(({ role, parts }, index) => {
    const path = ['contents', index];
    const calls = callsOf(contents[index - 1]);
    const answers = parts.flatMap(({ functionResponse: answer }) => answer ?? []);
    const made = callsOf(contents[index]);
    if (role === 'model' && answers.length) refuse(path, 'function responses belong to the user');
    if (role !== 'model' && made.length) refuse(path, 'function calls belong to the model');
    if (made.length && contents[index - 1]?.role === 'model')
      refuse(path, 'function call turn must come immediately after a user turn or after a function response turn.');
    if (answers.length !== calls.length)
      refuse(path, 'the number of function response parts must equal the number of function call parts');
    if (answers.some(({ id, name }) => !calls.some((call) => call.id === id && call.name === name)))
      refuse(path, 'a function response must have the id and the name of its function call');
    if (answers.length && answers.length < parts.length)
      refuse(path, 'function responses must not be mixed with other parts');
    for (const { id } of made) {
      if (id && used.has(id)) refuse(path, 'function call ids must be unique');
      if (id) used.add(id);
    }
  });
}

/** In the current turn, which begins with the last words of the user, the first call of each response must be signed. */
function checkSignatures(contents: readonly Content[], signatures: ReadonlySet<string>): void {
  const begins = contents.findLastIndex(({ role, parts }) => role !== 'model' && parts.some(({ text }) => text));
  contents.forEach(({ parts }, index) => {
    const first = parts.find(({ functionCall: call }) => call);
    const path = ['contents', index];
    if (index > begins && first && !first.thoughtSignature)
      refuse(path, 'Function call is missing a thought_signature in functionCall parts.');
    const given = parts.flatMap(({ thoughtSignature }) => thoughtSignature ?? []);
    if (given.some((signature) => signature !== skipsValidation && !signatures.has(signature)))
      refuse(path, 'Thought signature is not valid.');
  });
}

function callsOf(content: Content | undefined) {
  return content?.parts.flatMap(({ functionCall: call }) => call ?? []) ?? [];
}

/** The names of the functions on offer. */
export function namesOf(tools: z.infer<typeof toolsSchema>): string[] {
  return tools.flatMap(({ functionDeclarations }) => functionDeclarations.map(({ name }) => name));
}

/** A conversation of this vendor as the rules of replies read it. */
export function toConversation(
  contents: readonly Content[],
  { tools = [], toolConfig }: Pick<GenerateRequest, 'tools' | 'toolConfig'>,
): Conversation {
  const messages: Conversation['messages'] = [];
  for (const { role, parts } of contents) {
    const message = {
      role: role === 'model' ? ('assistant' as const) : ('user' as const),
      content: parts.map(toBlock),
    };
    const last = messages.at(-1);
    if (last?.role === message.role) last.content.push(...message.content);
    else messages.push(message);
  }
  const { mode = 'AUTO', allowedFunctionNames = [] } = toolConfig?.functionCallingConfig ?? {};
  const [only] = allowedFunctionNames;
  return {
    messages,
    tools: tools.flatMap(({ functionDeclarations }) =>
      functionDeclarations.map(({ name, description }) => ({ name, description, input_schema: { type: 'object' } })),
    ),
    tool_choice:
      mode === 'NONE'
        ? { type: 'none' }
        : only
          ? { type: 'tool', name: only }
          : { type: mode === 'ANY' ? 'any' : 'auto' },
  };
}

function toBlock({ text = '', functionCall: call, functionResponse: answer }: Content['parts'][number]) {
  if (call) return { type: 'tool_use' as const, id: call.id ?? call.name, name: call.name, input: call.args ?? {} };
  if (!answer) return { type: 'text' as const, text };
  const { output, error } = answer.response;
  const told = error ?? output ?? answer.response;
  return {
    type: 'tool_result' as const,
    tool_use_id: answer.id ?? answer.name,
    content: typeof told === 'string' ? told : JSON.stringify(told),
    is_error: error !== undefined,
  };
}
