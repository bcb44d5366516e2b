import type { GoogleGenAI } from '@google/genai';
import {
  APIConnectionError,
  type APIConnectOptions,
  APITimeoutError,
  DEFAULT_API_CONNECT_OPTIONS,
  llm,
} from '@livekit/agents';
import type { Probed } from '../probe.ts';
import { createGeminiClient, toFrameworkError } from './gemini-client.ts';
import { ReplyReader } from './gemini-reply.ts';
import { type ReplyOptions, toRequest } from './gemini-request.ts';

/** How to reach Gemini and what to ask of it. */
export interface GeminiLLMOptions {
  apiKey: string;
  /** Without `/v1beta`; the vendor's own when absent. */
  baseUrl?: string;
  /** For example `gemini-3.5-flash-lite`. */
  model: string;
  /** Longest reply; what the model thinks counts. */
  maxTokens?: number;
  /** Longest silence between two pieces of a reply. */
  idleTimeoutMs?: number;
}

interface Settings {
  client: GoogleGenAI;
  model: string;
  maxTokens: number;
  idleTimeoutMs: number;
}

/**
 * Gemini behind the framework's language model port: streamed text, tool calls with their thought signatures, the vendor's
 * implicit prompt cache, and a request that ends the moment the reply is interrupted. The framework alone retries.
 */
export class GeminiLLM extends llm.LLM implements Probed {
  readonly #settings: Settings;

  constructor({ apiKey, baseUrl, model, maxTokens = 1_024, idleTimeoutMs = 10_000 }: GeminiLLMOptions) {
    super();
    this.#settings = { client: createGeminiClient({ apiKey, baseUrl }), model, maxTokens, idleTimeoutMs };
  }

  override label(): string {
    return 'gemini.LLM';
  }

  override get model(): string {
    return this.#settings.model;
  }

  override get provider(): string {
    return 'gemini';
  }

  /**
   * Asks for one reply. `extraKwargs` are ignored: the framework puts only a sampling temperature there, which the newer models no
   * longer take. Errors surface as the framework's `APIError`s, retryable until the first text or tool call was delivered.
   */
  override chat(
    options: Omit<ReplyOptions, 'toolCtx'> & {
      toolCtx?: llm.ToolContextLike;
      connOptions?: APIConnectOptions;
      parallelToolCalls?: boolean;
      extraKwargs?: Record<string, unknown>;
    },
  ): llm.LLMStream {
    const { chatCtx, toolChoice, parallelToolCalls = true, connOptions = DEFAULT_API_CONNECT_OPTIONS } = options;
    const reply = { chatCtx, toolCtx: llm.toToolContext(options.toolCtx), toolChoice, parallelToolCalls };
    return new GeminiStream(this, this.#settings, reply, connOptions);
  }

  /** Asks what the model can do: free of charge, and it needs the key, the host and the model. */
  async probe(signal: AbortSignal): Promise<void> {
    const { client, model } = this.#settings;
    const { timeoutMs } = DEFAULT_API_CONNECT_OPTIONS;
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      await client.models.get({ model, config: { abortSignal } });
    } catch (error) {
      throw toFrameworkError(error, true);
    }
  }

  /** Opens the connection with a request that costs no tokens; its failure is of no consequence, the base class drops it. */
  protected override async _prewarmImpl(signal: AbortSignal): Promise<void> {
    await this.probe(signal);
  }
}

type Reply = ReplyOptions & { parallelToolCalls: boolean };

class GeminiStream extends llm.LLMStream {
  readonly #settings: Settings;
  readonly #reply: Reply;

  constructor(owner: GeminiLLM, settings: Settings, reply: Reply, connOptions: APIConnectOptions) {
    super(owner, { chatCtx: reply.chatCtx, toolCtx: reply.toolCtx, connOptions });
    this.#settings = settings;
    this.#reply = reply;
  }

  /** One attempt; the base class calls it again after a retryable error. */
  protected override async run(): Promise<void> {
    const { client, model, maxTokens, idleTimeoutMs } = this.#settings;
    const { signal } = this.abortController;
    const { config, ...request } = toRequest(model, maxTokens, this.#reply);
    const reader = new ReplyReader(this.#reply);
    // The SDK leaves the connection open when its events are not read to the end.
    const stop = new AbortController();
    const abortSignal = AbortSignal.any([signal, stop.signal]);
    let silent = false;
    const giveUp = () => {
      silent = true;
      stop.abort();
    };
    let timer = setTimeout(giveUp, this.connOptions.timeoutMs);
    try {
      const pieces = await client.models.generateContentStream({ ...request, config: { ...config, abortSignal } });
      clearTimeout(timer);
      timer = setTimeout(giveUp, idleTimeoutMs);
      for await (const piece of pieces) {
        timer.refresh();
        if (signal.aborted) return;
        const chunk = reader.read(piece);
        if (chunk) this.queue.put(chunk);
      }
    } catch (error) {
      if (!signal.aborted && !silent && !reader.complete) throw toFrameworkError(error, !reader.delivered);
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
    if (signal.aborted || reader.complete) return;
    const options = { retryable: !reader.delivered };
    if (silent) throw new APITimeoutError({ message: 'Gemini did not answer, or fell silent in a reply', options });
    throw new APIConnectionError({ message: 'Gemini ended a reply before it was complete', options });
  }
}
