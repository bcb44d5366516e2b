import { z } from 'zod';
import { sizes } from '../core/limits.ts';
import { line } from './line.ts';
import { momentSchema } from './moment.ts';

/** What a server's key may be good for. Reading and writing are apart; a key has no right that is not in its list. */
export const scopes = [
  'rooms:join',
  'profiles:read',
  'profiles:write',
  'sessions:read',
  'sessions:write',
  'consents:read',
  'consents:write',
  'lexicons:read',
  'lexicons:write',
  'transcriptions:write',
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

/** A key to be made. */
export const newApiKeySchema = z
  .strictObject({
    name: line(sizes.nameCharacters).describe('What it is for, to tell keys apart.'),
    scopes: z.array(scopeSchema).min(1, 'needs one scope at least').max(scopes.length),
    expiresAt: momentSchema.nullable().default(null),
  })
  .meta({ id: 'NewApiKey' });

export type NewApiKey = z.output<typeof newApiKeySchema>;

/** A key that was just made: the only answer that holds its secret. */
export const createdApiKeySchema = z
  .object({ key: apiKeySchema, secret: z.string().describe('To be sent as bearer token; it is not stored.') })
  .meta({ id: 'CreatedApiKey' });

export type CreatedApiKey = z.infer<typeof createdApiKeySchema>;
