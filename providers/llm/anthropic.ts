import Anthropic from '@anthropic-ai/sdk';
import {
  APIConnectionError,
  type APIConnectOptions,
  APITimeoutError,
  DEFAULT_API_CONNECT_OPTIONS,
  llm,
} from '@livekit/agents';
import type { Probed } from '../probe.ts';
import { toFrameworkError } from './anthropic-errors.ts';
import { ReplyReader } from './anthropic-reply.ts';
import { type ReplyOptions, toRequest } from './anthropic-request.ts';

/** How to reach Anthropic and what to ask of it. */
export interface AnthropicLLMOptions {
  apiKey: string;
  /** Without `/v1`; the vendor's own when absent. */
  baseUrl?: string;
  /** For example `claude-haiku-4-5`. The model has to accept thinking switched off. */
  model: string;
  /** Longest reply. */
  maxTokens?: number;
  /** Longest silence between two events of a reply. The vendor's keep-alive pings don't break it: nothing is heard of them. */
  idleTimeoutMs?: number;
}

interface Settings {
  client: Anthropic;
  model: string;
  maxTokens: number;
  idleTimeoutMs: number;
}

/**
 * Claude behind the framework's language model port: streamed text, tool calls, prompt caching, and a request that ends the moment
 * the reply is interrupted. The framework alone retries.
 */
export class AnthropicLLM extends llm.LLM implements Probed {
  readonly #settings: Settings;

  constructor({ apiKey, baseUrl, model, maxTokens = 1_024, idleTimeoutMs = 10_000 }: AnthropicLLMOptions) {
    super();
    const client = new Anthropic({
      apiKey,
      // Null, unlike undefined, keeps the SDK from reading the environment.
      baseURL: baseUrl ?? null,
      maxRetries: 0,
      // The SDK would print a broken event with the words in it, and trace what the framework already traces.
      logLevel: 'off',
      openTelemetry: false,
    });
    this.#settings = { client, model, maxTokens, idleTimeoutMs };
  }

  override label(): string {
    return 'anthropic.LLM';
  }

  override get model(): string {
    return this.#settings.model;
  }

  override get provider(): string {
    return 'anthropic';
  }

  /**
   * Asks for one reply. `extraKwargs` are ignored: the framework puts only a sampling temperature there, which this version of the
   * API no longer takes. Errors surface as the framework's `APIError`s, retryable until the first text or tool call was delivered.
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
    return new AnthropicStream(this, this.#settings, reply, connOptions);
  }

  /** Asks for the list of models, which costs no tokens. @throws APIError as a reply's request does, and the signal's reason. */
  async probe(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    try {
      await this.#listModels(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw toFrameworkError(error, true);
    }
  }

  /** Opens the connection with a request that costs no tokens; its failure is of no consequence, the base class drops it. */
  protected override async _prewarmImpl(signal: AbortSignal): Promise<void> {
    await this.#listModels(signal);
  }

  async #listModels(signal: AbortSignal): Promise<void> {
    const { timeoutMs } = DEFAULT_API_CONNECT_OPTIONS;
    await this.#settings.client.models.list({ limit: 1 }, { signal, timeout: timeoutMs });
  }
}

class AnthropicStream extends llm.LLMStream {
  readonly #settings: Settings;
  readonly #reply: ReplyOptions;

  constructor(owner: AnthropicLLM, settings: Settings, reply: ReplyOptions, connOptions: APIConnectOptions) {
    super(owner, { chatCtx: reply.chatCtx, toolCtx: reply.toolCtx, connOptions });
    this.#settings = settings;
    this.#reply = reply;
  }

  /** One attempt; the base class calls it again after a retryable error. */
  protected override async run(): Promise<void> {
    const { client, model, maxTokens, idleTimeoutMs } = this.#settings;
    const { signal } = this.abortController;
    const request = toRequest(model, maxTokens, this.#reply);
    const reader = new ReplyReader();
    let delivered = false;
    let idleTimer: NodeJS.Timeout | undefined;
    let idle = false;
    try {
      const events = await client.messages.create(request, { signal, timeout: this.connOptions.timeoutMs });
      idleTimer = setTimeout(() => {
        idle = true;
        events.controller.abort();
      }, idleTimeoutMs);
      for await (const event of events) {
        idleTimer.refresh();
        const chunk = reader.read(event);
        if (!chunk) continue;
        delivered ||= llm.hasResponse(chunk);
        this.queue.put(chunk);
      }
    } catch (error) {
      if (!signal.aborted) throw toFrameworkError(error, !delivered);
    } finally {
      clearTimeout(idleTimer);
    }
    // The SDK ends the events without an error when they are aborted, and when the connection closes in good order too early.
    if (signal.aborted || reader.complete) return;
    const options = { retryable: !delivered };
    if (idle) throw new APITimeoutError({ message: 'Anthropic fell silent in the middle of a reply', options });
    throw new APIConnectionError({ message: 'Anthropic ended a reply before it was complete', options });
  }
}
