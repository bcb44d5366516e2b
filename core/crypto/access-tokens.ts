import { createHmac, hkdfSync } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { JwtAlgorithm } from '../config/accounts.ts';
import { lifetimes } from '../limits.ts';
import { rememberVerified, type TokenVerifier } from './verified-tokens.ts';

/** `iss` of every token we sign. */
export const ownIssuer = 'parley';
/** `aud` of access tokens; session tokens have another one. */
export const accessAudience = 'parley-api';
/** Header `typ` of an access token (RFC 9068, section 2.1). */
const tokenType = 'at+jwt';

const accessClaimsSchema = z.object({ sub: z.uuid(), tenant: z.uuid(), roles: z.array(z.string()) });

/** What an access token says: who it is and what they were when it was signed. */
export interface AccessClaims {
  tenantId: string;
  userId: string;
  roles: readonly string[];
}

/** Signs and reads the tokens of people who have signed in with us. */
export interface AccessTokens extends TokenVerifier<AccessClaims> {
  /** A token for `lifetimes.accessTokenSeconds` from now. */
  sign(claims: AccessClaims): Promise<{ token: string; expiresAt: Date }>;
}

/**
 * Access tokens as JWT (RFC 7519, RFC 9068). One algorithm is used and accepted; type, issuer and audience keep them apart
 * from other tokens.
 */
export function createAccessTokens(secret: string, algorithm: JwtAlgorithm, clock: Clock): AccessTokens {
  const key = new TextEncoder().encode(secret);
  return {
    async sign({ tenantId, userId, roles }) {
      const issuedAtSeconds = Math.floor(clock().getTime() / 1_000);
      const expiresAtSeconds = issuedAtSeconds + lifetimes.accessTokenSeconds;
      const token = await new SignJWT({ tenant: tenantId, roles: [...roles] })
        .setProtectedHeader({ alg: algorithm, typ: tokenType })
        .setSubject(userId)
        .setIssuer(ownIssuer)
        .setAudience(accessAudience)
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(expiresAtSeconds)
        .sign(key);
      return { token, expiresAt: new Date(expiresAtSeconds * 1_000) };
    },
    ...rememberVerified(async (token) => {
      try {
        const { payload } = await jwtVerify(token, key, {
          issuer: ownIssuer,
          audience: accessAudience,
          typ: tokenType,
          algorithms: [algorithm],
          requiredClaims: ['exp'],
          currentDate: clock(),
        });
        const { sub: userId, tenant: tenantId, roles } = accessClaimsSchema.parse(payload);
        return { claims: { tenantId, userId, roles }, expiresAtSeconds: payload.exp as number };
      } catch {
        return null;
      }
    }, clock),
  };
}

/** Makes the secrets of refresh tokens. */
export interface RefreshSecrets {
  /**
   * The one successor of a refresh token: the same each time it is asked for, so that a client whose answer got lost is
   * given the same token again and no second branch of the family comes to be. Nobody without our key can compute it.
   */
  successorOf(secret: string): string;
}

/** Refresh secrets as HMAC-SHA-256 of the secret before, under a key derived (HKDF, RFC 5869) for this use alone. */
export function createRefreshSecrets(secret: string): RefreshSecrets {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'parley refresh token', 32));
  return { successorOf: (previous) => createHmac('sha256', key).update(previous).digest('base64url') };
}
