import { randomUUID } from 'node:crypto';
import { llm } from '@livekit/agents';
import type { ConversationItem, RealtimeClientEvent } from 'openai/resources/realtime/realtime';
import { Acknowledgements } from './openai-acknowledgements.ts';
import { Conversation, fromWireItem, sendableItems, toWireItem } from './openai-items.ts';

/** What the context needs of its session. */
export interface ContextHost {
  /** False while there is no connection: the next one is told everything. */
  readonly isConnected: boolean;
  send(event: RealtimeClientEvent): void;
  /** Items that only the server has for the time being: they are not removed. */
  isKept(id: string): boolean;
}

const answerWithinMs = 5_000;
/** Our truncations are named, since their refusals have no code of their own. */
const truncatePrefix = 'truncate_';

/** Keeps the server's conversation like the framework's, and waits for its word on every change. */
export class SyncedContext {
  readonly conversation = new Conversation();
  readonly acknowledgements = new Acknowledgements();
  readonly #host: ContextHost;
  /** How much audio the server has of each message it spoke on the present connection. */
  readonly #audioMs = new Map<string, number>();

  constructor(host: ContextHost) {
    this.#host = host;
  }

  /**
   * Makes the server's conversation this one, by what differs.
   * @throws RealtimeError when the server refuses an item or doesn't answer.
   */
  async update(chatCtx: llm.ChatContext): Promise<void> {
    const wanted = new llm.ChatContext(sendableItems(chatCtx, this.conversation));
    const { toRemove, toCreate, toUpdate } = llm.computeChatCtxDiff(this.conversation.toChatCtx(), wanted);
    const answers: Promise<void>[] = [];
    for (const id of [...toRemove, ...toUpdate.map(([, updated]) => updated)]) {
      if (!this.#host.isKept(id)) answers.push(this.#delete(id));
    }
    // In the order of the conversation, so that each item finds the one before it.
    const previousIds = new Map([...toCreate, ...toUpdate].map(([previousId, id]) => [id, previousId]));
    for (const item of wanted.items) {
      const previousId = previousIds.get(item.id);
      if (previousId !== undefined && !this.conversation.get(item.id)) answers.push(this.#create(item, previousId));
    }
    await Promise.all(answers);
  }

  /** Makes the server forget what of a message was not heard. */
  async truncate(id: string, audioEndMs: number, text: string): Promise<void> {
    const item = this.conversation.get(id);
    if (item?.type !== 'message') return;
    const audioMs = this.#audioMs.get(id);
    if (audioMs !== undefined) {
      this.conversation.setText(id, text);
      this.#host.send({
        type: 'conversation.item.truncate',
        event_id: `${truncatePrefix}${randomUUID()}`,
        item_id: this.conversation.wireIdOf(id),
        content_index: 0,
        audio_end_ms: Math.max(0, Math.floor(Math.min(audioEndMs, audioMs))),
      });
      return;
    }
    // Text can't be truncated, only said anew.
    const { items } = this.conversation;
    const previousId = items[items.indexOf(item) - 1]?.id ?? null;
    const deleted = this.#delete(id);
    const shorter = llm.ChatMessage.create({ id, role: item.role, content: text });
    await Promise.all([deleted, text ? this.#create(shorter, previousId) : undefined]);
  }

  /** The server has this much audio of a message. */
  spoken(id: string, audioMs: number): void {
    if (this.#host.isConnected && audioMs > 0) this.#audioMs.set(id, audioMs);
  }

  /** The server tells of an item, whoever made it. */
  added(item: ConversationItem, previousWireId: string | null | undefined): void {
    const wireId = item.id ?? '';
    const id = this.conversation.idOf(wireId);
    this.acknowledgements.tell(`added ${wireId}`);
    if (this.conversation.get(id)) return;
    const added = fromWireItem(item, id);
    if (added) this.conversation.insert(added, previousWireId ? this.conversation.idOf(previousWireId) : undefined);
  }

  deleted(wireId: string): void {
    this.acknowledgements.tell(`deleted ${wireId}`);
  }

  /** Whether a refused event was one whose refusal is told to whoever waits for it, or to nobody. */
  refused(eventId: string, error: Error): boolean {
    return eventId.startsWith(truncatePrefix) || this.acknowledgements.refuse(eventId, error);
  }

  /** The connection is gone. */
  disconnected(): void {
    this.#audioMs.clear();
    this.acknowledgements.settle();
  }

  /**
   * Sends an event and waits for its answer.
   * @throws RealtimeError when the server refuses it or doesn't answer.
   */
  async acknowledged(event: RealtimeClientEvent, key: string): Promise<void> {
    if (!this.#host.isConnected) return;
    const eventId = `event_${randomUUID()}`;
    const answer = this.acknowledgements.expect(eventId, key, answerWithinMs);
    this.#host.send({ ...event, event_id: eventId });
    await answer;
  }

  async #create(item: llm.ChatItem, previousId: string | null): Promise<void> {
    const wireItem = toWireItem(item, this.conversation);
    if (!wireItem) return;
    this.conversation.insert(item, previousId);
    const previous_item_id = previousId === null ? 'root' : this.conversation.wireIdOf(previousId);
    const event = { type: 'conversation.item.create', previous_item_id, item: wireItem } as const;
    try {
      await this.acknowledged(event, `added ${wireItem.id}`);
    } catch (error) {
      this.conversation.remove(item.id);
      throw error;
    }
  }

  async #delete(id: string): Promise<void> {
    const item_id = this.conversation.wireIdOf(id);
    this.conversation.remove(id);
    await this.acknowledged({ type: 'conversation.item.delete', item_id }, `deleted ${item_id}`);
  }
}
