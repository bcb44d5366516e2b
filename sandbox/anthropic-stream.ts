import type { PromptTokens } from './anthropic-cache.ts';
import type { Reply } from './anthropic-situation.ts';

/** What a reply is wrapped in. */
export interface Envelope {
  messageId: string;
  model: string;
  maxTokens: number;
  prompt: PromptTokens;
  /** Makes the id of a tool call. */
  newToolUseId(): string;
}

/** One server-sent event; `tokens` of the reply have been spent when it is due. */
export interface TimedEvent {
  name: string;
  data: object;
  tokens: number;
}

interface ReplyBlock {
  /** As the API shows the block before anything of it was written. */
  start: Record<string, unknown> & { type: 'text' | 'tool_use' };
  /** Text or JSON, a token each. */
  pieces: string[];
}

/** A reply cut into tokens, and off at the most that the request allows. */
export interface Plan {
  blocks: ReplyBlock[];
  stopReason: 'end_turn' | 'tool_use' | 'max_tokens';
  outputTokens: number;
}

/** Cuts a reply into tokens: a word of text, or four characters of a tool's input. */
export function planReply(reply: Reply, { maxTokens, newToolUseId }: Envelope): Plan {
  const whole: ReplyBlock[] = reply.toolCalls.map(({ name, input }) => ({
    start: { type: 'tool_use', id: newToolUseId(), name, input: {}, caller: { type: 'direct' } },
    pieces: Object.keys(input).length ? (JSON.stringify(input).match(/.{1,4}/gsu) ?? []) : [],
  }));
  if (reply.text) {
    whole.unshift({
      start: { type: 'text', text: '', citations: null },
      pieces: reply.text.match(/\s*\S+|\s+$/g) ?? [],
    });
  }
  const blocks: ReplyBlock[] = [];
  let outputTokens = 0;
  for (const { start, pieces } of whole) {
    const left = maxTokens - outputTokens;
    blocks.push({ start, pieces: pieces.slice(0, left) });
    outputTokens += Math.min(left, pieces.length);
    if (pieces.length > left) return { blocks, outputTokens, stopReason: 'max_tokens' };
  }
  return {
    blocks,
    outputTokens: Math.max(1, outputTokens),
    stopReason: reply.toolCalls.length ? 'tool_use' : 'end_turn',
  };
}

/** The events of one streamed message in the vendor's order (platform.claude.com/docs/en/build-with-claude/streaming). */
export function toEvents({ blocks, stopReason, outputTokens }: Plan, envelope: Envelope): TimedEvent[] {
  const events: TimedEvent[] = [];
  let tokens = 0;
  const add = (name: string, data: object) => events.push({ name, data: { type: name, ...data }, tokens });

  add('message_start', { message: messageOf(envelope, [], null, 1) });
  blocks.forEach(({ start, pieces }, index) => {
    add('content_block_start', { index, content_block: start });
    if (index === 0) add('ping', {});
    if (start.type === 'tool_use') add('content_block_delta', { index, delta: deltaOf(start.type, '') });
    for (const piece of pieces) {
      add('content_block_delta', { index, delta: deltaOf(start.type, piece) });
      tokens += 1;
    }
    add('content_block_stop', { index });
  });
  const { input, cacheRead, cacheCreation } = envelope.prompt;
  add('message_delta', {
    delta: { stop_reason: stopReason, stop_sequence: null, stop_details: null, container: null },
    usage: {
      input_tokens: input,
      cache_creation_input_tokens: cacheCreation,
      cache_read_input_tokens: cacheRead,
      output_tokens: outputTokens,
      output_tokens_details: null,
      server_tool_use: null,
    },
  });
  add('message_stop', {});
  return events;
}

/** The same message as one document, for requests that do not stream. */
export function toMessage({ blocks, stopReason, outputTokens }: Plan, envelope: Envelope): object {
  const content = blocks.map(({ start, pieces }) =>
    start.type === 'text'
      ? { ...start, text: pieces.join('') }
      : { ...start, input: stopReason === 'tool_use' ? JSON.parse(pieces.join('') || '{}') : {} },
  );
  return messageOf(envelope, content, stopReason, outputTokens);
}

function deltaOf(type: 'text' | 'tool_use', piece: string): object {
  return type === 'text' ? { type: 'text_delta', text: piece } : { type: 'input_json_delta', partial_json: piece };
}

function messageOf(
  { messageId, model, prompt }: Envelope,
  content: object[],
  stopReason: string | null,
  outputTokens: number,
): object {
  return {
    id: messageId,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: {
      input_tokens: prompt.input,
      cache_creation_input_tokens: prompt.cacheCreation,
      cache_read_input_tokens: prompt.cacheRead,
      cache_creation: { ephemeral_5m_input_tokens: prompt.cacheCreation, ephemeral_1h_input_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: null,
      server_tool_use: null,
      inference_geo: null,
      service_tier: 'standard',
      speed: null,
    },
  };
}
