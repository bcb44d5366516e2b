import { z } from 'zod';

/** A copy of everything there is about a user. */
export const userExportSchema = z
  .strictObject({
    id: z.uuid(),
    requestedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().describe('When it is removed.'),
    document: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('Null until it is written. `format` and `formatVersion` say how to read it.'),
  })
  .meta({ id: 'UserExport' });

export type UserExport = z.infer<typeof userExportSchema>;
