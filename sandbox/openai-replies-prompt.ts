import { createHash } from 'node:crypto';
import { z } from 'zod';
import { estimateTokens } from './anthropic-cache.ts';
import type { Conversation } from './anthropic-situation.ts';

/** Why the vendor would not take a request, in the manner of its error bodies; never quotes what was said. */
export class RefusedReply extends Error {
  readonly param: string | null;
  readonly code: string | null;
  readonly status: number;

  constructor(
    message: string,
    { param = null, code = null, status = 400 }: Partial<Omit<RefusedReply, 'message'>> = {},
  ) {
    super(message);
    this.param = param;
    this.code = code;
    this.status = status;
  }
}

/** Models there are, with the reasoning effort each takes (platform.openai.com/docs/models, as of the SDK's own notes). */
export const models: Readonly<Record<string, readonly string[]>> = {
  'gpt-4.1': [],
  'gpt-4.1-mini': [],
  'gpt-5-mini': ['minimal', 'low', 'medium', 'high'],
  'gpt-5.1': ['none', 'low', 'medium', 'high'],
};

/** What the API refuses of a model: one that does not exist, or a reasoning effort that it does not have. */
export function checkModel(model: string, effort: string | null | undefined, param: string): void {
  const efforts = models[model];
  if (!efforts) {
    const message = `The model '${model}' does not exist or you do not have access to it.`;
    throw new RefusedReply(message, { param: 'model', code: 'model_not_found', status: 404 });
  }
  if (!effort || efforts.includes(effort)) return;
  const code = efforts.length ? 'unsupported_value' : 'unsupported_parameter';
  throw new RefusedReply(`Unsupported: '${param}' is not supported with this model.`, { param, code });
}

/** Holds a body against a schema. @throws RefusedReply naming the first parameter that is wrong. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const param = pathOf([...issue.path, issue.keys[0] ?? '']);
    throw new RefusedReply(`Unknown parameter: '${param}'.`, { param, code: 'unknown_parameter' });
  }
  const param = pathOf(issue?.path ?? []);
  throw new RefusedReply(`Invalid value at '${param}': ${issue?.code ?? 'invalid'}.`, { param, code: 'invalid_value' });
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

/** The schema of a tool's parameters, as far as the API looks at it. */
export const parametersSchema = z.looseObject({ type: z.literal('object') });

/** Names of tools and functions. */
export const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/);

/** One thing in a prompt, whichever of the vendor's interfaces it came through. */
export type Piece =
  | { kind: 'system' | 'user' | 'assistant'; text: string }
  | { kind: 'call'; id: string; name: string; args: string }
  | { kind: 'result'; id: string; text: string };

/** What a reply is decided from besides the pieces. */
export interface Choice {
  tools: readonly { name: string; description?: string | null; parameters?: { type: 'object' } | null }[];
  choice: 'none' | 'auto' | 'required' | { name: string } | undefined;
  parallel: boolean;
}

type Turn = Conversation['messages'][number];

/** Puts a prompt into the shape that the rules read: later system messages are notes to them. */
export function toConversation(pieces: readonly Piece[], { tools, choice = 'auto', parallel }: Choice): Conversation {
  const messages: Turn[] = [];
  const add = (role: Turn['role'], block: Turn['content'][number]) => {
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(block);
    else messages.push({ role, content: [block] });
  };
  for (const piece of pieces) {
    if (piece.kind === 'call') {
      const input = JSON.parse(piece.args) as Record<string, unknown>;
      add('assistant', { type: 'tool_use', id: piece.id, name: piece.name, input });
    } else if (piece.kind === 'result') {
      add('user', { type: 'tool_result', tool_use_id: piece.id, content: piece.text });
    } else if (piece.kind !== 'system') {
      add(piece.kind, { type: 'text', text: piece.text });
    } else if (messages.length) {
      add('user', { type: 'text', text: `<system>\n${piece.text}\n</system>` });
    }
  }
  const limits = { disable_parallel_tool_use: !parallel };
  return {
    messages,
    tools: tools.map(({ name, description, parameters }) => ({
      name,
      description: description ?? '',
      input_schema: { type: 'object', ...parameters },
    })),
    ...(tools.length && { tool_choice: toToolChoice(choice, limits) }),
  };
}

function toToolChoice(
  choice: NonNullable<Choice['choice']>,
  limits: { disable_parallel_tool_use: boolean },
): NonNullable<Conversation['tool_choice']> {
  if (choice === 'none') return { type: 'none' };
  if (typeof choice === 'object') return { type: 'tool', name: choice.name, ...limits };
  return { type: choice === 'required' ? 'any' : 'auto', ...limits };
}

/**
 * The vendor's automatic prompt cache (platform.openai.com/docs/guides/prompt-caching): a prompt is charged less as far as it
 * begins like an earlier one. Unlike the vendor's it takes prompts of any length, piece by piece, and forgets nothing.
 */
export class AutomaticCache {
  readonly #prefixes = new Set<string>();

  /** Counts the estimated tokens of a prompt, those read from the cache among them, and remembers it. */
  count(model: string, pieces: readonly string[]): { prompt: number; cached: number } {
    let prefix = model;
    let prompt = 0;
    let cached = 0;
    for (const piece of pieces) {
      prefix = createHash('sha256').update(`${prefix}\n${piece}`).digest('hex');
      prompt += estimateTokens(piece);
      if (this.#prefixes.has(prefix)) cached = prompt;
      this.#prefixes.add(prefix);
    }
    return { prompt, cached };
  }
}
