import type { Message, MessagesRequest } from './anthropic-request.ts';

/** What the model does: speaks, calls tools, or both. */
export interface Reply {
  text: string;
  toolCalls: { name: string; input: Record<string, unknown> }[];
}

/** A reply of text alone. */
export function say(text: string): Reply {
  return { text, toolCalls: [] };
}

/** A reply that calls one tool. */
export function call(name: string, input: Record<string, unknown> = {}): Reply {
  return { text: '', toolCalls: [{ name, input }] };
}

/** One result the client sent back, with the call it answers. */
export interface ToolResult {
  name: string;
  input: Record<string, unknown>;
  content: string;
  isError: boolean;
}

/** The part of a request that replies come from; stand-ins of other vendors put theirs into this shape. */
export type Conversation = Pick<MessagesRequest, 'messages' | 'tools' | 'tool_choice'>;

/** What a rule may look at. */
export interface Situation {
  /** The words of a note `Say: "..."` from the application that nobody spoke after; empty when there is none. */
  instruction: string;
  /** What the person said last; empty when nobody said anything in the last turn. */
  speech: string;
  /** The same, also once tools have answered it. */
  wanted: string;
  /** Results in the last turn, unless somebody spoke after them. */
  results: ToolResult[];
  /** What was last put to the person: the assistant's words, and what it had them from. */
  asked: string;
  /** Descriptions of the tools that may be called, by name. */
  tools: ReadonlyMap<string, string>;
}

/** The answer to somebody who hesitates; what was asked before stays asked. */
export const patience = 'Of course, take your time.';

/** A block wrapped in a tag is a note of the application, not speech. */
const note = /^<(\w+)>\s*([\s\S]*?)\s*<\/\1>$/;

/** Reads a request as the rules see it. */
export function readSituation({ messages, tools = [], tool_choice: choice }: Conversation): Situation {
  const last = messages.at(-1);
  const speech = last ? (speechOf(last).at(-1) ?? '') : '';
  const offered = choice?.type === 'none' ? [] : tools;
  return {
    instruction: last ? instructionOf(last) : '',
    speech,
    wanted:
      messages
        .filter(({ role }) => role === 'user')
        .flatMap(speechOf)
        .at(-1) ?? '',
    results: speech ? [] : resultsOf(messages),
    asked: lastAsked(messages),
    tools: new Map(offered.map(({ name, description = '' }) => [name, description])),
  };
}

/** Reads a tool's JSON, which a client may have encoded twice. Undefined when it is not an object. */
export function parseResult(content: string): Record<string, unknown> | undefined {
  let value: unknown = content;
  try {
    for (let depth = 0; depth < 2 && typeof value === 'string'; depth += 1) value = JSON.parse(value);
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}

/**
 * A conversation whose last reply was cut off, without that reply and the note that asks for the rest of it; `words` are what
 * had been said. Undefined for any other.
 */
export function readCutOff(request: Conversation): { conversation: Conversation; words: string } | undefined {
  const [reply, asked] = request.messages.slice(-2);
  if (reply?.role !== 'assistant' || !asked || !/go on exactly where/i.test(textsOf(asked).at(-1) ?? ''))
    return undefined;
  const words = reply.content.at(-1);
  if (words?.type !== 'text') return undefined;
  const before = { ...reply, content: reply.content.slice(0, -1) };
  const messages = [...request.messages.slice(0, -2), ...(before.content.length ? [before] : [])];
  return { conversation: { ...request, messages }, words: words.text };
}

function textsOf({ content }: Message): string[] {
  return content.flatMap((block) => (block.type === 'text' ? [block.text.trim()] : []));
}

function speechOf(message: Message): string[] {
  return textsOf(message).filter((text) => !note.test(text));
}

/** An interruption may have cut the assistant's words off: the tool results they came from tell what they would have been. */
function lastAsked(messages: readonly Message[]): string {
  const toldBy = (message: Message | undefined): string[] => {
    if (message?.role === 'assistant') return speechOf(message).filter((text) => text !== patience);
    return message?.content.flatMap((block) => (block.type === 'tool_result' ? [contentOf(block)] : [])) ?? [];
  };
  const index = messages.findLastIndex((message) => toldBy(message).length);
  const before = messages[index]?.role === 'assistant' ? messages[index - 1] : undefined;
  return [...toldBy(before), ...toldBy(messages[index])].join('\n');
}

function contentOf({ content = '' }: { content?: string | { text: string }[] }): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('\n');
}

function instructionOf(message: Message): string {
  const words = note.exec(textsOf(message).at(-1) ?? '')?.[2] ?? '';
  return /Say: "(.+)"/s.exec(words)?.[1] ?? '';
}

function resultsOf(messages: readonly Message[]): ToolResult[] {
  const calls = new Map(
    messages.flatMap(({ content }) =>
      content.flatMap((block) => (block.type === 'tool_use' ? [[block.id, block] as const] : [])),
    ),
  );
  return (messages.at(-1)?.content ?? []).flatMap((block) => {
    if (block.type !== 'tool_result') return [];
    const { name = '', input = {} } = calls.get(block.tool_use_id) ?? {};
    return [{ name, input, content: contentOf(block), isError: block.is_error ?? false }];
  });
}
