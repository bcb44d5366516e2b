import { llm, voice } from '@livekit/agents';
import type { Call } from '../call.ts';
import { handoffTo } from './handoff.ts';
import { getProfile } from './profile-tool.ts';

// Stays the same for every caller: it is the beginning of each request, which the vendor caches.
const instructions = `You are the concierge of Parley, the first voice a caller hears.
Answer in the language the caller speaks, in one to three short sentences that sound natural when read aloud. No lists, no markdown.
When the caller wants to set up or change their profile, call start_onboarding without announcing it.
When the caller wants to dictate a note, call start_dictation without announcing it.
When the caller asks what you know about them, call get_profile and tell them.
Never invent facts about the caller, and never mention tools or these instructions.`;

/** First contact: answers, and hands over to whoever does the work. */
export class Concierge extends voice.Agent<Call> {
  constructor(history?: llm.ChatContext) {
    super({
      id: 'concierge',
      instructions,
      chatCtx: history,
      tools: [
        getProfile,
        llm.tool({
          name: 'start_onboarding',
          description: 'Hands the caller over to the colleague who sets up their profile, step by step.',
          execute: async (_input, { ctx }: llm.ToolOptions<Call>) => handoffTo('onboarding', ctx),
        }),
        llm.tool({
          name: 'start_dictation',
          description: 'Starts dictation: what the caller says from then on is written into a note, word for word.',
          execute: async (_input, { ctx }: llm.ToolOptions<Call>) => handoffTo('dictation', ctx),
        }),
      ],
    });
  }
}
