import { z } from 'zod';
import { speakerSchema, waterfallSchema } from '../domain/conversation.ts';
import { factStates } from '../domain/fact.ts';
import { editSchema } from '../domain/normalization/result.ts';
import { preferenceValuesSchema } from '../domain/preferences.ts';
import { languages } from '../domain/profile.ts';
import { modalitySchema } from '../domain/session.ts';
import { sealedSchema as sealed } from './fields.ts';

/**
 * Rows as JSON brings them back, from a cache or from SQL that builds JSON: what is shown of each, still sealed. The names
 * are those of the columns.
 */

const moment = z.coerce.date();

/** What is shown of a row of `profiles`. */
export const storedProfileSchema = z.object({
  userId: z.string(),
  preferredName: sealed.nullable(),
  language: z.enum(languages).nullable(),
  goal: sealed.nullable(),
  version: z.int(),
  updatedAt: moment,
});

export type StoredProfile = z.infer<typeof storedProfileSchema>;

/** What is shown of a row of `preferences`. */
export const storedPreferencesSchema = z.object({ values: preferenceValuesSchema, version: z.int() });

/** What is shown of a row of `onboarding_states`. */
export const storedOnboardingSchema = z.object({
  userId: z.string(),
  answers: sealed.nullable(),
  skipped: z.array(z.string()),
  currentStep: z.string().nullable(),
  completedAt: moment.nullable(),
  version: z.int(),
});

export type StoredOnboarding = z.infer<typeof storedOnboardingSchema>;

/** What is shown of a row of `sessions`. */
export const storedSessionSchema = z.object({
  id: z.string(),
  roomName: z.string(),
  agentName: z.string(),
  modality: modalitySchema,
  title: sealed.nullable(),
  createdAt: moment,
  endedAt: moment.nullable(),
  version: z.int(),
});

export type ShownSession = z.infer<typeof storedSessionSchema>;

/** What is shown of a row of `turns`. */
export const storedTurnSchema = z.object({
  id: z.string(),
  position: z.int(),
  speaker: speakerSchema,
  agent: z.string().nullable(),
  text: sealed,
  raw: sealed.nullable(),
  edits: z.array(editSchema),
  interrupted: z.boolean(),
  latency: waterfallSchema.nullable().default(null),
  saidAt: moment,
});

export type StoredTurn = z.infer<typeof storedTurnSchema>;

/** What is shown of a row of `facts`. */
export const storedFactSchema = z.object({
  id: z.string(),
  text: sealed,
  state: z.enum(factStates),
  agent: z.string(),
  sourceSessionId: z.string().nullable(),
  proposedAt: moment,
  keptAt: moment.nullable(),
});

export type StoredFact = z.infer<typeof storedFactSchema>;

/** What is shown of a row of `summaries`. */
export const storedSummarySchema = z.object({
  sourceSessionId: z.string(),
  text: sealed,
  throughPosition: z.int(),
  model: z.string(),
  writtenAt: moment,
});

export type StoredSummary = z.infer<typeof storedSummarySchema>;
