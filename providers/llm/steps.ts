import { APIError, type llm } from '@livekit/agents';

/** A call of a tool with what it gave back. */
export interface ToolCall {
  call: llm.FunctionCall;
  output: llm.FunctionCallOutput;
}

/** What one response of the model left in the history. */
export interface ResponseStep {
  role: 'assistant';
  texts: string[];
  calls: ToolCall[];
}

/** One piece of a conversation, the same for every vendor. */
export type Step = { role: 'system' | 'user'; text: string } | ResponseStep;

/**
 * Gathers what belongs to one response: the framework stores its text and its parallel calls as separate items. They share an id
 * or a group, or follow each other with nothing in between.
 *
 * Calls without an output, outputs without a call and blank text are left out; with `toolCalls: false` all calls are. A call that
 * is recorded twice counts once. `owner` is the adapter that errors name.
 *
 * @throws APIError, not retryable, when a message holds an image.
 */
export function toSteps(items: readonly llm.ChatItem[], options: { toolCalls: boolean; owner: string }): Step[] {
  const steps: Step[] = [];
  const responses = new Map<string, ResponseStep>();
  let current: ResponseStep | undefined;
  const responseOf = (id: string): ResponseStep => {
    let response = responses.get(id) ?? current;
    if (!response) {
      response = { role: 'assistant', texts: [], calls: [] };
      steps.push(response);
    }
    responses.set(id, response);
    current = response;
    return response;
  };

  const outputs = new Map(
    items.flatMap((item) => (item.type === 'function_call_output' ? [[item.callId, item] as const] : [])),
  );
  for (const item of items) {
    if (item.type === 'message') {
      const text = textOf(item, options.owner);
      if (!text) continue;
      if (item.role === 'assistant') responseOf(responseId(item.id)).texts.push(text);
      else {
        steps.push({ role: item.role === 'user' ? 'user' : 'system', text });
        current = undefined;
      }
    } else if (item.type === 'function_call') {
      const output = outputs.get(item.callId);
      if (!output || !options.toolCalls) continue;
      outputs.delete(item.callId);
      responseOf(item.groupId ?? responseId(item.id)).calls.push({ call: item, output });
    } else if (item.type === 'function_call_output') {
      current = undefined;
    }
  }
  return steps;
}

/** A note of ours inside a user's turn, for vendors that take system messages only ahead of everything else. */
export function noteText(text: string): string {
  return `<system>\n${text}\n</system>`;
}

/** A person must not be able to speak or type a note of ours. */
export function withoutNoteTags(text: string): string {
  return text.replace(/<(\s*\/?\s*system\b[^>]*)>/gi, '[$1]');
}

/** A call's arguments as an object; a model's broken JSON was answered with an error, which stays in the history. */
export function inputOf(call: llm.FunctionCall): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(call.args);
    return typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input } : {};
  } catch {
    return {};
  }
}

/** Items of one response share what stands before the slash of their ids. */
function responseId(itemId: string): string {
  return itemId.split('/', 1)[0] ?? itemId;
}

function textOf(message: llm.ChatMessage, owner: string): string {
  return message.content
    .map((part) => {
      if (typeof part === 'string') return part;
      if (part.type === 'instructions') return part.value;
      if (part.type === 'audio_content') return part.transcript ?? '';
      throw new APIError(`${owner} takes text only: leave images out of the chat context`, { retryable: false });
    })
    .filter((text) => text.trim())
    .join('\n');
}
