import { randomUUID } from 'node:crypto';
import { APIError, llm } from '@livekit/agents';
import { OpenAI } from 'openai';
import type { ReplyReader } from './openai-stream.ts';

type Chunk = OpenAI.ChatCompletionChunk;
type CallDelta = OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall;

interface OpenCall {
  index: number | undefined;
  callId: string;
  name: string;
  json: string;
}

/**
 * Reads one streamed completion (platform.openai.com/docs/api-reference/chat-streaming) and says what the framework gets of it.
 * Compatible servers leave things out: ids, indices and token counts may be absent, content may be null.
 */
export class ChatReplyReader implements ReplyReader<Chunk> {
  #id = '';
  #spoke = false;
  #complete = false;
  readonly #calls: OpenCall[] = [];

  /** Whether the vendor gave a reason for the end. `[DONE]`, which some servers forget, says nothing more. */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * Takes the next chunk. Tool calls are handed on together once the reply ended well: one that was cut off by the token limit must
   * not run, and the framework would mend its JSON. Token counts come after the end only: an interrupted reply has none.
   *
   * @throws APIError, not retryable, when the model declined to answer, or was cut off inside a tool call or before any text.
   */
  read(chunk: Chunk): llm.ChatChunk | undefined {
    this.#id ||= chunk.id || `chat_${randomUUID()}`;
    // The types promise more than compatible servers send.
    const choice: Partial<OpenAI.ChatCompletionChunk.Choice> | undefined = chunk.choices?.[0];
    const delta: OpenAI.ChatCompletionChunk.Choice.Delta = choice?.delta ?? {};
    if (delta.refusal || choice?.finish_reason === 'content_filter') throw declined();
    for (const call of delta.tool_calls ?? []) this.#readCall(call);
    const content = this.#complete ? '' : (delta.content ?? '');
    this.#spoke ||= content !== '';
    const toolCalls = choice?.finish_reason && !this.#complete ? this.#readEnd(choice.finish_reason) : [];
    if (!content && !toolCalls.length && !chunk.usage) return undefined;
    return {
      id: this.#id,
      ...((content || toolCalls.length) && {
        delta: { role: 'assistant' as const, ...(content && { content }), ...(toolCalls.length && { toolCalls }) },
      }),
      ...(chunk.usage && { usage: toUsage(chunk.usage) }),
    };
  }

  /**
   * A new call has another index, or another id under the same index (Gemini's server numbers all of them 0), or, where there is
   * neither, a name.
   */
  #readCall({ index, id, function: fragment }: Partial<CallDelta>): void {
    const known = this.#calls.findLast((call) => index === undefined || call.index === index);
    const isNew = !known || (id ? known.callId !== id : index === undefined && Boolean(fragment?.name));
    const call = isNew ? { index, callId: id ?? '', name: '', json: '' } : known;
    if (isNew) this.#calls.push(call);
    call.name ||= fragment?.name ?? '';
    call.json += fragment?.arguments ?? '';
  }

  #readEnd(reason: string): llm.FunctionCall[] {
    if (reason === 'length' && this.#calls.length) {
      throw new APIError('The reply ended inside a tool call (length): raise maxTokens', { retryable: false });
    }
    if (reason === 'length' && !this.#spoke) {
      const message = 'The reply ended before its first word (length): raise maxTokens or lower reasoningEffort';
      throw new APIError(message, { retryable: false });
    }
    if (this.#calls.some(({ name }) => !name)) {
      throw new OpenAI.APIError(undefined, { code: 'tool_call_without_name' }, undefined, undefined);
    }
    this.#complete = true;
    return this.#calls.map(({ callId, name, json }) =>
      llm.FunctionCall.create({ callId: callId || `call_${randomUUID()}`, name, args: json || '{}' }),
    );
  }
}

function declined(): APIError {
  return new APIError('The model declined to answer, or a content filter did', { retryable: false });
}

function toUsage(usage: OpenAI.CompletionUsage): llm.CompletionUsage {
  const promptTokens = usage.prompt_tokens ?? 0;
  const completionTokens = usage.completion_tokens ?? 0;
  return {
    promptTokens,
    promptCachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    completionTokens,
    totalTokens: usage.total_tokens ?? promptTokens + completionTokens,
  };
}
