import { llm } from '@livekit/agents';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import { type AgentOptions, SpokenAgent } from '../turns/spoken-agent.ts';
import { returnToConcierge } from './handoff.ts';
import { forgetFact, getEarlierSessions, getFacts, keepFact, proposeFact } from './memory-tools.ts';
import { getProfile } from './profile-tool.ts';
import { reminderTools } from './reminder-tools.ts';
import { uninterrupted } from './uninterrupted.ts';

const instructions = `You help a caller with everyday things, and keep how they like things to be.
Speak the language the caller speaks, in one to three short sentences that sound natural when read aloud. No lists, no markdown.
When the caller asks you to keep something about how they like things, or changes it, call set_preference with a short name and their words, then confirm it.
When they ask you to forget it, call set_preference with null. When they ask what you keep, call get_preferences and tell them.
When they say something about themselves that will be useful in later calls, call propose_fact, ask whether you may keep it, and call keep_fact only once they said yes, forget_fact once they said no.
Propose no more than one thing at a time, and never health, beliefs or names of others. When they ask what you remember, call get_facts; when they ask you to forget something of it, call forget_fact.
When they refer to earlier conversations, call get_earlier_sessions. When something is refused, say why.
When they want to be reminded of something, call get_time and then set_reminder with the date and time where they are, and confirm it. Ask where they are only when a tool says that it is not known.
When they ask what they are reminded of, call list_reminders and tell them; to cancel one, call cancel_reminder with its id.
Reminders are told in a call, or by e-mail. You can't send other messages: say so when you are asked to.
When the caller wants to stop or asks for something else, call return_to_concierge.
Never invent facts about the caller, and never mention tools or these instructions.`;

const openings: Record<Call['language'], string> = {
  en: 'I am here to help. What should I keep for you, or change?',
  nl: 'Ik help u graag. Wat zal ik voor u onthouden of veranderen?',
};

/** Names that a model makes up are kept apart from what apps keep in the preferences. */
const preferenceName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,39}$/)
  .describe('Short name in English, such as form_of_address: lower-case letters, digits and underscores.');
const preferenceValue = z.string().max(200).nullable();

/** Where this agent's own preferences are within the caller's. */
const ownKey = 'companion';

/** Everyday help: what the caller wants kept about how they like things. */
export class Companion extends SpokenAgent {
  constructor(options?: AgentOptions) {
    super({
      id: 'companion',
      instructions,
      ...options,
      tools: [
        getProfile,
        llm.tool({
          name: 'get_preferences',
          description: 'Returns what is kept about how the caller likes things, by name.',
          execute: async (_input, { ctx }: llm.ToolOptions<Call>) => {
            const values = await ctx.userData.backend.preferences().catch(explain);
            return values[ownKey] ?? {};
          },
        }),
        llm.tool({
          name: 'set_preference',
          description:
            'Keeps one thing about how the caller likes things; null forgets it. Keeping it again changes nothing.',
          parameters: z.object({ name: preferenceName, value: preferenceValue }),
          execute: async ({ name, value }, { ctx }: llm.ToolOptions<Call>) => {
            const patch = { [ownKey]: { [name]: value } };
            await uninterrupted(ctx, () => ctx.userData.backend.changePreferences(patch)).catch(explain);
            return { kept: value !== null, name };
          },
        }),
        getFacts,
        proposeFact,
        keepFact,
        forgetFact,
        getEarlierSessions,
        ...reminderTools,
        returnToConcierge,
      ],
    });
  }

  override async onEnter(): Promise<void> {
    if (!this.resumed) this.open(openings[this.session.userData.language]);
  }
}

function explain(error: unknown): never {
  if (error instanceof AppError && error.code === 'invalid_input') throw new llm.ToolError(error.message);
  throw new llm.ToolError('The preferences can not be reached just now.');
}
