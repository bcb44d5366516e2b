import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { lifetimes } from '../limits.ts';
import { createOwnTokens, type OwnTokens } from './own-tokens.ts';

/** `aud` of session tokens; access tokens have another one. */
export const sessionAudience = 'parley-session';

const sessionClaimsSchema = z.object({
  tenantId: z.uuid(),
  userId: z.uuid(),
  sessionId: z.uuid(),
  jobIdentity: z.string().min(1),
});

/** What a session token says: which job may act for which user in which session. */
export type SessionClaims = z.infer<typeof sessionClaimsSchema>;

/** Signs and reads the tokens of agents in a call, which live for `lifetimes.sessionTokenSeconds`. */
export type SessionTokens = OwnTokens<SessionClaims>;

/** Session tokens with HS256. */
export function createSessionTokens(secret: string, clock: Clock): SessionTokens {
  return createOwnTokens(
    {
      audience: sessionAudience,
      lifetimeSeconds: lifetimes.sessionTokenSeconds,
      payloadOf: (claims) => claims,
      claimsOf: (payload) => sessionClaimsSchema.parse(payload),
    },
    { secret, algorithm: 'HS256', clock },
  );
}
