import { z } from 'zod';
import { checkNames } from './expectations.ts';

/** A fault: another text in the compiled form of one module. Nothing in that module knows of it. */
export interface PlantedFault {
  /** What goes wrong, in a sentence. */
  description: string;
  /** Module from the root without its ending. */
  module: string;
  /** Text of the compiled module, and what stands there instead. */
  change: readonly [from: string, to: string];
}

/** The closed list of faults. Each has to be found in the compiled module, or the worker with it does not start. */
export const plantedFaults = {
  'wrong-greeting': {
    description: 'The concierge greets with other words.',
    module: 'agents/turns/phrases',
    change: ['Hello, this is Parley. What can I do for you?', 'Good day.'],
  },
  'greeting-forgets-the-name': {
    description: 'Somebody who is known is greeted like a stranger.',
    module: 'agents/turns/phrases',
    change: ['name ? `Welcome back, ', 'false ? `Welcome back, '],
  },
  'handoff-stays': {
    description: 'The concierge hands over to itself.',
    module: 'agents/roster/concierge',
    change: ["handoffTool('start_onboarding', 'onboarding'", "handoffTool('start_onboarding', 'concierge'"],
  },
  'dictation-does-not-start': {
    description: 'Who asks for dictation gets the onboarding.',
    module: 'agents/roster/concierge',
    change: ["handoffTool('start_dictation', 'dictation'", "handoffTool('start_dictation', 'onboarding'"],
  },
  'practice-does-not-start': {
    description: 'Who wants to practise speaking gets the onboarding.',
    module: 'agents/roster/concierge',
    change: ["handoffTool('start_oracy', 'oracy'", "handoffTool('start_oracy', 'onboarding'"],
  },
  'wishes-not-kept': {
    description: 'The companion says that it keeps what it does not.',
    module: 'agents/roster/companion',
    change: ['ctx.userData.backend.changePreferences(patch)', 'Promise.resolve(patch)'],
  },
  'reminders-not-set': {
    description: 'The companion says that it has set a reminder that it has not.',
    module: 'agents/roster/reminder-tools',
    change: ['backend.reminders.create(wanted)', '({ ...wanted, dueAt: new Date().toISOString() })'],
  },
  'declined-facts-stay': {
    description: 'What somebody does not want to be remembered stays.',
    module: 'agents/roster/memory-tools',
    change: ['ctx.userData.backend.memory.forget(input.id)', 'Promise.resolve()'],
  },
  'wrong-opening': {
    description: 'The onboarding begins with other words.',
    module: 'agents/roster/onboarding',
    change: ['this.open(next ? ', 'this.open(next ? next.question : next ? '],
  },
  'answers-not-saved': {
    description: 'The onboarding goes on as if an answer was saved.',
    module: 'agents/roster/onboarding',
    change: ['call.backend.saveOnboardingStep(step, answer)', 'Promise.resolve(call.onboarding)'],
  },
  'answers-altered': {
    description: 'The onboarding saves something else than was said.',
    module: 'agents/roster/onboarding',
    change: ['saveOnboardingStep(step, answer)', "saveOnboardingStep(step, answer + ' of course')"],
  },
  'refusals-unexplained': {
    description: 'An answer that is refused is reported as saved.',
    module: 'agents/roster/onboarding',
    change: ['.catch(explain)', '.catch(() => call.onboarding)'],
  },
  'skips-not-saved': {
    description: 'The onboarding goes on as if a step was left out.',
    module: 'agents/roster/onboarding',
    change: ['call.backend.skipOnboardingStep(step)', 'Promise.resolve(call.onboarding)'],
  },
  'no-rules': {
    description: 'The onboarding does nothing where no model answers.',
    module: 'agents/roster/onboarding',
    change: ['answerWithoutModel() {', 'answerWithoutModel() { return false;'],
  },
  'profile-empty': {
    description: 'An agent that looks into the profile finds nothing.',
    module: 'agents/roster/profile-tool',
    change: ['return { preferredName, goal, language }', 'return { preferredName: null, goal: null, language: null }'],
  },
  'late-answers': {
    description: 'Every request to the model waits for three seconds.',
    module: 'agents/turns/spoken-agent',
    change: [
      'const [chatCtx, tools, settings] = request;',
      'const [chatCtx, tools, settings] = request; await new Promise((resolve) => setTimeout(resolve, 3_000));',
    ],
  },
  'no-normalization': {
    description: 'Words of the field stay as they were heard.',
    module: 'agents/turns/normalize',
    change: ['if (!normalizer)', 'if (normalizer || !normalizer)'],
  },
  'no-barge-in': {
    description: 'An agent talks on when somebody speaks over it.',
    module: 'agents/turns/barge-in',
    change: ['#mayCutIn() {', '#mayCutIn() { return false;'],
  },
  'pauses-end-turns': {
    description: 'A sentence that was left open counts as finished.',
    module: 'domain/unfinished',
    change: [
      'export function looksUnfinished(text, language) {',
      'export function looksUnfinished(text, language) { return false;',
    ],
  },
  'never-asks-after-silence': {
    description: 'Somebody who falls silent is not asked whether they are there.',
    module: 'agents/turns/phrases',
    change: ["en: 'Are you still there?'", "en: 'Well.'"],
  },
  'hears-nothing': {
    description: 'What the recogniser hears is thrown away.',
    module: 'agents/turns/normalize',
    change: [
      'if (!event.alternatives ||',
      "if (event.alternatives?.[0]) event.alternatives[0].text = ''; if (!event.alternatives ||",
    ],
  },
  'note-not-written': {
    description: 'What is dictated does not reach the note.',
    module: 'agents/turns/note-taker',
    change: ['if (!said)', 'if (said || !said)'],
  },
  'commands-written-down': {
    description: 'Commands of dictation are words like others.',
    module: 'agents/turns/note-taker',
    change: ['for (const piece of splitCommands(raw))', "for (const piece of [{ kind: 'text', text: raw }])"],
  },
  'no-fallback': {
    description: 'Only the first vendor of each order is used.',
    module: 'agents/call-vendors',
    change: ['{ config: makers.config, tenant, log })', '{ config: makers.config, tenant, log }).slice(0, 1)'],
  },
  'no-apology': {
    description: 'Nobody is told that there will be no answer.',
    module: 'agents/turns/apologize',
    change: ['#say(phrase) {', '#say(phrase) { return;'],
  },
} as const satisfies Record<string, PlantedFault>;

/** Name of a fault. */
export type PlantedFaultName = keyof typeof plantedFaults;

/** The names, for schemas. */
export const plantedFaultNames = Object.keys(plantedFaults) as [PlantedFaultName, ...PlantedFaultName[]];

/** `plant:` of a scenario. */
export const plantSchema = z.strictObject({
  fault: z.enum(plantedFaultNames),
  breaks: z.enum(checkNames).describe('The check that has to fail for it.'),
});

/** Where a fault's name stands in the environment of the processes it is planted in. */
export const plantVariable = 'SIMULATION_FAULT';

/** The source of a module with a fault in it. @throws Error when what is to be changed does not occur exactly once */
export function withFault(source: string, name: PlantedFaultName): string {
  const { module, change } = plantedFaults[name];
  const [from, to] = change;
  const pieces = source.split(from);
  if (pieces.length !== 2) {
    throw new Error(
      `${name} can't be planted: ${module} has its text ${pieces.length - 1} times; mend planted-faults.ts`,
    );
  }
  return pieces.join(to);
}
