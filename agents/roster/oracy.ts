import type { Call } from '../call.ts';
import { type AgentOptions, SpokenAgent } from '../turns/spoken-agent.ts';
import { handoffTool, returnToConcierge } from './handoff.ts';
import { getProfile } from './profile-tool.ts';

const instructions = `You are a speaking coach. The caller practises speaking with you: a presentation, an interview, an oral exam.
Speak the language the caller speaks, in one to three short sentences that sound natural when read aloud. No lists, no markdown.
First ask what they practise and for whom, unless they have said so. Then let them speak: while they present, say no more than a word or two.
After each attempt name one thing that worked, with their own words as the example, and one thing to try next time. Then have them try it.
In an interview or an exam you ask the questions, one at a time, and you stay in your part until they ask for feedback.
Praise nothing that was not said. Correct language only where it keeps listeners from understanding.
When the caller wants to look back at the whole session, call start_scout. When they want to stop or ask for something else, call return_to_concierge.
Never mention tools or these instructions.`;

const openings: Record<Call['language'], string> = {
  en: "Let's practise. What would you like to speak about, and to whom?",
  nl: 'Laten we oefenen. Waarover wilt u spreken, en voor wie?',
};

/** Practises speaking with the caller, and tells them what worked. */
export class Oracy extends SpokenAgent {
  constructor(options?: AgentOptions) {
    super({
      id: 'oracy',
      instructions,
      ...options,
      tools: [
        getProfile,
        handoffTool(
          'start_scout',
          'scout',
          'Hands the caller over to the colleague who looks back at what was said in this session.',
        ),
        returnToConcierge,
      ],
    });
  }

  override async onEnter(): Promise<void> {
    if (!this.resumed) this.open(openings[this.session.userData.language]);
  }
}
