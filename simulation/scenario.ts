import { z } from 'zod';
import { onboardingStepIdSchema, onboardingStepIds } from '../domain/onboarding-steps.ts';
import { languages } from '../domain/profile.ts';
import { firstAgentSchema, modalitySchema } from '../domain/session.ts';
import { failureSchema, vendors } from '../sandbox/settings.ts';
import { type Expectations, expectationsSchema } from './expectations.ts';
import { plantSchema } from './planted-faults.ts';

const waitMs = z.int().min(0).max(120_000);

const noiseSchema = z
  .strictObject({
    kind: z.enum(['white', 'babble']).describe('white: hiss; babble: other people who talk, made of recorded lines.'),
    snr_db: z.number().min(-10).max(80).describe('How much louder the caller is than the noise, in decibels.'),
  })
  .describe('Noise around the caller.');

const failuresSchema = z
  .partialRecord(z.enum(vendors), failureSchema.nullable())
  .describe(
    'How stand-ins of vendors fail, by vendor; null ends it. Needs stand-ins: there is none of it with --real.',
  );

const actions = ['say', 'type', 'interrupt', 'pause', 'wait_ms', 'silence_ms', 'wait_for', 'fail', 'hang_up'] as const;

/** One step of a script: exactly one action, and what belongs to it. */
export const stepSchema = z
  .strictObject({
    say: z.string().min(1).optional().describe('Line of `sandbox/lines/` by its id, or a text that is synthesised.'),
    type: z.string().min(1).optional().describe('A message to type.'),
    interrupt: z
      .strictObject({
        after_ms: waitMs.describe('How much of the answer is heard first.'),
        say: z.string().min(1),
      })
      .optional()
      .describe('Speaks into the answer to the step before, which is not waited for.'),
    pause: z
      .strictObject({ first: z.string().min(1), pause_ms: waitMs, second: z.string().min(1) })
      .optional()
      .describe('A pause to think inside a line: two lines with a gap.'),
    wait_ms: waitMs.optional().describe('Waits.'),
    silence_ms: waitMs
      .optional()
      .describe('The caller is silent for so long, which counts as no silence of the agent.'),
    wait_for: z
      .strictObject({
        text: z.string().min(1).optional().describe('Text or /regex/ that the agent has to show.'),
        state: z.enum(['listening', 'thinking', 'speaking', 'idle']).optional().describe('State of the agent.'),
        timeout_ms: waitMs.default(15_000),
      })
      .refine(({ text, state }) => (text === undefined) !== (state === undefined), 'needs either text or state')
      .optional(),
    fail: failuresSchema.optional(),
    hang_up: z.literal(true).optional().describe('Leaves the room; the end of the script does so by itself.'),
    answer: z.boolean().default(true).describe('Whether the answer to what is said is waited for.'),
    noise: noiseSchema.optional().describe('Noise around this line alone.'),
  })
  .superRefine((step, context) => {
    const named = actions.filter((action) => step[action] !== undefined);
    if (named.length === 1) return;
    const found = named.length ? `it has ${named.join(' and ')}` : 'it has none';
    context.addIssue({ code: 'custom', message: `needs exactly one of: ${actions.join(', ')}; ${found}` });
  });

/** A step with every default filled in. */
export type Step = z.output<typeof stepSchema>;

const onboardingBeforeSchema = z.strictObject({
  answers: z.partialRecord(onboardingStepIdSchema, z.string()).default({}),
  skipped: z.array(onboardingStepIdSchema).default([]),
});

const share = z
  .string()
  .regex(/^(?:\d{1,2}(?:\.\d+)?|100)%$/, 'needs a percentage such as 5%')
  .transform((text) => Number(text.slice(0, -1)) / 100);

const judgeSchema = z.strictObject({
  rubric: z.string().min(1).describe('What a good call is, for the model that judges the transcript.'),
  min: z.int().min(1).max(5).describe('Fewest points of five that pass.'),
});

/** A file of `scenarios/`: who calls, what they do, and what has to come of it. Durations carry their unit. */
export const scenarioSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9-]{1,64}$/, 'needs lower-case letters, digits and dashes'),
    description: z.string().min(1),
    plant: plantSchema.describe('The fault that must make this scenario fail, and the check that must see it.'),
    persona: z.string().default('A person who keeps to the script.').describe('Who calls, in a sentence.'),
    goal: z.string().default('').describe('What they want of the call; what a `caller: llm` works towards.'),
    caller: z.enum(['script', 'llm']).default('script').describe('Who decides what is said next.'),
    max_lines: z.int().min(1).max(40).default(8).describe('With `caller: llm`: how often it may speak.'),
    modality: modalitySchema.default('voice'),
    agent: firstAgentSchema.default('concierge').describe('Agent the call begins with.'),
    language: z.enum(languages).optional().describe('Language the agents speak of their own accord.'),
    profile: z
      .strictObject({
        preferred_name: z.string().optional(),
        goal: z.string().optional(),
        language: z.enum(languages).optional(),
      })
      .default({})
      .describe('What is stored about the caller beforehand.'),
    onboarding: onboardingBeforeSchema.default({ answers: {}, skipped: [] }).describe('Onboarding done beforehand.'),
    settings: z
      .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'needs the name of a setting'), z.string())
      .default({})
      .describe('Settings of the worker under test, as in `.env.example`.'),
    stand_ins: z
      .strictObject({
        delays: z.record(z.string(), z.number()).default({}).describe('As `PUT /sandbox/delays` takes them.'),
        failures: failuresSchema.default({}).describe('From the beginning of the call on.'),
      })
      .default({ delays: {}, failures: {} }),
    noise: noiseSchema.optional().describe('Noise from the beginning of the call to its end.'),
    network: z
      .strictObject({
        drop: share.describe('Share of packets that is lost on the way, in each direction.'),
        seed: z.int().default(1).describe('Which packets: the same seed drops the same ones.'),
      })
      .optional(),
    script: z.array(stepSchema).default([]),
    timeout_ms: z.int().min(1_000).default(90_000).describe('The whole call.'),
    expect: expectationsSchema,
    judge: judgeSchema.optional(),
  })
  .superRefine((scenario, context) => {
    const fault = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (!Object.keys(scenario.expect).length) {
      fault(['expect'], 'needs a check that follows a rule: a judge is never the only one');
    }
    if (scenario.caller === 'script' && !scenario.script.length) fault(['script'], 'needs a step');
    if (scenario.caller === 'llm' && !scenario.goal) fault(['goal'], 'is what the caller works towards: write it down');
    if (scenario.caller === 'llm' && scenario.modality === 'voice') {
      fault(['modality'], 'must be text: a model writes what it says');
    }
    if (scenario.modality === 'text') forbidSpeech(scenario, fault);
    const skippedFirst = scenario.onboarding.skipped.includes(onboardingStepIds[0]);
    if (skippedFirst) fault(['onboarding', 'skipped'], `${onboardingStepIds[0]} can't be skipped: answer it`);
  });

/** What can't be in a call without sound, or would hold in each. */
function forbidSpeech(
  { script, noise, expect }: { script: readonly Step[]; noise?: unknown; expect: Expectations },
  fault: (path: (string | number)[], message: string) => void,
): void {
  for (const [index, step] of script.entries()) {
    for (const action of ['say', 'interrupt', 'pause'] as const) {
      if (step[action]) fault(['script', index, action], 'is spoken: set modality: voice, or type it');
    }
  }
  if (noise) fault(['noise'], 'is heard: set modality: voice, or remove it');
  for (const check of ['max_silence_ms', 'stops_within_ms'] as const) {
    if (expect[check] !== undefined) fault(['expect', check], 'is about sound: set modality: voice, or remove it');
  }
}

/** A scenario with every default filled in. */
export type Scenario = z.output<typeof scenarioSchema>;

/** Noise around a caller. */
export type Noise = z.output<typeof noiseSchema>;
