import type { Content, Part } from '@google/genai';
import type { llm } from '@livekit/agents';
import { inputOf, noteText, type ToolCall, toSteps, withoutNoteTags } from './steps.ts';

/** A history as the Gemini API wants it. */
export interface GeminiPrompt {
  /** Texts ahead of the conversation. */
  system: string[];
  /** Begins and ends with the user. */
  contents: Content[];
}

/**
 * What stands for the signature of a call that another model made, or that was recorded without one
 * (ai.google.dev/gemini-api/docs/thought-signatures).
 */
const foreignSignature = 'skip_thought_signature_validator';

/**
 * Turns a framework history into contents that keep the rules of the API whatever the history looks like, and that only grow at
 * their end while the history does, so that the vendor's implicit cache holds.
 *
 * System messages ahead of everything else become the system instruction; later ones become notes of the user, wrapped in
 * `<system>`. Responses to calls stand in a content of their own, one for each call, right behind the calls. With
 * `toolCalls: false` calls are left out. With `signatures` the first call of every response carries a thought signature, which
 * Gemini 3 and later insist on.
 *
 * @throws APIError, not retryable, when a message holds an image.
 */
export function toContents(
  items: readonly llm.ChatItem[],
  options: { toolCalls: boolean; signatures: boolean },
): GeminiPrompt {
  const system: string[] = [];
  const contents: Content[] = [];
  const append = (role: 'user' | 'model', ...parts: Part[]) => {
    const last = contents.at(-1);
    if (last?.role === role && last.parts && !last.parts.some(({ functionResponse }) => functionResponse)) {
      last.parts.push(...parts);
    } else contents.push({ role, parts });
  };

  for (const step of toSteps(items, { ...options, owner: 'GeminiLLM' })) {
    if (step.role === 'user') append('user', { text: withoutNoteTags(step.text) });
    else if (step.role === 'assistant') {
      append('model', ...step.texts.map((text) => ({ text })), ...toCallParts(step.calls, options.signatures));
      if (step.calls.length) contents.push({ role: 'user', parts: step.calls.map(toResponsePart) });
    } else if (contents.length) append('user', { text: noteText(step.text) });
    else system.push(step.text);
  }

  if (contents[0]?.role !== 'user') {
    contents.unshift({ role: 'user', parts: [{ text: noteText('The conversation begins.') }] });
  }
  if (contents.at(-1)?.role !== 'user') append('user', { text: noteText('Continue the conversation.') });
  return { system, contents };
}

function toCallParts(calls: readonly ToolCall[], signatures: boolean): Part[] {
  return calls.map(({ call }, index) => {
    const thoughtSignature = call.thoughtSignature ?? (signatures && index === 0 ? foreignSignature : undefined);
    return {
      functionCall: { id: call.callId, name: call.name, args: inputOf(call) },
      ...(thoughtSignature && { thoughtSignature }),
    };
  });
}

function toResponsePart({ call, output }: ToolCall): Part {
  const response = output.isError ? { error: output.output } : { output: output.output };
  return { functionResponse: { id: call.callId, name: call.name, response } };
}
