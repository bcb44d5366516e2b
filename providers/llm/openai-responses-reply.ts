import { APIError, llm } from '@livekit/agents';
import { OpenAI } from 'openai';
import type { ReplyReader } from './openai-stream.ts';

type Event = OpenAI.Responses.ResponseStreamEvent;
type Response = OpenAI.Responses.Response;

/**
 * Reads the events of one streamed response (platform.openai.com/docs/api-reference/responses-streaming) and says what the framework
 * gets of it.
 */
export class ResponsesReplyReader implements ReplyReader<Event> {
  #id = '';
  #spoke = false;
  #complete = false;
  #called = false;
  readonly #calls: llm.FunctionCall[] = [];

  /** Whether the vendor said that the response is over. */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * Takes the next event. Tool calls are handed on together once the response ended well: one that was cut off by the token limit
   * must not run. Token counts come with the end only: an interrupted reply has none.
   *
   * @throws APIError, not retryable, when the model declined to answer, or was cut off inside a tool call or before any text.
   * @throws OpenAI.APIError when the vendor failed in the middle.
   */
  read(event: Event): llm.ChatChunk | undefined {
    switch (event.type) {
      case 'response.created':
        this.#id = event.response.id;
        return undefined;
      case 'response.output_text.delta':
        this.#spoke ||= event.delta !== '';
        return event.delta ? { id: this.#id, delta: { role: 'assistant', content: event.delta } } : undefined;
      case 'response.output_item.added':
        this.#called ||= event.item.type === 'function_call';
        return undefined;
      case 'response.output_item.done':
        this.#readItem(event.item);
        return undefined;
      case 'response.refusal.delta':
      case 'response.refusal.done':
        throw declined();
      case 'response.completed':
        return this.#readEnd(event.response, this.#calls);
      case 'response.incomplete':
        return this.#readIncomplete(event.response);
      case 'response.failed':
        throw failure(event.response.error?.code);
      case 'error':
        throw failure(event.code);
      default:
        return undefined;
    }
  }

  #readItem(item: OpenAI.Responses.ResponseOutputItem): void {
    if (item.type !== 'function_call' || item.status === 'incomplete') return;
    const { call_id: callId, name, arguments: args } = item;
    this.#calls.push(llm.FunctionCall.create({ callId, name, args: args || '{}' }));
  }

  #readIncomplete(response: Response): llm.ChatChunk {
    const reason = response.incomplete_details?.reason;
    if (reason === 'content_filter') throw declined();
    if (this.#called) {
      throw new APIError('The reply ended inside a tool call (max_output_tokens): raise maxTokens', {
        retryable: false,
      });
    }
    if (!this.#spoke) {
      const message =
        'The reply ended before its first word (max_output_tokens): raise maxTokens or lower reasoningEffort';
      throw new APIError(message, { retryable: false });
    }
    return this.#readEnd(response, []);
  }

  #readEnd({ usage }: Response, toolCalls: llm.FunctionCall[]): llm.ChatChunk {
    this.#complete = true;
    return {
      id: this.#id,
      ...(toolCalls.length && { delta: { role: 'assistant' as const, toolCalls } }),
      ...(usage && { usage: toUsage(usage) }),
    };
  }
}

function declined(): APIError {
  return new APIError('The model declined to answer, or a content filter did', { retryable: false });
}

/** What the SDK throws for an error of other shape inside a stream, without the vendor's words. */
function failure(code: string | null | undefined): Error {
  return new OpenAI.APIError(undefined, { code }, undefined, undefined);
}

function toUsage(usage: OpenAI.Responses.ResponseUsage): llm.CompletionUsage {
  return {
    promptTokens: usage.input_tokens,
    promptCachedTokens: usage.input_tokens_details?.cached_tokens ?? 0,
    completionTokens: usage.output_tokens,
    totalTokens: usage.total_tokens,
  };
}
