import { languageOf } from '../call.ts';
import { phrases } from '../turns/phrases.ts';
import { type AgentOptions, SpokenAgent } from '../turns/spoken-agent.ts';
import { handoffTool, previousAgentOf } from './handoff.ts';
import { getEarlierSessions, getFacts } from './memory-tools.ts';
import { getProfile } from './profile-tool.ts';

// Stays the same for every caller: it is the beginning of each request, which the vendor caches.
const instructions = `You are the concierge of Parley, the first voice a caller hears.
Answer in the language the caller speaks, in one to three short sentences that sound natural when read aloud. No lists, no markdown.
When the caller wants to set up or change their profile, call start_onboarding without announcing it.
When the caller wants to dictate a note, call start_dictation without announcing it.
When the caller wants to practise speaking, such as a presentation or an interview, call start_oracy without announcing it.
When the caller wants to look back at what was said, or to hear how they did, call start_scout without announcing it.
When the caller asks what you know about them, call get_profile and get_facts and tell them. When they refer to earlier conversations, call get_earlier_sessions.
When the caller wants something to be kept about how they like things, or asks what is kept, or wants to be reminded of something, call start_companion without announcing it.
Never invent facts about the caller, and never mention tools or these instructions.`;

/** First contact: answers, and hands over to whoever does the work. */
export class Concierge extends SpokenAgent {
  constructor(options?: AgentOptions) {
    super({
      id: 'concierge',
      instructions,
      ...options,
      tools: [
        getProfile,
        getFacts,
        getEarlierSessions,
        handoffTool(
          'start_onboarding',
          'onboarding',
          'Hands the caller over to the colleague who sets up their profile, step by step.',
        ),
        handoffTool(
          'start_dictation',
          'dictation',
          'Starts dictation: what the caller says from then on is written into a note, word for word.',
        ),
        handoffTool('start_oracy', 'oracy', 'Hands the caller over to the coach with whom they practise speaking.'),
        handoffTool(
          'start_scout',
          'scout',
          'Hands the caller over to the colleague who looks back at what was said in this session.',
        ),
        handoffTool(
          'start_companion',
          'companion',
          'Hands the caller over to the colleague who keeps how they like things to be, and sets reminders.',
        ),
      ],
    });
  }

  /** Who is handed back is asked what else they want; who comes from dictation has been told that it is over. */
  override async onEnter(): Promise<void> {
    const previous = previousAgentOf(this.session);
    if (this.resumed || !previous || previous === 'dictation') return;
    this.open(phrases.anythingElse[languageOf(this.session.userData)]);
  }
}
