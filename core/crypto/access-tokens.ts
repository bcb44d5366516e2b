import { createHmac, hkdfSync } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { JwtAlgorithm } from '../config/accounts.ts';
import { lifetimes } from '../limits.ts';
import { createOwnTokens, type OwnTokens } from './own-tokens.ts';

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

/** Signs and reads the tokens of people who have signed in with us, which live for `lifetimes.accessTokenSeconds`. */
export type AccessTokens = OwnTokens<AccessClaims>;

/** Access tokens of the type that RFC 9068 gives them. */
export function createAccessTokens(secret: string, algorithm: JwtAlgorithm, clock: Clock): AccessTokens {
  return createOwnTokens(
    {
      audience: accessAudience,
      type: tokenType,
      lifetimeSeconds: lifetimes.accessTokenSeconds,
      payloadOf: ({ tenantId, userId, roles }) => ({ sub: userId, tenant: tenantId, roles: [...roles] }),
      claimsOf(payload) {
        const { sub: userId, tenant: tenantId, roles } = accessClaimsSchema.parse(payload);
        return { tenantId, userId, roles };
      },
    },
    { secret, algorithm, clock },
  );
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
