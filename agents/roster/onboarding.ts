import { llm } from '@livekit/agents';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { onboardingStep, onboardingStepIdSchema, onboardingSteps } from '../../domain/onboarding.ts';
import type { Call } from '../call.ts';
import { type AgentOptions, SpokenAgent } from '../turns/spoken-agent.ts';
import { returnToConcierge } from './handoff.ts';
import { getProfile } from './profile-tool.ts';
import { uninterrupted } from './uninterrupted.ts';

const instructions = `You set up a caller's profile, one question at a time, in the language the caller speaks.
Speak in one or two short sentences that sound natural when read aloud. No lists, no markdown.
When the caller answers a question, call save_onboarding_step at once with the answer in as few words as it needs.
The result names the next question: thank the caller briefly and ask it. When there is none, say that everything is set and call return_to_concierge.
When an answer is refused, say why and ask again. When the caller wants to stop or asks for something else, call return_to_concierge.
When the caller asks what you know about them, call get_profile and tell them.
Never invent an answer, and never mention tools or these instructions.`;

const lines = onboardingSteps.map((step) => `${step.id}: ${step.question.en}`).join('\n');

const openings = { en: "Let's set up your profile.", nl: 'Laten we uw profiel invullen.' };
const complete = { en: 'Your profile is complete.', nl: 'Uw profiel is compleet.' };

/** Walks the steps of `domain/onboarding.ts` and saves each answer as it is given. */
export class Onboarding extends SpokenAgent {
  constructor(options?: AgentOptions) {
    super({
      id: 'onboarding',
      instructions,
      ...options,
      tools: [
        getProfile,
        returnToConcierge,
        llm.tool({
          name: 'save_onboarding_step',
          description: `Saves the caller's answer to one step. The steps and their questions:\n${lines}`,
          parameters: z.object({
            step: onboardingStepIdSchema,
            answer: z.string().describe("The answer in the caller's words, without lead-in."),
          }),
          execute: async ({ step, answer }, { ctx }: llm.ToolOptions<Call>) => {
            const call = ctx.userData;
            call.onboarding = await uninterrupted(ctx, () => call.backend.saveOnboardingStep(step, answer)).catch(
              explain,
            );
            return { saved: step, next: nextOf(call) };
          },
        }),
      ],
    });
  }

  /** Asks the first open question as it is written: no model is needed for that, so it is heard at once. */
  override async onEnter(): Promise<void> {
    if (this.resumed) return;
    const call = this.session.userData;
    const next = nextOf(call);
    this.open(next ? `${openings[call.language]} ${next.question}` : complete[call.language]);
  }
}

function nextOf(call: Call): { step: string; question: string } | null {
  const step = call.onboarding.currentStep;
  return step ? { step, question: onboardingStep(step).question[call.language] } : null;
}

/** The model may tell the caller what was wrong with an answer, and nothing else. */
function explain(error: unknown): never {
  if (error instanceof AppError && error.code === 'invalid_input') throw new llm.ToolError(error.message);
  throw new llm.ToolError('The answer could not be saved just now.');
}
