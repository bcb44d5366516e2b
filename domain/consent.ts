import { z } from 'zod';

/** What may be agreed to. */
export const consentPurposeSchema = z
  .enum(['recording', 'transcripts', 'analytics', 'messaging', 'training'])
  .meta({ id: 'ConsentPurpose' });

export type ConsentPurpose = z.infer<typeof consentPurposeSchema>;
