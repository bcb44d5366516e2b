import { type APIConnectOptions, APIError, APITimeoutError, DEFAULT_API_CONNECT_OPTIONS, llm } from '@livekit/agents';
import { failureOf, isVendorsFault, reasonOf, toError } from './event.ts';
import type { VendorHealth } from './health.ts';
import { continuationOf, RepetitionFilter, WholeWords } from './llm-continuation.ts';
import { type Abandoned, Attempt, Attempts, checkMembers, type FallbackOptions, watchMembers } from './member.ts';

/** What `FallbackLLM` is made of. */
export interface FallbackLLMOptions extends FallbackOptions {
  /** In the order in which they are preferred. They belong to the composite and are closed with it. */
  members: readonly { key: string; llm: llm.LLM }[];
  /** From the request to the first text or tool call (default 2.5 s). The last that is asked gets its adapter's own patience. */
  firstChunkTimeoutMs?: number;
  /** Longest silence in the middle of a reply (default 3 s), for all but the last. */
  stallTimeoutMs?: number;
}

type ChatOptions = Parameters<llm.LLM['chat']>[0];
type LlmMetrics = Parameters<llm.LLMCallbacks['metrics_collected']>[0];
type LlmAttempt = Attempt<LlmMetrics>;

/** A round over the members that failed sooner than this may be tried again; later, the caller has waited long enough. */
const retryWithinMs = 4_000;

const noUsage = { promptTokens: 0, promptCachedTokens: 0, completionTokens: 0, totalTokens: 0 };

/**
 * Several language models as one: where one is late, fails or falls silent, the next answers, or goes on where the first was cut
 * off. What fails altogether is retried by the framework only where it failed within some seconds.
 */
export class FallbackLLM extends llm.LLM {
  readonly #options: Required<Omit<FallbackLLMOptions, 'onFallback'>> & Pick<FallbackLLMOptions, 'onFallback'>;
  readonly #attempts = new Attempts<LlmAttempt>();
  readonly #endWatch: () => void;
  #answering: llm.LLM;

  /** @throws Error when there is no member, or two of one key. */
  constructor(options: FallbackLLMOptions) {
    super();
    const { members, health } = options;
    checkMembers(
      'FallbackLLM',
      members.map(({ key }) => key),
    );
    const { firstChunkTimeoutMs = 2_500, stallTimeoutMs = 3_000 } = options;
    this.#options = { ...options, firstChunkTimeoutMs, stallTimeoutMs };
    this.#answering = (members[0] as { llm: llm.LLM }).llm;
    this.#endWatch = watchMembers(
      health,
      members.map((member) => [member.key, member.llm]),
    );
    for (const member of members) {
      member.llm.on('error', this.#onError);
      member.llm.on('metrics_collected', this.#onMetrics);
    }
  }

  override label(): string {
    return 'fallback.LLM';
  }

  /** Of the member that answered last. */
  override get model(): string {
    return this.#answering.model;
  }

  /** Of the member that answered last. */
  override get provider(): string {
    return this.#answering.provider;
  }

  /** Asks for one reply, of as many members as it takes. */
  override chat(options: ChatOptions): llm.LLMStream {
    const connOptions = options.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    return new FallbackLLMStream(this, { ...this.#options, chat: { ...options, connOptions }, ask: this.#ask });
  }

  /** Opens the connections of all members. */
  override prewarm(): void {
    for (const member of this.#options.members) member.llm.prewarm();
  }

  override async aclose(): Promise<void> {
    this.#endWatch();
    await super.aclose();
    await Promise.all(this.#options.members.map((member) => member.llm.aclose()));
    for (const member of this.#options.members) {
      member.llm.off('error', this.#onError);
      member.llm.off('metrics_collected', this.#onMetrics);
    }
  }

  #ask = (attempt: LlmAttempt, options: ChatOptions): llm.LLMStream => {
    const member = this.#options.members.find(({ key }) => key === attempt.key) as { llm: llm.LLM };
    this.#answering = member.llm;
    return this.#attempts.run(attempt, () => member.llm.chat(options));
  };

  // Not passed on: what becomes of a reply is told by the composite's own error, of a member by `onFallback`.
  #onError: llm.LLMCallbacks['error'] = ({ error }) => {
    const attempt = this.#attempts.current;
    if (attempt) attempt.error = error;
  };

  // The stream's own metrics stand for the member that answered; others are told of as they were measured.
  #onMetrics: llm.LLMCallbacks['metrics_collected'] = (metrics) => {
    const attempt = this.#attempts.current;
    if (!attempt) return;
    attempt.metrics = metrics;
    if (attempt.isAbandoned) this.emit('metrics_collected', metrics);
  };
}

interface StreamContext {
  members: FallbackLLMOptions['members'];
  health: VendorHealth;
  firstChunkTimeoutMs: number;
  stallTimeoutMs: number;
  onFallback?: FallbackOptions['onFallback'];
  chat: ChatOptions & { connOptions: APIConnectOptions };
  ask(attempt: LlmAttempt, options: ChatOptions): llm.LLMStream;
}

class FallbackLLMStream extends llm.LLMStream {
  readonly #context: StreamContext;
  readonly #owner: llm.LLM;
  readonly #startedAtMs = performance.now();
  /** Text that was given out. */
  #delivered = '';
  #toolsCalled = false;
  #usageGiven = false;
  /** Of the first chunk that said something; all others take it on. */
  #id: string | undefined;

  constructor(owner: llm.LLM, context: StreamContext) {
    super(owner, context.chat);
    this.#owner = owner;
    this.#context = context;
  }

  /** A round over the members; another one may come as long as nothing was given out. */
  protected override async run(): Promise<void> {
    const { members, health, onFallback } = this.#context;
    const errors: Error[] = [];
    const order = health.order(members.map(({ key }) => key));
    for (const [index, key] of order.entries()) {
      const attempt: LlmAttempt = new Attempt(key);
      const next = order[index + 1];
      const abandoned = await this.#try(attempt, next === undefined);
      if (this.abortController.signal.aborted) return;
      if (!abandoned) {
        health.succeeded(key);
        return;
      }
      this.#abandon(attempt);
      errors.push(abandoned.error);
      if (isVendorsFault(abandoned.error)) health.failed(key, abandoned.reason);
      const to = this.#toolsCalled ? null : (next ?? null);
      const afterMs = performance.now() - attempt.startedAtMs;
      onFallback?.({ port: 'llm', from: key, to, reason: abandoned.reason, afterMs });
      if (to === null) break;
    }
    const isLate = performance.now() - this.#startedAtMs > retryWithinMs;
    throw failureOf(errors, isLate || this.#delivered !== '' || this.#toolsCalled);
  }

  /** Has one member answer, or go on. Undefined when it did. */
  async #try(attempt: LlmAttempt, isLast: boolean): Promise<Abandoned | undefined> {
    const { chat, ask, firstChunkTimeoutMs, stallTimeoutMs } = this.#context;
    const { signal } = this.abortController;
    const goesOn = this.#delivered !== '';
    let stream: llm.LLMStream;
    try {
      stream = ask(attempt, {
        ...chat,
        chatCtx: goesOn ? continuationOf(chat.chatCtx, this.#delivered) : chat.chatCtx,
        connOptions: { ...chat.connOptions, maxRetry: 0 },
      });
    } catch (thrown) {
      return { reason: 'error', error: toError(thrown) };
    }
    const close = () => stream.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    const words = new WholeWords();
    const filter = new RepetitionFilter(this.#delivered);
    let hasAnswered = false;
    let id = '';
    if (!isLast) attempt.watch(firstChunkTimeoutMs, 'timeout', close);
    try {
      for await (const chunk of stream) {
        if (signal.aborted) return undefined;
        if (attempt.late) break;
        id = chunk.id;
        hasAnswered ||= llm.hasResponse(chunk);
        // A chunk that says nothing and counts nothing tells that a tool call is being written.
        const isSign = hasAnswered || !(chunk.delta || chunk.usage);
        if (isSign && !isLast && hasAnswered) attempt.watch(stallTimeoutMs, 'stall', close);
        else if (isSign && !isLast) attempt.watch(firstChunkTimeoutMs, 'timeout', close);
        this.#pass(
          chunk,
          (text) => filter.push(words.push(text)),
          () => filter.push(words.rest()) + filter.end(),
        );
      }
    } finally {
      attempt.rest();
      signal.removeEventListener('abort', close);
      close();
    }
    if (signal.aborted) return undefined;
    const abandoned = abandonedOf(attempt, hasAnswered || goesOn);
    // The last word may be half a word, which another would say whole: without another it is better than nothing.
    if (!abandoned || isLast) this.#say(id, filter.push(words.rest()) + filter.end());
    return abandoned;
  }

  #pass(chunk: llm.ChatChunk, take: (text: string) => string, finish: () => string): void {
    const { id, delta, usage } = chunk;
    let content = delta?.content ? take(delta.content) : '';
    const toolCalls = delta?.toolCalls ?? [];
    if (toolCalls.length) {
      content += finish();
      this.#toolsCalled = true;
    }
    if (delta && (content || toolCalls.length || delta.extra)) {
      this.#delivered += content;
      const { content: _, ...rest } = delta;
      this.#put({ ...chunk, id, delta: { ...rest, ...(content && { content }) } });
    } else if (usage) this.#put({ id, usage });
    if (usage) this.#usageGiven = true;
  }

  #say(id: string, content: string): void {
    if (!content) return;
    this.#delivered += content;
    this.#put({ id, delta: { role: 'assistant', content } });
  }

  /** What the member used is told of by its own metrics, and must not be counted with the next one's. */
  #abandon(attempt: LlmAttempt): void {
    attempt.isAbandoned = true;
    if (attempt.metrics) this.#owner.emit('metrics_collected', attempt.metrics);
    if (this.#usageGiven) this.#put({ id: this.#id ?? '', usage: noUsage });
    this.#usageGiven = false;
  }

  #put(chunk: llm.ChatChunk): void {
    if (this.abortController.signal.aborted || this.queue.closed) return;
    if (llm.hasResponse(chunk)) this.#id ??= chunk.id;
    this.queue.put({ ...chunk, id: this.#id ?? chunk.id });
  }
}

function abandonedOf(attempt: LlmAttempt, hasAnswered: boolean): Abandoned | undefined {
  const { key, late, error } = attempt;
  if (late === 'timeout')
    return { reason: late, error: new APITimeoutError({ message: `${key} did not begin to answer in time` }) };
  if (late)
    return { reason: late, error: new APITimeoutError({ message: `${key} fell silent in the middle of a reply` }) };
  if (error) return { reason: reasonOf(error), error };
  // Silence is no answer either.
  if (!hasAnswered) return { reason: 'error', error: new APIError(`${key} gave an empty reply`) };
  return undefined;
}
