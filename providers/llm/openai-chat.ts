import type { OpenAI } from 'openai';
import { ChatReplyReader } from './openai-chat-reply.ts';
import { type ChatSettings, toChatRequest } from './openai-chat-request.ts';
import { type Attempt, OpenAIModel, type OpenAIModelOptions, type RequestOptions } from './openai-stream.ts';
import type { ReplyOptions } from './openai-tools.ts';

/** How to reach a server that speaks OpenAI's chat completions, and what to ask of it. */
export interface OpenAIChatLLMOptions extends OpenAIModelOptions {
  /** Longest reply, reasoning included. */
  maxTokens?: number;
  /** Sent only when set: models that do not reason refuse it. `none` or `minimal`, whichever the model takes, begins soonest. */
  reasoningEffort?: OpenAI.ReasoningEffort;
  /**
   * Name of the service in metrics and errors, `openai` when absent. Any other name, for example `litellm`, `ollama` or `vllm`,
   * keeps requests to what compatible servers take.
   */
  provider?: string;
}

/**
 * OpenAI's chat completions, or any server that speaks them (LiteLLM, Ollama, vLLM), behind the framework's language model port:
 * streamed text, tool calls, automatic prompt caching, and a request that ends the moment the reply is interrupted.
 */
export class OpenAIChatLLM extends OpenAIModel<OpenAI.ChatCompletionChunk> {
  readonly #settings: ChatSettings;
  readonly #provider: string;

  constructor({ maxTokens = 1_024, reasoningEffort, provider = 'openai', ...options }: OpenAIChatLLMOptions) {
    super(options);
    this.#provider = provider;
    const dialect = provider === 'openai' ? 'openai' : 'compatible';
    this.#settings = { model: options.model, maxTokens, reasoningEffort, dialect };
  }

  override label(): string {
    return `${this.#provider}.ChatLLM`;
  }

  override get provider(): string {
    return this.#provider;
  }

  protected override begin(reply: ReplyOptions, options: RequestOptions): Attempt<OpenAI.ChatCompletionChunk> {
    const request = this.client.chat.completions.create(toChatRequest(this.#settings, reply), options);
    return { request, reader: new ChatReplyReader() };
  }
}
