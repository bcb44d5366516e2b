import type Anthropic from '@anthropic-ai/sdk';
import { APIError, llm } from '@livekit/agents';

interface OpenCall {
  callId: string;
  name: string;
  json: string;
}

/** Reads one streamed message (platform.claude.com/docs/en/build-with-claude/streaming) and says what the framework gets of it. */
export class ReplyReader {
  #id = '';
  #usage: Anthropic.Usage | undefined;
  readonly #calls = new Map<number, OpenCall>();
  #complete = false;

  /** Whether the vendor said that the message is over. */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * Takes the next event.
   *
   * Tool calls are handed on together once the message ended well: one that was cut off by the token limit must not run, and the
   * framework would mend its JSON. The first chunk carries the cost of the prompt, so that an interrupted reply is counted too.
   *
   * @throws APIError, not retryable, when the model declined to answer or was cut off inside a tool call.
   */
  read(event: Anthropic.RawMessageStreamEvent): llm.ChatChunk | undefined {
    switch (event.type) {
      case 'message_start':
        this.#id = event.message.id;
        this.#usage = event.message.usage;
        return { id: this.#id, usage: toUsage(this.#usage, 0) };
      case 'content_block_start':
        if (event.content_block.type === 'tool_use') {
          const { id, name } = event.content_block;
          this.#calls.set(event.index, { callId: id, name, json: '' });
        }
        return undefined;
      case 'content_block_delta':
        return this.#readDelta(event);
      case 'message_delta':
        return this.#readEnd(event);
      case 'message_stop':
        this.#complete = true;
        return undefined;
      default:
        return undefined;
    }
  }

  #readDelta({ index, delta }: Anthropic.RawContentBlockDeltaEvent): llm.ChatChunk | undefined {
    if (delta.type === 'text_delta') return { id: this.#id, delta: { role: 'assistant', content: delta.text } };
    const call = this.#calls.get(index);
    if (delta.type !== 'input_json_delta' || !call) return undefined;
    call.json += delta.partial_json;
    // Nothing to hand on yet, but a sign of life for whoever waits for one.
    return { id: this.#id };
  }

  #readEnd({ delta, usage }: Anthropic.RawMessageDeltaEvent): llm.ChatChunk {
    if (delta.stop_reason === 'refusal') {
      const category = delta.stop_details?.category;
      throw new APIError(`Anthropic's model declined to answer${category ? ` (${category})` : ''}`, {
        retryable: false,
      });
    }
    if (this.#calls.size && delta.stop_reason !== 'tool_use') {
      throw new APIError(`The reply ended inside a tool call (${delta.stop_reason}): raise maxTokens`, {
        retryable: false,
      });
    }
    const toolCalls = [...this.#calls.values()].map(({ callId, name, json }) =>
      llm.FunctionCall.create({ callId, name, args: json || '{}' }),
    );
    return {
      id: this.#id,
      ...(toolCalls.length && { delta: { role: 'assistant' as const, toolCalls } }),
      ...(this.#usage && { usage: toUsage(this.#usage, usage.output_tokens) }),
    };
  }
}

/** The vendor counts cached tokens beside the others; the framework wants them inside the prompt's. */
function toUsage(usage: Anthropic.Usage, completionTokens: number): llm.CompletionUsage {
  const promptCachedTokens = usage.cache_read_input_tokens ?? 0;
  const cacheCreationTokens = usage.cache_creation_input_tokens ?? 0;
  const promptTokens = usage.input_tokens + promptCachedTokens + cacheCreationTokens;
  return {
    promptTokens,
    promptCachedTokens,
    cacheCreationTokens,
    completionTokens,
    totalTokens: promptTokens + completionTokens,
  };
}
