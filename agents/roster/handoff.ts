import { llm, type voice } from '@livekit/agents';
import type { AgentName, Call, CallSession } from '../call.ts';

/** How many of the last messages the next agent is told. */
const keptMessages = 6;

/** Agents that hand a caller on without hearing a word of them go round in circles: after so many the caller stays where they are. */
const longestChain = 3;

/**
 * Hands the call to another agent of the roster, with the end of the conversation but without instructions and tool calls.
 * @throws ToolError when the caller was handed on again and again without having said anything in between.
 */
export function handoffTo(name: AgentName, ctx: voice.RunContext<Call>): llm.AgentHandoff {
  if (chainOf(ctx.session.history) >= longestChain) {
    throw new llm.ToolError('The caller was handed on often enough: stay with them and answer what they said.');
  }
  const history = ctx.session.currentAgent.chatCtx
    .copy({ excludeInstructions: true, excludeFunctionCall: true })
    .truncate(keptMessages);
  return llm.handoff({ agent: ctx.userData.agent(name, history) });
}

/** Tool that hands the caller to another agent. @param description for the model: when to call it */
export function handoffTool(name: string, target: AgentName, description: string) {
  return llm.tool({
    name,
    description,
    execute: async (_input, { ctx }: llm.ToolOptions<Call>) => handoffTo(target, ctx),
  });
}

/** Tool that every agent but the concierge has. */
export const returnToConcierge = handoffTool(
  'return_to_concierge',
  'concierge',
  'Hands the caller back to the concierge.',
);

/** Name of the agent a caller comes from; undefined at the beginning of a call. */
export function previousAgentOf({ history }: Pick<CallSession, 'history'>): AgentName | undefined {
  const last = history.items.findLast((item) => item.type === 'agent_handoff');
  return last?.oldAgentId as AgentName | undefined;
}

/** How many handoffs there were since the caller said something. */
function chainOf({ items }: Pick<llm.ChatContext, 'items'>): number {
  const lastWords = items.findLastIndex((item) => item.type === 'message' && item.role === 'user');
  return items.slice(lastWords + 1).filter((item) => item.type === 'agent_handoff').length;
}
