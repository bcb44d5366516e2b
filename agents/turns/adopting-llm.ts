import { type APIConnectOptions, DEFAULT_API_CONNECT_OPTIONS, llm } from '@livekit/agents';
import type { RequestTimes } from '../telemetry/reply-times.ts';

type ChatOptions = Parameters<llm.LLM['chat']>[0];
type RequestListener = (chatCtx: llm.ChatContext, times: RequestTimes) => void;

/** How long a dropped reply can be taken up again: a barge-in has to end its request within 200 ms. */
const adoptionGraceMs = 80;

/**
 * Takes up again what was begun for nearly the same words. The framework drops a reply that it began ahead of the end of a turn
 * when the final transcript differs in anything, if only in a full stop, and asks anew; here that second request is given what
 * the first one has brought so far, and its rest.
 */
export class AdoptingLLM extends llm.LLM {
  readonly #inner: llm.LLM;
  readonly #onRequest: RequestListener;
  #latest: Upstream | undefined;

  /**
   * @param inner Belongs to this one and is closed with it.
   * @param onRequest Told of each reply that is asked for, and when its request was made.
   */
  constructor(inner: llm.LLM, onRequest: RequestListener = () => {}) {
    super();
    this.#inner = inner;
    this.#onRequest = onRequest;
    inner.on('error', this.#forwardError);
    inner.on('metrics_collected', this.#forwardMetrics);
  }

  override label(): string {
    return this.#inner.label();
  }

  override get model(): string {
    return this.#inner.model;
  }

  override get provider(): string {
    return this.#inner.provider;
  }

  override chat(options: ChatOptions): llm.LLMStream {
    const key = keyOf(options);
    const found = this.#latest;
    const upstream = key !== undefined && found?.key === key && found.isAlive ? found : this.#ask(options, key);
    this.#onRequest(options.chatCtx, upstream.times);
    return new AdoptedStream(this, options, upstream);
  }

  override prewarm(): void {
    this.#inner.prewarm();
  }

  override async aclose(): Promise<void> {
    this.#latest?.close();
    await Promise.all([super.aclose(), this.#inner.aclose()]);
    this.#inner.off('error', this.#forwardError);
    this.#inner.off('metrics_collected', this.#forwardMetrics);
  }

  #ask(options: ChatOptions, key: string | undefined): Upstream {
    const upstream = new Upstream(this.#inner.chat(options), key);
    this.#latest = upstream;
    return upstream;
  }

  #forwardError: llm.LLMCallbacks['error'] = (error) => void this.emit('error', error);
  #forwardMetrics: llm.LLMCallbacks['metrics_collected'] = (metrics) => void this.emit('metrics_collected', metrics);
}

/** One request, which outlives whoever asked for it by a moment. */
class Upstream {
  readonly key: string | undefined;
  readonly times: RequestTimes = { askedAtMs: Date.now() };
  readonly #stream: llm.LLMStream;
  readonly #chunks: llm.ChatChunk[] = [];
  #ended = false;
  #closed = false;
  #waiting: (() => void)[] = [];
  #readers = 0;
  #grace: NodeJS.Timeout | undefined;

  constructor(stream: llm.LLMStream, key: string | undefined) {
    this.#stream = stream;
    this.key = key;
    void this.#read();
  }

  /** Whether there is a reply that can be read from its beginning to its end. */
  get isAlive(): boolean {
    return !this.#closed && !(this.#ended && this.#chunks.length === 0);
  }

  /** The chunk at an index as soon as it is there; undefined when the reply ended before it. */
  async at(index: number): Promise<llm.ChatChunk | undefined> {
    while (index >= this.#chunks.length && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#chunks[index];
  }

  hold(): void {
    clearTimeout(this.#grace);
    this.#readers += 1;
  }

  release(): void {
    this.#readers -= 1;
    if (this.#readers === 0 && !this.#ended) this.#grace = setTimeout(() => this.close(), adoptionGraceMs);
  }

  close(): void {
    clearTimeout(this.#grace);
    this.#closed = true;
    this.#stream.close();
    this.#end();
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#stream) {
      if (chunk.delta?.content) this.times.firstTextAtMs ??= Date.now();
      this.#chunks.push(chunk);
      this.#wake();
    }
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

class AdoptedStream extends llm.LLMStream {
  readonly #upstream: Upstream;

  constructor(owner: AdoptingLLM, { chatCtx, toolCtx, connOptions }: ChatOptions, upstream: Upstream) {
    // Retries are the inner model's business.
    const once: APIConnectOptions = { ...(connOptions ?? DEFAULT_API_CONNECT_OPTIONS), maxRetry: 0 };
    super(owner, { chatCtx, toolCtx: llm.toToolContext(toolCtx), connOptions: once });
    this.#upstream = upstream;
    upstream.hold();
    let held = true;
    const release = () => {
      if (held) upstream.release();
      held = false;
    };
    this.abortController.signal.addEventListener('abort', release, { once: true });
  }

  protected override async run(): Promise<void> {
    for (let index = 0; !this.abortController.signal.aborted; index += 1) {
      const chunk = await this.#upstream.at(index);
      if (!chunk || this.abortController.signal.aborted) return;
      this.queue.put(chunk);
    }
  }

  /** The request itself is measured where it is made, once, however many read its reply. */
  protected override async monitorMetrics(): Promise<void> {
    for await (const chunk of this.queue) {
      if (this.abortController.signal.aborted) break;
      this.output.put(chunk);
    }
    this.output.close();
  }
}

/** The same for requests that differ in punctuation and case of what was said last; undefined where nobody said anything last. */
function keyOf({ chatCtx, toolCtx, toolChoice, parallelToolCalls }: ChatOptions): string | undefined {
  const last = chatCtx.items.at(-1);
  if (last?.type !== 'message' || last.role !== 'user') return undefined;
  const words = (last.rawTextContent ?? '').toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  const earlier = chatCtx.items.slice(0, -1).map(({ id }) => id);
  const tools = llm.sortedToolNames(llm.toToolContext(toolCtx) ?? llm.ToolContext.empty());
  return JSON.stringify([words, earlier, tools, toolChoice, parallelToolCalls]);
}
