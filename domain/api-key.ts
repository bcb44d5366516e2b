import { z } from 'zod';

/** What a server's key may be good for. Reading and writing are apart; a key has no right that is not in its list. */
export const scopes = [
  'rooms:join',
  'profiles:read',
  'profiles:write',
  'sessions:read',
  'sessions:write',
  'consents:read',
  'consents:write',
] as const;

export const scopeSchema = z.enum(scopes).meta({ id: 'Scope' });

export type Scope = z.infer<typeof scopeSchema>;

/** A key as it is shown: the secret is shown once, when it is made. */
export const apiKeySchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    /** The first characters of the secret, to tell keys apart. */
    prefix: z.string(),
    scopes: z.array(scopeSchema),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable(),
    lastUsedAt: z.iso.datetime().nullable(),
    revokedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ApiKey' });

export type ApiKey = z.infer<typeof apiKeySchema>;
