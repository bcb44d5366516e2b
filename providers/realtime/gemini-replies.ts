import type { Session } from '@google/genai';
import { llm } from '@livekit/agents';
import { noteTurn } from './gemini-config.ts';
import { LiveReply } from './gemini-reply.ts';

/** What replies send with. */
export interface ReplyLine {
  /** Undefined without a connection that knows the present instructions and tools. */
  readonly session: Session | undefined;
  /** Undefined without a connection. */
  readonly anySession: Session | undefined;
}

/** What replies need of their session. */
export interface ReplyHost {
  /** Whether the person said something last, which is to be answered. */
  endsWithUser(): boolean;
  /** A reply begins. */
  begins(event: llm.GenerationCreatedEvent): void;
  /** A reply is over, or everything of it but its last words came; told before anything else is done about it. */
  ends(): void;
  /** What a reply said, once it is over. */
  said(reply: LiveReply, cut: boolean): void;
}

/** A reply that was asked for and has not begun. */
interface Request {
  instructions: string | undefined;
  isSent: boolean;
  resolve(event: llm.GenerationCreatedEvent): void;
  reject(error: Error): void;
}

/** The model's side: the reply that is being given, the one that was asked for, and what is not wanted of either. */
export class LiveReplies {
  readonly #line: ReplyLine;
  readonly #host: ReplyHost;
  readonly #beginWithinMs: number;
  /** Until the server takes it for heard. */
  #current: LiveReply | undefined;
  #last: LiveReply | undefined;
  #request: Request | undefined;
  /** What still comes of a reply that was interrupted is dropped, whether it began before or not. */
  #dropped: 'begun' | 'unbegun' | undefined;
  /** The server was given something that it is to answer by itself. */
  #isOwed = false;
  /** When the server had all it needs for its next reply, epoch milliseconds. */
  #dueSinceMs = Date.now();

  /** @param beginWithinMs How long a reply that was asked for may take to begin. */
  constructor(line: ReplyLine, beginWithinMs: number, host: ReplyHost) {
    this.#line = line;
    this.#host = host;
    this.#beginWithinMs = beginWithinMs;
  }

  /** The reply that costs are told of: they may come after it. */
  get latest(): LiveReply | undefined {
    return this.#current ?? this.#last;
  }

  /** Whether a reply has begun that the server takes for unheard. */
  get isCurrent(): boolean {
    return this.#current !== undefined;
  }

  /** Whether a reply has begun of which more is to come. */
  get isGenerating(): boolean {
    return this.#current !== undefined && !this.#current.isGenerated;
  }

  /** Whether the server has been given something to answer, without a word of ours. */
  get isOwed(): boolean {
    return this.#isOwed;
  }

  /** Whether a reply was asked for that has instructions of its own: what is owed comes with it. */
  get hasInstructions(): boolean {
    return this.#request?.instructions !== undefined;
  }

  /** Whether the silence of the server would be a failure. */
  get isExpected(): boolean {
    return this.#isOwed || this.isGenerating || (this.#request?.isSent ?? false);
  }

  /**
   * Asks for a reply; one that was asked for before and has not begun is given up, the present one is interrupted.
   * @throws RealtimeError when it doesn't begin in time, or is interrupted before.
   */
  request(instructions: string | undefined, signal: AbortSignal | undefined): Promise<llm.GenerationCreatedEvent> {
    this.withdraw('another reply was asked for', { drop: false });
    return new Promise<llm.GenerationCreatedEvent>((resolve, reject) => {
      const giveUp = (reason: string) => {
        if (this.#request === request) this.withdraw(reason, { drop: true });
      };
      const abort = () => giveUp('the reply was interrupted');
      const timer = setTimeout(() => giveUp('the reply did not begin in time'), this.#beginWithinMs);
      const settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const request: Request = {
        instructions,
        isSent: false,
        resolve: (event) => {
          settled();
          resolve(event);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      this.#request = request;
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
      this.#interruptCurrent();
      this.send();
    });
  }

  /** Sends what was asked for and could not be sent so far. */
  send(): void {
    const request = this.#request;
    const { session } = this.#line;
    if (!request || !session || request.isSent) return;
    request.isSent = true;
    // What did not begin is not told to have ended.
    if (this.#dropped === 'unbegun') this.#dropped = undefined;
    // What is owed comes anyway.
    if (this.#isOwed && request.instructions === undefined) return;
    this.due();
    const note = request.instructions ?? (this.#host.endsWithUser() ? undefined : 'Continue the conversation.');
    session.sendClientContent({ ...(note !== undefined && { turns: [noteTurn(note)] }), turnComplete: true });
  }

  /** From now on the server has what it needs for a reply. */
  due(): void {
    this.#dueSinceMs = Date.now();
  }

  /** From now on it owes one. */
  owe(): void {
    this.#isOwed = true;
    this.due();
  }

  /** Ends the present reply, and gives up the one that was asked for. */
  interrupt(): void {
    this.withdraw('the reply was interrupted', { drop: true });
    this.#interruptCurrent();
  }

  /** Gives up the reply that was asked for; with `drop` it is not heard either, should it still come. */
  withdraw(reason: string, { drop }: { drop: boolean }): void {
    const request = this.#request;
    this.#request = undefined;
    if (request?.isSent && drop) this.#drop('unbegun');
    request?.reject(new llm.RealtimeError(reason));
  }

  /** The reply that output belongs to, begun when there is none; undefined for output that nobody wants. */
  output(): LiveReply | undefined {
    if (this.#dropped) {
      this.#dropped = 'begun';
      return undefined;
    }
    if (this.#current) return this.#current;
    const request = this.#request;
    const reply = new LiveReply({ userInitiated: request !== undefined, dueSinceMs: this.#dueSinceMs });
    this.#current = reply;
    this.#request = undefined;
    this.#isOwed = false;
    const event = reply.toEvent();
    this.#host.begins(event);
    request?.resolve(event);
    return reply;
  }

  /** The server stopped. Whether we had asked it to; otherwise somebody speaks. */
  interrupted(): boolean {
    const wasAsked = this.#dropped !== undefined || (this.#request?.isSent ?? false);
    this.#dropped = undefined;
    this.finish({ cut: true });
    return wasAsked;
  }

  /** Everything was generated. The rest of the turn is what it takes to hear it, and words that lag behind their sound. */
  generated(): void {
    if (!this.#current) return;
    this.#host.ends();
    this.#current.generated();
  }

  /** The turn is over. */
  complete(): void {
    this.#dropped = undefined;
    this.finish({ cut: false });
  }

  finish({ cut }: { cut: boolean }): void {
    const reply = this.#current;
    if (!reply) return;
    if (!reply.isGenerated) this.#host.ends();
    this.#current = undefined;
    this.#last = reply;
    reply.finish({ cut });
    this.#host.said(reply, cut);
  }

  /** The model was kept from answering. */
  refuse(error: llm.RealtimeError): void {
    const request = this.#request;
    this.#isOwed = false;
    this.#request = undefined;
    request?.reject(error);
  }

  /** The connection is gone: what was not begun has to be asked for again. */
  disconnected(): void {
    this.finish({ cut: this.isGenerating });
    this.#dropped = undefined;
    if (this.#request) this.#request.isSent = false;
  }

  #interruptCurrent(): void {
    if (!this.#current) return;
    this.#drop('begun');
    this.finish({ cut: true });
  }

  /** Any content of ours makes the server stop (ai.google.dev/api/live, `BidiGenerateContentClientContent`). */
  #drop(reply: 'begun' | 'unbegun'): void {
    this.#dropped = reply;
    this.#line.anySession?.sendClientContent({ turnComplete: false });
  }
}
