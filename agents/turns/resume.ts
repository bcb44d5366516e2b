import { llm, voice } from '@livekit/agents';
import type { Turn } from '../../domain/conversation.ts';
import type { CallEnding } from '../../domain/session.ts';
import type { AgentName, CallSession } from '../call.ts';
import { languageOf } from '../call.ts';
import { phrases } from './phrases.ts';
import type { SpokenAgent } from './spoken-agent.ts';

/** Keeps which agent the person is with, from the start of a session on. */
export function keepCheckpoints(session: CallSession): void {
  session.on(voice.AgentSessionEventTypes.ConversationItemAdded, ({ item }) => {
    if (item.type === 'agent_handoff') session.userData.backend.checkpoint({ agent: item.newAgentId as AgentName });
  });
}

/** The end of a conversation as it was kept, for an agent that goes on with it. */
export function historyOf(turns: readonly Turn[]): llm.ChatContext {
  const items = turns.map(({ speaker, text, interrupted, saidAt }) =>
    llm.ChatMessage.create({
      role: speaker === 'user' ? 'user' : 'assistant',
      content: text,
      interrupted,
      createdAt: Date.parse(saidAt),
    }),
  );
  return new llm.ChatContext(items);
}

/** What a session that has closed means for its call. The framework closes it where the job is stopped or out of its room. */
export function endingOf(reason: string): CallEnding {
  if (reason === voice.CloseReason.PARTICIPANT_DISCONNECTED) return 'person-left';
  return reason === voice.CloseReason.USER_INITIATED ? 'moved' : 'failed';
}

/** Says that the call goes on after its job was lost, and answers what nobody has answered. */
export function goOn(session: CallSession, agent: SpokenAgent, turns: readonly Turn[]): void {
  agent.open(phrases.backAgain[languageOf(session.userData)]);
  // Who dictates has a listener instead of an answer.
  if (turns.at(-1)?.speaker === 'user' && !session.userData.listener) session.generateReply();
}
