import { createHash } from 'node:crypto';
import { llm } from '@livekit/agents';

/** What one reply is asked with. */
export interface ReplyOptions {
  chatCtx: llm.ChatContext;
  toolCtx?: llm.ToolContext;
  toolChoice?: llm.ToolChoice;
  parallelToolCalls?: boolean;
}

/** A tool as both of OpenAI's interfaces describe it. */
export interface ToolDescription {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

/** Describes the tools in an order of their own, so that the prompt begins the same from turn to turn. */
export function describeTools(toolCtx: llm.ToolContext | undefined): ToolDescription[] {
  if (!toolCtx) return [];
  return llm.sortedToolEntries(toolCtx).map(([, { name, description, parameters }]) => {
    const { $schema: _, ...schema } = llm.toJsonSchema(parameters, false);
    return { name, description, parameters: { ...schema, type: 'object' } };
  });
}

/**
 * An id of a tool call that is no longer than the vendor takes: a conversation may have begun with another vendor, whose ids are
 * its own. The same id always comes out the same.
 */
export function callIdWithin(callId: string, longest: number): string {
  if (callId.length <= longest) return callId;
  return `call_${createHash('sha256').update(callId).digest('hex').slice(0, 24)}`;
}
