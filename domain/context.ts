import { z } from 'zod';
import { turnSchema } from './conversation.ts';
import { factSchema } from './fact.ts';
import { onboardingStateSchema } from './onboarding.ts';
import { preferenceValuesSchema } from './preferences.ts';
import { profileSchema } from './profile.ts';
import { sessionSchema } from './session.ts';
import { summarySchema } from './summary.ts';

/** Everything an agent needs about the person it talks with. */
export const contextSchema = z
  .object({
    profile: profileSchema,
    preferences: z.object({ values: preferenceValuesSchema, version: z.int() }),
    onboarding: onboardingStateSchema,
    session: sessionSchema.nullable().describe('The session that was asked about; null when none was.'),
    turns: z.array(turnSchema).describe('The last turns of that session, in order.'),
    facts: z.array(factSchema).describe('What the person agreed to have remembered, the newest first.'),
    summaries: z.array(summarySchema).describe('What the last of their other sessions were about, the newest first.'),
  })
  .meta({ id: 'Context' });

export type UserContext = z.infer<typeof contextSchema>;
