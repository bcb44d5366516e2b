import type { llm, voice } from '@livekit/agents';
import type { AgentName, Call } from '../call.ts';
import { Concierge } from './concierge.ts';
import { Dictation } from './dictation.ts';
import { Onboarding } from './onboarding.ts';

/** Makes an agent by name; `history` is what it is told of the conversation so far. */
export function rosterAgent(name: AgentName, history?: llm.ChatContext): voice.Agent<Call> {
  switch (name) {
    case 'concierge':
      return new Concierge(history);
    case 'dictation':
      return new Dictation(history);
    case 'onboarding':
      return new Onboarding(history);
  }
}
