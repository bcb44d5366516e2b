import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';
import { tenantVendorsSchema } from './tenant.ts';

/** How a person takes part: `voice` includes typing, `text` is typing alone. */
export const modalitySchema = z.enum(['voice', 'text']).meta({ id: 'Modality' });

export type Modality = z.infer<typeof modalitySchema>;

/** An agent of the roster that a call can begin with. */
export const firstAgentSchema = z
  .enum(['concierge', 'onboarding', 'dictation', 'oracy', 'scout', 'companion'])
  .meta({ id: 'FirstAgent' });

export type FirstAgent = z.infer<typeof firstAgentSchema>;

/**
 * What a dispatch carries. Clients can read and write it, so it never holds an identity or a secret. Unknown keys are
 * the app's own business and are let through.
 */
export const dispatchMetadataSchema = z.looseObject({
  modality: modalitySchema.default('voice'),
  agent: firstAgentSchema.optional(),
});

/** One conversation of one user in one LiveKit room. */
export const sessionSchema = z
  .object({
    id: z.uuid(),
    roomName: z.string(),
    agentName: z.string(),
    modality: modalitySchema,
    title: z.string().nullable().describe('What the user calls it.'),
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
    version: z.int(),
  })
  .meta({ id: 'Session' });

export type Session = z.infer<typeof sessionSchema>;

/** A session to be made without a token; one joins its room with a token for its `roomName`. */
export const newSessionSchema = z
  .strictObject({
    agentName: z.string().max(64).optional().describe('One of the agents that are configured; by default the first.'),
    modality: modalitySchema.default('voice'),
    title: line(sizes.titleCharacters).nullable().default(null),
  })
  .meta({ id: 'NewSession' });

export type NewSession = z.output<typeof newSessionSchema>;

/** What a user may change about a session: a field that is left out stays, null clears it. */
export const sessionChangesSchema = z
  .strictObject({ title: line(sizes.titleCharacters).nullable().optional() })
  .meta({ id: 'SessionChanges' });

export type SessionChanges = z.infer<typeof sessionChangesSchema>;

/** Where a call is: what another job goes on from when this one is lost. */
export const checkpointSchema = z
  .strictObject({ agent: firstAgentSchema.describe('The agent that the person is with.') })
  .meta({ id: 'Checkpoint' });

export type Checkpoint = z.infer<typeof checkpointSchema>;

/**
 * Why a job gives its session back. `person-left`: the call is over, and the next one begins anew. `moved`: its worker stops or
 * its connection to the room is gone, and the call goes on with another job at once. `failed`: the same, but not at once.
 */
export const callEndingSchema = z.enum(['person-left', 'moved', 'failed']).meta({ id: 'CallEnding' });

export type CallEnding = z.infer<typeof callEndingSchema>;

/** What a job gets for its LiveKit join token: the session it serves and a token to act in it. */
export const claimSchema = z
  .object({
    session: sessionSchema,
    /** Identity of the one participant the agent listens to. */
    participantIdentity: z.string(),
    sessionToken: z.string(),
    expiresAt: z.iso.datetime(),
    vendors: tenantVendorsSchema.describe('What the tenant of the session has chosen.'),
    resume: checkpointSchema
      .nullable()
      .describe('Where the call is to go on, when the job before this one was lost in the middle of it.'),
  })
  .meta({ id: 'Claim' });

export type Claim = z.infer<typeof claimSchema>;

/** A lease renewed: the next session token, and which lexicon applies by now. */
export const renewalSchema = claimSchema
  .pick({ sessionToken: true, expiresAt: true })
  .extend({ lexiconVersion: z.string().describe('`version` of the effective lexicon.') })
  .meta({ id: 'Renewal' });

export type Renewal = z.infer<typeof renewalSchema>;

/** Identity of a user's computer that listens in a room where their phone speaks. */
export function listenerIdentityOf(userId: string): string {
  return `${participantIdentityOf(userId)}-computer`;
}

/** Identity a user has in every room. */
export function participantIdentityOf(userId: string): string {
  return `user-${userId}`;
}
