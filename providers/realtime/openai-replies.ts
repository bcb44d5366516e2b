import { type APIError, llm } from '@livekit/agents';
import type {
  ConversationItem,
  RealtimeClientEvent,
  RealtimeResponse,
  RealtimeServerEvent,
} from 'openai/resources/realtime/realtime';
import { failureOf } from './openai-errors.ts';
import { fromWireItem } from './openai-items.ts';
import { Reply } from './openai-reply.ts';

/** What replies need of their session. */
export interface ReplyHost {
  readonly vendor: string;
  /** The session's own instructions, which those of one reply would replace. */
  readonly instructions: string;
  /** False while there is no connection: nothing may be asked for then. */
  readonly isConnected: boolean;
  send(event: RealtimeClientEvent): void;
  idOf(wireId: string): string;
  announce(reply: Reply): void;
  /** A call is complete. */
  called(call: llm.FunctionCall): void;
  /** Nothing more comes of a reply. */
  ended(reply: Reply): void;
  /** What a response for a reply cost. */
  billed(reply: Reply, response: RealtimeResponse): void;
  failed(error: APIError): void;
}

/** How often a reply of which nothing came is asked for. */
const mostAttempts = 3;
const attemptIntervalMs = 500;
const replyKey = 'reply_key';

/** Asks for replies, one at a time, and puts together what comes. */
export class Replies {
  readonly #host: ReplyHost;
  /** To be asked for, in order. */
  #waiting: Reply[] = [];
  /** Asked for, but not begun. */
  #asked: Reply | undefined;
  #active: Reply | undefined;
  #pause: NodeJS.Timeout | undefined;

  constructor(host: ReplyHost) {
    this.#host = host;
  }

  /** Whether the server owes us something. */
  get isExpecting(): boolean {
    return this.#asked !== undefined || this.#active !== undefined;
  }

  /** Whether a reply is on its way whose end nobody asked for. */
  get active(): Reply | undefined {
    return this.#active?.isCancelled ? undefined : this.#active;
  }

  /** Asks for a reply as soon as no other is on its way. */
  ask(reply: Reply): void {
    this.#waiting.push(reply);
    this.next();
  }

  /**
   * Asks for a reply, and resolves when it begins. An abort ends it, also later on.
   * @throws RealtimeError when it is refused or given up, or doesn't begin in time.
   */
  async request(
    instructions: string | undefined,
    { signal, withinMs }: { signal: AbortSignal | undefined; withinMs: number },
  ): Promise<llm.GenerationCreatedEvent> {
    let timer: NodeJS.Timeout | undefined;
    const begun = new Promise<llm.GenerationCreatedEvent>((resolve, reject) => {
      const reply = new Reply({ instructions }, { resolve, reject });
      const withdraw = (why: string) => {
        reply.refuse(new llm.RealtimeError(why));
        this.withdraw(reply);
      };
      timer = setTimeout(() => withdraw('the reply did not begin in time'), withinMs);
      signal?.addEventListener('abort', () => withdraw('the reply is not wanted any more'), { once: true });
      if (signal?.aborted) withdraw('the reply is not wanted any more');
      else this.ask(reply);
    });
    return begun.finally(() => clearTimeout(timer));
  }

  /** Gives up a reply that may be anywhere on its way. */
  withdraw(reply: Reply): void {
    if (reply.isFinished || reply.isCancelled) return;
    reply.isCancelled = true;
    this.#waiting = this.#waiting.filter((each) => each !== reply);
    if (reply === this.#active) this.#host.send({ type: 'response.cancel', response_id: reply.responseId });
    this.#finish(reply);
  }

  /** Gives up every reply. */
  withdrawAll(): void {
    for (const reply of [...this.#waiting, this.#asked, this.#active]) if (reply) this.withdraw(reply);
  }

  next(): void {
    if (this.isExpecting || this.#pause || !this.#host.isConnected) return;
    const reply = this.#waiting.shift();
    if (!reply) return;
    this.#asked = reply;
    reply.attempts += 1;
    const extra = reply.request?.instructions;
    const instructions = [this.#host.instructions, extra].filter(Boolean).join('\n\n');
    this.#host.send({
      type: 'response.create',
      event_id: reply.key,
      response: { metadata: { [replyKey]: reply.key }, ...(extra && { instructions }) },
    });
  }

  /** The connection is gone: what nothing came of is asked for on the next one. */
  disconnected(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    const lost = [this.#asked, this.#active].filter((reply) => reply !== undefined);
    this.#active = undefined;
    this.#asked = undefined;
    for (const reply of lost) if (!this.#again(reply)) this.#finish(reply);
  }

  /** The person speaks on: what was to be answered is answered with the rest. */
  dropUnbegun(): void {
    for (const reply of this.#waiting.filter(({ request }) => !request)) this.withdraw(reply);
  }

  /** Whether the refused event was a wish for a reply. */
  refused(eventId: string, code: string | null | undefined, error: APIError): boolean {
    const reply = this.#asked;
    if (reply?.key !== eventId) return false;
    this.#asked = undefined;
    // The server began one by itself: ours comes after it.
    if (code === 'conversation_already_has_active_response' && !reply.isCancelled) {
      this.#waiting.unshift(reply);
      if (!this.#active) this.#nextAfterPause();
    } else {
      reply.refuse(new llm.RealtimeError(error.message));
      this.#finish(reply);
      this.next();
    }
    return true;
  }

  receive(event: RealtimeServerEvent): void {
    if (event.type === 'response.created') this.#begin(event.response.id, event.response.metadata?.[replyKey]);
    const reply = this.#active;
    if (!reply || reply.responseId !== responseIdOf(event)) return;
    switch (event.type) {
      case 'response.output_audio.delta':
        reply.addAudio(this.#host.idOf(event.item_id), event.delta);
        break;
      case 'response.output_audio_transcript.delta':
        reply.addText(this.#host.idOf(event.item_id), event.delta, 'audio');
        break;
      case 'response.output_text.delta':
        reply.addText(this.#host.idOf(event.item_id), event.delta, 'text');
        break;
      case 'response.output_item.added':
        reply.itemIds.add(this.#host.idOf(event.item.id ?? ''));
        break;
      case 'response.output_item.done':
        this.#itemDone(reply, event.item);
        break;
      case 'response.done':
        this.#done(reply, event.response);
    }
  }

  #itemDone(reply: Reply, wireItem: ConversationItem): void {
    const id = this.#host.idOf(wireItem.id ?? '');
    const item = fromWireItem(wireItem, id);
    if (item?.type !== 'function_call') reply.endMessage(id);
    // A call that was cut off must not run.
    else if (isWhole(wireItem)) {
      this.#host.called(item);
      reply.addCall(item);
    }
  }

  #begin(responseId: string | undefined, key: string | undefined): void {
    const isAsked = this.#asked !== undefined && this.#asked.key === key;
    const reply = (isAsked && this.#asked) || new Reply();
    if (isAsked) this.#asked = undefined;
    reply.begin(responseId);
    this.#active = reply;
    if (reply.isCancelled) this.#host.send({ type: 'response.cancel', response_id: responseId });
    else this.#host.announce(reply);
  }

  #done(reply: Reply, response: RealtimeResponse): void {
    this.#active = undefined;
    this.#host.billed(reply, response);
    const { status, status_details: details } = response;
    const isFailed = status === 'failed' || (status === 'incomplete' && details?.reason === 'content_filter');
    if (isFailed && !reply.isCancelled) {
      const error = failureOf(this.#host.vendor, 'a reply', details?.error ?? { code: details?.reason });
      this.#host.failed(error);
      if (error.retryable && this.#again(reply)) {
        this.#nextAfterPause();
        return;
      }
    }
    this.#finish(reply);
    this.next();
  }

  #again(reply: Reply): boolean {
    if (reply.isCancelled || reply.isDelivered || reply.attempts >= mostAttempts) return false;
    this.#waiting.unshift(reply);
    return true;
  }

  #nextAfterPause(): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.next();
    }, attemptIntervalMs);
  }

  /** What was interrupted is ended once, so that what is told of its words later stays. */
  #finish(reply: Reply): void {
    if (reply.isFinished) return;
    reply.finish();
    this.#host.ended(reply);
  }
}

function isWhole(item: ConversationItem): boolean {
  return !('status' in item) || item.status === undefined || item.status === 'completed';
}

function responseIdOf(event: RealtimeServerEvent): string | undefined {
  if ('response_id' in event) return event.response_id;
  return event.type === 'response.done' ? event.response.id : undefined;
}
