import { createHash } from 'node:crypto';
import { llm } from '@livekit/agents';
import type { ConversationItem } from 'openai/resources/realtime/realtime';

/** Ids the API takes (developers.openai.com/api/reference/resources/realtime/client-events, `conversation.item.create`). */
const validId = /^[\w-]{1,32}$/;

/**
 * The conversation as the model has it, in the framework's items. Items are told apart by the framework's ids; on the wire
 * some have another: ids that the API doesn't take, and speech that was sent once more on a new connection.
 */
export class Conversation {
  #items: llm.ChatItem[] = [];
  readonly #wireIds = new Map<string, string>();
  readonly #ids = new Map<string, string>();

  /** Every item, in order; the items themselves are not copied. */
  get items(): readonly llm.ChatItem[] {
    return this.#items;
  }

  /** A context of its own. */
  toChatCtx(): llm.ChatContext {
    return new llm.ChatContext([...this.#items]);
  }

  get(id: string): llm.ChatItem | undefined {
    return this.#items.find((item) => item.id === id);
  }

  /** Puts an item after another, at the beginning with null, at the end when the other isn't known. */
  insert(item: llm.ChatItem, previousId: string | null | undefined): void {
    const index = previousId === null ? 0 : this.#items.findIndex(({ id }) => id === previousId) + 1;
    this.#items.splice(previousId === null || index > 0 ? index : this.#items.length, 0, item);
  }

  remove(id: string): void {
    this.#items = this.#items.filter((item) => item.id !== id);
  }

  /** Sets the words of a message. */
  setText(id: string, text: string): void {
    const item = this.get(id);
    if (item?.type === 'message') item.content = text ? [text] : [];
  }

  /** Sets the arguments of a call, which is told of before it has any. */
  setArguments(id: string, args: string): void {
    const item = this.get(id);
    if (item?.type === 'function_call') item.args = args;
  }

  /** From now on an item has this id on the wire. */
  alias(id: string, wireId: string): void {
    this.#wireIds.set(id, wireId);
    this.#ids.set(wireId, id);
  }

  /** The id an item has on the wire. */
  wireIdOf(id: string): string {
    const known = this.#wireIds.get(id);
    if (known || validId.test(id)) return known ?? id;
    const wireId = `item_${createHash('sha256').update(id).digest('hex').slice(0, 24)}`;
    this.alias(id, wireId);
    return wireId;
  }

  /** The id the framework knows an item by. */
  idOf(wireId: string): string {
    return this.#ids.get(wireId) ?? wireId;
  }
}

/**
 * What of a context the model can be given: messages with text, calls with their outputs. A call without an output, an output
 * without a call, images, and notes of the framework are left out; a call that the model made itself may wait for its output.
 */
export function sendableItems(chatCtx: llm.ChatContext, known: Conversation): llm.ChatItem[] {
  const calls = new Set<string>();
  const outputs = new Set<string>();
  for (const item of chatCtx.items) {
    if (item.type === 'function_call') calls.add(item.callId);
    if (item.type === 'function_call_output') outputs.add(item.callId);
  }
  return chatCtx.items.filter((item) => {
    if (item.type === 'function_call') return outputs.has(item.callId) || known.get(item.id) !== undefined;
    if (item.type === 'function_call_output') return calls.has(item.callId);
    return item.type === 'message' && (textOf(item) !== '' || known.get(item.id) !== undefined);
  });
}

/** An item as the API takes it; undefined when there is nothing of it to send. */
export function toWireItem(item: llm.ChatItem, conversation: Conversation): ConversationItem | undefined {
  const id = conversation.wireIdOf(item.id);
  if (item.type === 'function_call') {
    return { id, type: 'function_call', call_id: item.callId, name: item.name, arguments: item.args };
  }
  if (item.type === 'function_call_output') {
    return { id, type: 'function_call_output', call_id: item.callId, output: item.output };
  }
  const text = item.type === 'message' ? textOf(item) : '';
  if (item.type !== 'message' || !text) return undefined;
  if (item.role === 'user') return { id, type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
  if (item.role === 'assistant') {
    return { id, type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] };
  }
  return { id, type: 'message', role: 'system', content: [{ type: 'input_text', text }] };
}

/** An item that the server told of, as the framework's; undefined for kinds that we don't ask for. */
export function fromWireItem(item: ConversationItem, id: string): llm.ChatItem | undefined {
  if (item.type === 'function_call') {
    return llm.FunctionCall.create({ id, callId: item.call_id ?? id, name: item.name, args: item.arguments || '{}' });
  }
  if (item.type === 'function_call_output') {
    return llm.FunctionCallOutput.create({ id, callId: item.call_id, output: item.output, isError: false });
  }
  if (item.type !== 'message') return undefined;
  const text = item.content.map((part) => part.text ?? ('transcript' in part ? part.transcript : '') ?? '').join('');
  return llm.ChatMessage.create({ id, role: item.role, content: text ? [text] : [] });
}

function textOf(message: llm.ChatMessage): string {
  return message.content
    .map((part) => {
      if (typeof part === 'string') return part;
      if (part.type === 'instructions') return part.value;
      return part.type === 'audio_content' ? (part.transcript ?? '') : '';
    })
    .filter((text) => text.trim())
    .join('\n');
}
