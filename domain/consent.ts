import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';

/** What may be agreed to. */
export const consentPurposeSchema = z
  .enum(['recording', 'transcripts', 'analytics', 'memory', 'messaging', 'training'])
  .meta({ id: 'ConsentPurpose' });

export type ConsentPurpose = z.infer<typeof consentPurposeSchema>;

/** A decision of a user: agreed, or taken back. */
export const newConsentSchema = z
  .strictObject({
    purpose: consentPurposeSchema,
    granted: z.boolean(),
    policyVersion: line(sizes.nameCharacters).describe('Which version of the text they were shown.'),
  })
  .meta({ id: 'NewConsent' });

export type NewConsent = z.infer<typeof newConsentSchema>;

/** A decision as it is kept. */
export const consentSchema = z
  .object({
    id: z.uuid(),
    purpose: consentPurposeSchema,
    granted: z.boolean(),
    policyVersion: z.string(),
    decidedAt: z.iso.datetime(),
  })
  .meta({ id: 'Consent' });

export type Consent = z.infer<typeof consentSchema>;
