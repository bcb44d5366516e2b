import { z } from 'zod';
import { roleSchema } from './role.ts';
import { tenantSlugSchema } from './tenant.ts';

/** Who is asking, as the service knows them. */
export const meSchema = z
  .object({
    userId: z.uuid(),
    tenant: z.object({ id: z.uuid(), slug: tenantSlugSchema, name: z.string() }),
    roles: z.array(roleSchema).describe('What the token they ask with says they are.'),
    identities: z
      .array(
        z.object({
          provider: z.string().describe('`email`, `phone`, `app`, or `oidc:` and the issuer.'),
          verified: z.boolean().describe('Whether they proved that it is theirs.'),
        }),
      )
      .describe('How they are known outside, without the addresses themselves.'),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Me' });

export type Me = z.infer<typeof meSchema>;
