import type { FunctionCall, GenerateContentResponse, GenerateContentResponseUsageMetadata } from '@google/genai';
import { APIError, llm, shortuuid } from '@livekit/agents';
import { isName } from './gemini-client.ts';

interface PendingCall {
  call: FunctionCall;
  thoughtSignature?: string;
}

/** Ends of a reply that another attempt may well not meet again. */
const passing = ['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'TOO_MANY_TOOL_CALLS', 'OTHER'];

/** Reads one streamed reply (ai.google.dev/api/generate-content) and says what the framework gets of it. */
export class ReplyReader {
  readonly #parallelToolCalls: boolean;
  readonly #calls: PendingCall[] = [];
  #id = '';
  #complete = false;
  #delivered = false;

  /** The API cannot be told to call one tool at a time: without `parallelToolCalls` only the first call is handed on. */
  constructor(options: { parallelToolCalls: boolean }) {
    this.#parallelToolCalls = options.parallelToolCalls;
  }

  /** Whether the vendor said that the reply is over. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether text or a tool call was handed on. */
  get delivered(): boolean {
    return this.#delivered;
  }

  /**
   * Takes the next piece. Tool calls are handed on together once the reply ended well: one that was cut off must not run.
   *
   * @throws APIError when the model declined to answer, was cut off before it could, or broke off a tool call.
   */
  read(piece: GenerateContentResponse): llm.ChatChunk | undefined {
    this.#id ||= piece.responseId ?? shortuuid('gemini_');
    const blocked = piece.promptFeedback?.blockReason;
    if (blocked) throw declined(blocked);

    const [candidate] = piece.candidates ?? [];
    let content = '';
    for (const part of candidate?.content?.parts ?? []) {
      if (part.functionCall) this.#calls.push({ call: part.functionCall, thoughtSignature: part.thoughtSignature });
      else if (part.text && !part.thought) content += part.text;
    }
    this.#delivered ||= content !== '';
    const toolCalls = candidate?.finishReason ? this.#end(candidate.finishReason) : [];
    this.#delivered ||= toolCalls.length > 0;

    const delta = { ...(content && { content }), ...(toolCalls.length && { toolCalls }) };
    const usage = piece.usageMetadata && toUsage(piece.usageMetadata);
    if (!Object.keys(delta).length && !usage) return undefined;
    return {
      id: this.#id,
      ...(Object.keys(delta).length && { delta: { role: 'assistant' as const, ...delta } }),
      ...(usage && { usage }),
    };
  }

  #end(reason: string): llm.FunctionCall[] {
    if (reason === 'MAX_TOKENS' && (this.#calls.length || !this.#delivered)) {
      const place = this.#calls.length ? 'inside a tool call' : 'before its first word';
      throw new APIError(`The reply ended ${place} (MAX_TOKENS): raise maxTokens`, { retryable: false });
    }
    if (passing.includes(reason)) {
      throw new APIError(`Gemini broke off its reply (${reason})`, { retryable: !this.#delivered });
    }
    if (reason !== 'STOP' && reason !== 'MAX_TOKENS') throw declined(reason);
    // It happens now and then, and a person on the line would hear nothing at all.
    if (!this.#calls.length && !this.#delivered) {
      throw new APIError('Gemini ended its reply without a word', { retryable: true });
    }
    this.#complete = true;
    return this.#calls.slice(0, this.#parallelToolCalls ? undefined : 1).map(toFunctionCall);
  }
}

function declined(reason: string): APIError {
  return new APIError(`Gemini's model declined to answer${isName(reason) ? ` (${reason})` : ''}`, { retryable: false });
}

function toFunctionCall({ call, thoughtSignature }: PendingCall): llm.FunctionCall {
  return llm.FunctionCall.create({
    callId: call.id ?? shortuuid('call_'),
    name: call.name ?? '',
    args: JSON.stringify(call.args ?? {}),
    ...(thoughtSignature && { thoughtSignature }),
  });
}

/** The vendor counts thoughts beside the reply, cached tokens inside the prompt; writing to its cache has no figure. */
function toUsage(usage: GenerateContentResponseUsageMetadata): llm.CompletionUsage {
  const promptTokens = usage.promptTokenCount ?? 0;
  const completionTokens = (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0);
  return {
    promptTokens,
    promptCachedTokens: usage.cachedContentTokenCount ?? 0,
    completionTokens,
    totalTokens: promptTokens + completionTokens,
  };
}
