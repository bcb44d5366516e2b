import type { OpenAI } from 'openai';
import { ResponsesReplyReader } from './openai-responses-reply.ts';
import { type ResponsesSettings, toResponsesRequest } from './openai-responses-request.ts';
import { type Attempt, OpenAIModel, type OpenAIModelOptions, type RequestOptions } from './openai-stream.ts';
import type { ReplyOptions } from './openai-tools.ts';

type Event = OpenAI.Responses.ResponseStreamEvent;

/** How to reach OpenAI's Responses API and what to ask of it. */
export interface OpenAIResponsesLLMOptions extends OpenAIModelOptions {
  /** Longest reply, reasoning included; the API wants at least 16. */
  maxTokens?: number;
  /** Sent only when set: models that do not reason refuse it. `none` or `minimal`, whichever the model takes, begins soonest. */
  reasoningEffort?: OpenAI.ReasoningEffort;
}

/**
 * OpenAI's Responses API behind the framework's language model port: streamed text, tool calls, automatic prompt caching, nothing
 * stored at the vendor, and a request that ends the moment the reply is interrupted.
 */
export class OpenAIResponsesLLM extends OpenAIModel<Event> {
  readonly #settings: ResponsesSettings;

  constructor({ maxTokens = 1_024, reasoningEffort, ...options }: OpenAIResponsesLLMOptions) {
    super(options);
    this.#settings = { model: options.model, maxTokens, reasoningEffort };
  }

  override label(): string {
    return 'openai.ResponsesLLM';
  }

  protected override begin(reply: ReplyOptions, options: RequestOptions): Attempt<Event> {
    const request = this.client.responses.create(toResponsesRequest(this.#settings, reply), options);
    return { request, reader: new ResponsesReplyReader() };
  }
}
