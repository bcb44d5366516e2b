import { z } from 'zod';
import { recoverySchema } from '../domain/conversation.ts';
import { onboardingStepIdSchema } from '../domain/onboarding-steps.ts';
import { languages } from '../domain/profile.ts';
import { firstAgentSchema } from '../domain/session.ts';
import { readPattern } from './pattern.ts';

const ms = z.number().positive();

/** A text that must occur, whatever its case, or a `/regular expression/flags`. */
const patternSchema = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    try {
      readPattern(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'is no pattern' });
    }
  });

/** What has to come of a call. Every field is one check, and is left out where it does not matter. */
export const expectationsSchema = z
  .strictObject({
    agents: z.array(firstAgentSchema).min(1).describe('Agents that have answered, in this order, the first one too.'),
    tools: z
      .array(
        z.strictObject({
          name: z.string(),
          arguments: z.record(z.string(), z.unknown()).optional().describe('Those that matter, with their values.'),
        }),
      )
      .min(1)
      .describe('Tools that the model called, in this order, others between them. Seen by the stand-in of the model.'),
    profile: z
      .strictObject({
        preferred_name: z.string().nullable().optional(),
        goal: z.string().nullable().optional(),
        language: z.enum(languages).nullable().optional(),
      })
      .describe('What is stored about the caller afterwards.'),
    onboarding: z
      .strictObject({
        answers: z.partialRecord(onboardingStepIdSchema, z.string()).optional(),
        current_step: onboardingStepIdSchema.nullable().optional(),
      })
      .describe('How far the onboarding has come afterwards; current_step is null once it is complete.'),
    note: z.array(patternSchema).min(1).describe('What the dictated note says, in this order.'),
    phrases: z.array(patternSchema).min(1).describe('What the agents say, in this order.'),
    understood: z.array(patternSchema).min(1).describe('What was understood of the caller, in this order.'),
    forbidden: z.array(patternSchema).min(1).describe('What no agent may say.'),
    latency: z
      .strictObject({ p50_ms: ms.optional(), max_ms: ms.optional() })
      .describe('End of what the caller says to the first audio of the answer; in text calls to its first text.'),
    max_turns: z.int().min(0).describe('Most turns of the caller that are answered.'),
    max_silence_ms: ms.describe('Longest time in which nobody is heard, pauses of the script left out.'),
    interruptions: z.int().min(0).describe('How many answers were cut short, exactly.'),
    stops_within_ms: ms.describe('How soon an agent is silent after somebody begins to speak over it.'),
    recoveries: z
      .array(recoverySchema.pick({ kind: true, port: true }).strict())
      .min(1)
      .describe('What the client was told of how the call went on.'),
  })
  .partial();

/** What has to come of a call. */
export type Expectations = z.output<typeof expectationsSchema>;

/** Name of a check: the field of `expect` it is written in; `answers` and `script` are made of every call. */
export const checkNames = ['answers', 'script', 'judge', ...Object.keys(expectationsSchema.shape)] as [
  string,
  ...string[],
];
