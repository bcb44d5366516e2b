import { randomUUID } from 'node:crypto';
import type { Conversation } from './anthropic-situation.ts';
import {
  type ClientEventOf,
  RefusedEvent,
  type ResponseRequest,
  type SessionChange,
} from './openai-conversation-events.ts';

/** One item of a conversation: what was said, whoever said it, or a call of a tool and what came of it. */
export type Item =
  | {
      id: string;
      type: 'message';
      role: 'user' | 'assistant' | 'system';
      text: string;
      audioMs?: number;
      heard?: boolean;
    }
  | { id: string; type: 'function_call'; call_id: string; name: string; arguments: string }
  | { id: string; type: 'function_call_output'; call_id: string; output: string };

/** A new id, as the vendor's look. */
export function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '').slice(0, 21)}`;
}

/** The items of one connection, in order. */
export class Items {
  readonly list: Item[] = [];

  get lastId(): string | null {
    return this.list.at(-1)?.id ?? null;
  }

  get(id: string): Item | undefined {
    return this.list.find((item) => item.id === id);
  }

  /** Which item stands before this one. */
  before(id: string): string | null {
    return this.list[this.list.findIndex((item) => item.id === id) - 1]?.id ?? null;
  }

  /** @throws RefusedEvent as the vendor refuses an item that fits nowhere. */
  create({ item, previous_item_id: previousId }: ClientEventOf<'conversation.item.create'>): Item {
    const id = item.id ?? newId('item');
    if (this.get(id))
      throw new RefusedEvent('item_create_duplicate_id', `Item with id '${id}' already exists.`, 'item.id');
    if (item.type === 'function_call_output' && !this.#hasCall(item.call_id)) {
      throw new RefusedEvent('invalid_tool_call_id', `Tool call ID '${item.call_id}' not found in conversation.`);
    }
    const index = previousId === 'root' ? 0 : this.list.findIndex((each) => each.id === previousId) + 1;
    if (previousId !== undefined && previousId !== 'root' && index === 0) {
      throw new RefusedEvent('invalid_previous_item_id', `No item '${previousId}'.`, 'previous_item_id');
    }
    const made: Item =
      item.type === 'message'
        ? { id, type: 'message', role: item.role, text: item.content.map((part) => part.text).join('') }
        : { ...item, id };
    this.list.splice(previousId === undefined ? this.list.length : index, 0, made);
    return made;
  }

  /** @throws RefusedEvent when there is no such item. */
  delete(id: string): void {
    const index = this.list.findIndex((item) => item.id === id);
    if (index < 0) throw new RefusedEvent('item_delete_invalid_item_id', `Item with item_id not found: '${id}'.`);
    this.list.splice(index, 1);
  }

  /** Cuts what the assistant said. @throws RefusedEvent when it was no audio, or less of it. */
  truncate({ item_id: id, audio_end_ms: endMs }: ClientEventOf<'conversation.item.truncate'>): void {
    const item = this.get(id);
    if (!item) throw new RefusedEvent('item_truncate_invalid_item_id', `Item with item_id not found: '${id}'.`);
    if (item.type !== 'message' || item.role !== 'assistant' || item.audioMs === undefined) {
      throw new RefusedEvent('invalid_value', 'Only model output audio messages can be truncated.', 'item_id');
    }
    if (endMs > Math.ceil(item.audioMs)) {
      const message = `Audio content of ${Math.ceil(item.audioMs)}ms is already shorter than ${endMs}ms`;
      throw new RefusedEvent('invalid_value', message, 'audio_end_ms');
    }
    const share = item.audioMs > 0 ? endMs / item.audioMs : 0;
    item.text = item.text.slice(0, Math.round(item.text.length * share));
    item.audioMs = endMs;
  }

  #hasCall(callId: string): boolean {
    return this.list.some((item) => item.type === 'function_call' && item.call_id === callId);
  }
}

/** An item as the server shows it. */
export function toWireItem(item: Item, status: 'completed' | 'in_progress' | 'incomplete' = 'completed'): object {
  const { id, type } = item;
  const common = { id, object: 'realtime.item', type, status };
  if (item.type === 'function_call') {
    return { ...common, call_id: item.call_id, name: item.name, arguments: item.arguments };
  }
  if (item.type === 'function_call_output') return { ...common, call_id: item.call_id, output: item.output };
  const { role, text, heard, audioMs } = item;
  if (heard) return { ...common, role, content: [{ type: 'input_audio', transcript: null }] };
  if (audioMs !== undefined) {
    return { ...common, role, content: text ? [{ type: 'output_audio', transcript: text }] : [] };
  }
  return { ...common, role, content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }] };
}

type Turn = Conversation['messages'][number];

/** The conversation as the rules of the replies want it. */
export function toConversation(items: readonly Item[], session: SessionChange, request: ResponseRequest): Conversation {
  const messages: Turn[] = [];
  const append = (role: Turn['role'], block: Turn['content'][number]) => {
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(block);
    else messages.push({ role, content: [block] });
  };
  for (const item of items) {
    if (item.type === 'function_call') {
      append('assistant', { type: 'tool_use', id: item.call_id, name: item.name, input: parse(item.arguments) });
    } else if (item.type === 'function_call_output') {
      append('user', { type: 'tool_result', tool_use_id: item.call_id, content: item.output });
    } else if (item.text.trim()) {
      const text = item.role === 'system' ? noteOf(item.text) : item.text;
      append(item.role === 'assistant' ? 'assistant' : 'user', { type: 'text', text });
    }
  }
  const { instructions = '' } = session;
  const extra = request.instructions?.startsWith(instructions)
    ? request.instructions.slice(instructions.length).trim()
    : request.instructions;
  if (extra) append('user', { type: 'text', text: noteOf(extra) });
  else if (messages.at(-1)?.role !== 'user') append('user', { type: 'text', text: noteOf('Continue.') });
  const tools = session.tools?.map(({ name, description, parameters }) => ({
    name,
    description,
    input_schema: { ...parameters, type: 'object' as const },
  }));
  const choice = request.tool_choice ?? session.tool_choice ?? 'auto';
  return {
    messages,
    ...(tools?.length && { tools, tool_choice: toToolChoice(choice) }),
  } as Conversation;
}

function toToolChoice(choice: NonNullable<SessionChange['tool_choice']>) {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name };
  return { type: choice === 'required' ? 'any' : choice };
}

function noteOf(text: string): string {
  return `<system>\n${text}\n</system>`;
}

function parse(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
