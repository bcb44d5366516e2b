import {
  APIConnectionError,
  type APIConnectOptions,
  APITimeoutError,
  DEFAULT_API_CONNECT_OPTIONS,
  llm,
} from '@livekit/agents';
import { type APIPromise, OpenAI } from 'openai';
import type { Stream } from 'openai/core/streaming';
import type { Probed } from '../probe.ts';
import { toFrameworkError } from './openai-errors.ts';
import type { ReplyOptions } from './openai-tools.ts';

/** How long a server may keep the connection after a complete reply, for the token counts and the end of the stream. */
const closingMs = 1_000;

/** Reads the events of one reply and says what the framework gets of it. */
export interface ReplyReader<Event> {
  /** Whether the vendor said that the reply is over. */
  readonly complete: boolean;
  /** Takes the next event. @throws APIError, not retryable, for a reply that must not be used; OpenAI.APIError for a failure. */
  read(event: Event): llm.ChatChunk | undefined;
}

/** One attempt at a reply. */
export interface Attempt<Event> {
  request: APIPromise<Stream<Event>>;
  reader: ReplyReader<Event>;
}

/** What a request is sent with. */
export interface RequestOptions {
  signal: AbortSignal;
  /** Milliseconds until the answer has to begin. */
  timeout: number;
}

/** How to reach a server with OpenAI's API. */
export interface OpenAIModelOptions {
  apiKey: string;
  /** With `/v1`; the vendor's own when absent. */
  baseUrl?: string;
  model: string;
  /** Longest silence between two events of a reply, in milliseconds. */
  idleTimeoutMs?: number;
}

/**
 * What the adapters of OpenAI's two interfaces share: a client that reads no environment, retries nothing and logs nothing, and
 * replies that end the moment they are interrupted. The framework alone retries.
 */
export abstract class OpenAIModel<Event> extends llm.LLM implements Probed {
  protected readonly client: OpenAI;
  readonly #model: string;
  readonly #idleTimeoutMs: number;

  constructor({ apiKey, baseUrl, model, idleTimeoutMs = 10_000 }: OpenAIModelOptions) {
    super();
    this.#model = model;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.client = new OpenAI({
      apiKey,
      // Null, unlike undefined, keeps the SDK from reading the environment.
      baseURL: baseUrl ?? null,
      organization: null,
      project: null,
      webhookSecret: null,
      maxRetries: 0,
      // The SDK would print a broken event with the words in it.
      logLevel: 'off',
    });
  }

  override get model(): string {
    return this.#model;
  }

  override get provider(): string {
    return 'openai';
  }

  /** Sends the request for a reply. @throws APIError, not retryable, when the history holds an image. */
  protected abstract begin(reply: ReplyOptions, options: RequestOptions): Attempt<Event>;

  /**
   * Asks for one reply. `extraKwargs` are ignored: the framework puts only a sampling temperature there, which reasoning models
   * refuse. Errors surface as the framework's `APIError`s, retryable until the first text or tool call was delivered.
   */
  override chat(
    options: Omit<ReplyOptions, 'toolCtx'> & {
      toolCtx?: llm.ToolContextLike;
      connOptions?: APIConnectOptions;
      extraKwargs?: Record<string, unknown>;
    },
  ): llm.LLMStream {
    const { chatCtx, toolCtx, toolChoice, parallelToolCalls, connOptions = DEFAULT_API_CONNECT_OPTIONS } = options;
    const reply = { chatCtx, toolCtx: llm.toToolContext(toolCtx), toolChoice, parallelToolCalls };
    const begin = (request: RequestOptions) => this.begin(reply, request);
    return new OpenAIStream(this, { begin, reply, idleTimeoutMs: this.#idleTimeoutMs, connOptions });
  }

  /** Lists the models, which costs nothing and needs the key. @throws the SDK's error. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.client.models.list({ signal, timeout: DEFAULT_API_CONNECT_OPTIONS.timeoutMs });
  }

  /** Opens the connection; its failure is of no consequence, the base class drops it. */
  protected override _prewarmImpl(signal: AbortSignal): Promise<void> {
    return this.probe(signal);
  }
}

interface StreamOptions<Event> {
  begin(request: RequestOptions): Attempt<Event>;
  reply: ReplyOptions;
  idleTimeoutMs: number;
  connOptions: APIConnectOptions;
}

class OpenAIStream<Event> extends llm.LLMStream {
  readonly #vendor: string;
  readonly #begin: StreamOptions<Event>['begin'];
  readonly #idleTimeoutMs: number;

  constructor(owner: llm.LLM, { begin, reply, idleTimeoutMs, connOptions }: StreamOptions<Event>) {
    super(owner, { chatCtx: reply.chatCtx, toolCtx: reply.toolCtx, connOptions });
    this.#vendor = owner.provider === 'openai' ? 'OpenAI' : owner.provider;
    this.#begin = begin;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /** One attempt; the base class calls it again after a retryable error. */
  protected override async run(): Promise<void> {
    const { signal } = this.abortController;
    const vendor = this.#vendor;
    let reader: ReplyReader<Event> | undefined;
    let requestId: string | null = null;
    let delivered = false;
    let idle = false;
    let timer: NodeJS.Timeout | undefined;
    try {
      const attempt = this.#begin({ signal, timeout: this.connOptions.timeoutMs });
      reader = attempt.reader;
      const { data: events, request_id } = await attempt.request.withResponse();
      requestId = request_id;
      const giveUpAfter = (ms: number) => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          idle = true;
          events.controller.abort();
        }, ms);
      };
      giveUpAfter(this.#idleTimeoutMs);
      for await (const event of events) {
        if (signal.aborted) return;
        const chunk = reader.read(event);
        giveUpAfter(reader.complete ? Math.min(closingMs, this.#idleTimeoutMs) : this.#idleTimeoutMs);
        if (!chunk) continue;
        delivered ||= llm.hasResponse(chunk);
        this.queue.put(chunk);
      }
    } catch (error) {
      if (!signal.aborted && !reader?.complete) {
        throw toFrameworkError(error, { vendor, retryable: !delivered, requestId });
      }
    } finally {
      clearTimeout(timer);
    }
    // The SDK ends the events without an error when they are aborted, and when the connection closes in good order too early.
    if (signal.aborted || reader?.complete) return;
    const options = { retryable: !delivered };
    if (idle) throw new APITimeoutError({ message: `${vendor} fell silent in the middle of a reply`, options });
    throw new APIConnectionError({ message: `${vendor} ended a reply before it was complete`, options });
  }
}
