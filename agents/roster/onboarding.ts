import { llm, type voice } from '@livekit/agents';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import type { OnboardingState } from '../../domain/onboarding.ts';
import { readBack } from '../../domain/onboarding-read-back.ts';
import {
  type OnboardingStepId,
  onboardingStep,
  onboardingStepIdSchema,
  onboardingSteps,
} from '../../domain/onboarding-steps.ts';
import { type Call, languageOf } from '../call.ts';
import { type AgentOptions, SpokenAgent } from '../turns/spoken-agent.ts';
import { withWholeTurn } from '../turns/thinking-pauses.ts';
import { returnToConcierge } from './handoff.ts';
import { keepOnboarding, OnboardingByRule } from './onboarding-by-rule.ts';
import { getProfile } from './profile-tool.ts';
import { uninterrupted } from './uninterrupted.ts';

const instructions = `You set up a caller's profile, one question at a time, in the language the caller speaks.
Speak in one or two short sentences that sound natural when read aloud. No lists, no markdown.
When the caller answers a question, call save_onboarding_step at once with the answer in as few words as it needs.
The result names the next question: thank the caller briefly and ask it. When there is none, say that everything is set and call return_to_concierge.
When the result has a readBack, say it before the next question, word for word as it is, so that the caller can hear whether it is right. When the caller corrects it, save the same step again with the corrected answer.
When the caller does not want to answer a question, call skip_onboarding_step; when it is refused, say that this one is needed.
When an answer is refused, say why and ask again. When the caller wants to stop or asks for something else, call return_to_concierge.
When the caller asks what you know about them, call get_profile and tell them.
Never invent an answer, and never mention tools or these instructions.`;

const lines = onboardingSteps.map((step) => `${step.id}: ${step.question.en}`).join('\n');

const openings = { en: "Let's set up your profile.", nl: 'Laten we uw profiel invullen.' };
const complete = { en: 'Your profile is complete.', nl: 'Uw profiel is compleet.' };

const saveStep = llm.tool({
  name: 'save_onboarding_step',
  description: `Saves the caller's answer to one step. The steps and their questions:\n${lines}`,
  parameters: z.object({
    step: onboardingStepIdSchema,
    answer: z.string().describe("The answer in the caller's words, without lead-in."),
  }),
  execute: async ({ step, answer }, { ctx }: llm.ToolOptions<Call>) => {
    const call = ctx.userData;
    await change(ctx, () => call.backend.saveOnboardingStep(step, answer));
    const said = ctx.session.output.audio ? readBackOf(call, step) : undefined;
    return { saved: step, ...(said !== undefined && { readBack: said }), next: nextOf(call) };
  },
});

const skipStep = llm.tool({
  name: 'skip_onboarding_step',
  description: 'Leaves one step unanswered, where that may be.',
  parameters: z.object({ step: onboardingStepIdSchema }),
  execute: async ({ step }, { ctx }: llm.ToolOptions<Call>) => {
    const call = ctx.userData;
    await change(ctx, () => call.backend.skipOnboardingStep(step));
    return { skipped: step, next: nextOf(call) };
  },
});

/** Tools after which what was said is taken care of. */
const writes = new Set(['save_onboarding_step', 'skip_onboarding_step']);

/** Walks the steps of `domain/onboarding-steps.ts` and saves each answer as it is given; by rule while no model answers. */
export class Onboarding extends SpokenAgent {
  #byRule: OnboardingByRule | undefined;
  /** The last message that nothing is to be taken from any more: it was answered by rule, or said before this agent came. */
  #taken: string | undefined;
  #isAnswering = false;

  constructor(options?: AgentOptions) {
    super({ id: 'onboarding', instructions, ...options, tools: [getProfile, returnToConcierge, saveStep, skipStep] });
  }

  /** Asks the first open question as it is written: no model is needed for that, so it is heard at once. */
  override async onEnter(): Promise<void> {
    const call = this.session.userData;
    this.#taken = this.#lastMessage()?.id;
    this.#byRule = new OnboardingByRule({
      call,
      isSpoken: () => Boolean(this.session.output.audio),
      say: (line) => this.session.say(line),
      onStop: () => this.session.updateAgent(call.agent('concierge')),
    });
    if (this.resumed) return;
    const next = nextOf(call);
    this.open(next ? `${openings[call.language]} ${next.question}` : complete[call.language]);
  }

  /** Takes what was said for the answer of the open step. Once no step is open, there is nothing left to go by. */
  protected override answerWithoutModel(): boolean {
    if (!this.#byRule?.open) return false;
    // Told twice of one turn: the first time is on its way.
    if (!this.#isAnswering) void this.#answer(this.#byRule, this.#wordsLeft());
    return true;
  }

  async #answer(byRule: OnboardingByRule, words: string | undefined): Promise<void> {
    this.#isAnswering = true;
    try {
      await byRule.answer(words);
    } catch {
      // The call has ended since this was said.
    } finally {
      this.#isAnswering = false;
    }
  }

  /** What was said last, unless it has been answered; the model may have saved it before it failed. */
  #wordsLeft(): string | undefined {
    const message = this.#lastMessage();
    if (!message || message.id === this.#taken) return undefined;
    this.#taken = message.id;
    const { items } = this.chatCtx;
    const since = items.slice(items.findIndex(({ id }) => id === message.id) + 1);
    const isSaved = since.some(
      (item) => item.type === 'function_call_output' && writes.has(item.name) && !item.isError,
    );
    return isSaved ? undefined : message.rawTextContent;
  }

  #lastMessage(): llm.ChatMessage | undefined {
    const { items } = withWholeTurn(this.chatCtx, this.session.userData.pauses?.pieces ?? 0);
    return items.findLast((item): item is llm.ChatMessage => item.type === 'message' && item.role === 'user');
  }
}

/** What was saved, as a voice reads it back. */
function readBackOf(call: Call, step: OnboardingStepId): string | undefined {
  return readBack(step, call.onboarding.answers[step] ?? '', languageOf(call));
}

function nextOf(call: Call): { step: string; question: string } | null {
  const step = call.onboarding.currentStep;
  return step ? { step, question: onboardingStep(step).question[call.language] } : null;
}

async function change(ctx: voice.RunContext<Call>, write: () => Promise<OnboardingState>): Promise<void> {
  const call = ctx.userData;
  keepOnboarding(call, await uninterrupted(ctx, write).catch(explain));
}

/** The model may tell the caller what was wrong with an answer or a step, and nothing else. */
function explain(error: unknown): never {
  const isTold = error instanceof AppError && (error.code === 'invalid_input' || error.code === 'conflict');
  throw new llm.ToolError(isTold ? error.message : 'The answer could not be saved just now.');
}
