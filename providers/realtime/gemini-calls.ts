import type { Content, FunctionCall, FunctionResponse } from '@google/genai';
import { llm, shortuuid } from '@livekit/agents';
import { toolNote } from './gemini-config.ts';

/** What to tell the model of results. */
export interface ToolAnswer {
  /** Of calls it waits for: it goes on when it has them all. */
  functionResponses: FunctionResponse[];
  /** Of calls it waits for no more: after somebody interrupted it, or on a connection that did not see them. */
  notes: Content[];
  /** Whether it owes a reply to them. */
  isOwed: boolean;
}

/** The calls that the model made on the present connection. */
export class ToolCalls {
  readonly #states = new Map<string, 'waiting' | 'cancelled'>();

  /** The model made these; it may give no ids. */
  make(calls: readonly FunctionCall[]): llm.FunctionCall[] {
    return calls.map(({ id: callId = shortuuid('call_'), name = '', args = {} }) => {
      this.#states.set(callId, 'waiting');
      return llm.FunctionCall.create({ callId, name, args: JSON.stringify(args) });
    });
  }

  /** The model waits for these no more. */
  cancel(ids: readonly string[]): void {
    for (const id of ids) this.#states.set(id, 'cancelled');
  }

  /** A connection that knows none of them begins. */
  clear(): void {
    this.#states.clear();
  }

  /** Turns results into what the model is told; `items` hold the calls. */
  answer(outputs: readonly llm.FunctionCallOutput[], items: readonly llm.ChatItem[]): ToolAnswer {
    const functionResponses: FunctionResponse[] = [];
    const notes: Content[] = [];
    let isLost = false;
    for (const output of outputs) {
      const { callId, name, output: text, isError } = output;
      const state = this.#states.get(callId);
      this.#states.delete(callId);
      isLost ||= state === undefined;
      const call = items.find((item) => item.type === 'function_call' && item.callId === callId);
      const response = isError ? { error: text } : { output: text };
      if (state === 'waiting') functionResponses.push({ id: callId, name, response });
      else if (call?.type === 'function_call') notes.push(toolNote(call, output));
    }
    return { functionResponses, notes, isOwed: isLost || functionResponses.length > 0 };
  }
}
