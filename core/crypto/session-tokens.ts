import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { lifetimes } from '../limits.ts';
import { rememberVerified, type TokenVerifier } from './verified-tokens.ts';

const issuer = 'parley';
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

/** Signs and reads the tokens of agents in a call. */
export interface SessionTokens extends TokenVerifier<SessionClaims> {
  /** A token for `lifetimes.sessionTokenSeconds` from now. */
  sign(claims: SessionClaims): Promise<{ token: string; expiresAt: Date }>;
}

/** Session tokens as JWT (RFC 7519) with HS256; issuer and audience keep them apart from tokens of other services. */
export function createSessionTokens(secret: string, clock: Clock): SessionTokens {
  const key = new TextEncoder().encode(secret);
  return {
    async sign(claims) {
      const issuedAtSeconds = Math.floor(clock().getTime() / 1_000);
      const expiresAtSeconds = issuedAtSeconds + lifetimes.sessionTokenSeconds;
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(issuer)
        .setAudience(sessionAudience)
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(expiresAtSeconds)
        .sign(key);
      return { token, expiresAt: new Date(expiresAtSeconds * 1_000) };
    },
    ...rememberVerified(async (token) => {
      try {
        const { payload } = await jwtVerify(token, key, {
          issuer,
          audience: sessionAudience,
          algorithms: ['HS256'],
          requiredClaims: ['exp'],
          currentDate: clock(),
        });
        return { claims: sessionClaimsSchema.parse(payload), expiresAtSeconds: payload.exp as number };
      } catch {
        return null;
      }
    }, clock),
  };
}
