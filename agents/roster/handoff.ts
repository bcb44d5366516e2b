import { llm, type voice } from '@livekit/agents';
import type { AgentName, Call } from '../call.ts';

/** How many of the last messages the next agent is told. */
const keptMessages = 6;

/** Hands the call to another agent of the roster, with the end of the conversation but without instructions and tool calls. */
export function handoffTo(name: AgentName, ctx: voice.RunContext<Call>): llm.AgentHandoff {
  const history = ctx.session.currentAgent.chatCtx
    .copy({ excludeInstructions: true, excludeFunctionCall: true })
    .truncate(keptMessages);
  return llm.handoff({ agent: ctx.userData.agent(name, history) });
}
