import { jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../clock.ts';
import type { JwtAlgorithm } from '../config/accounts.ts';
import { rememberVerified, type TokenVerifier } from './verified-tokens.ts';

/** `iss` of every token we sign. */
export const ownIssuer = 'parley';

/** What sets one kind of our tokens apart from the others, and how its claims are written. */
export interface TokenKind<Claims> {
  audience: string;
  /** Header `typ`; absent where tokens have none. */
  type?: string;
  lifetimeSeconds: number;
  /** Claims as the members of a payload. */
  payloadOf(claims: Claims): Record<string, unknown>;
  /** @throws when a payload is not of this kind. */
  claimsOf(payload: Record<string, unknown>): Claims;
}

/** Signs and reads tokens of one kind. */
export interface OwnTokens<Claims> extends TokenVerifier<Claims> {
  /** A token for the kind's lifetime from now. */
  sign(claims: Claims): Promise<{ token: string; expiresAt: Date }>;
}

/** Tokens of ours as JWT (RFC 7519). One algorithm is used and accepted; type, issuer and audience keep the kinds apart. */
export function createOwnTokens<Claims>(
  kind: TokenKind<Claims>,
  { secret, algorithm, clock }: { secret: string; algorithm: JwtAlgorithm; clock: Clock },
): OwnTokens<Claims> {
  const { audience, type: typ, lifetimeSeconds } = kind;
  // Imported once: given the bytes, jose would import them anew for every token.
  const importedKey = crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(secret),
    { name: 'HMAC', hash: `SHA-${algorithm.slice(2)}` },
    false,
    ['sign', 'verify'],
  );
  return {
    async sign(claims) {
      const issuedAtSeconds = Math.floor(clock().getTime() / 1_000);
      const expiresAtSeconds = issuedAtSeconds + lifetimeSeconds;
      const token = await new SignJWT(kind.payloadOf(claims))
        .setProtectedHeader({ alg: algorithm, ...(typ && { typ }) })
        .setIssuer(ownIssuer)
        .setAudience(audience)
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(expiresAtSeconds)
        .sign(await importedKey);
      return { token, expiresAt: new Date(expiresAtSeconds * 1_000) };
    },
    ...rememberVerified(async (token) => {
      try {
        const { payload } = await jwtVerify(token, await importedKey, {
          issuer: ownIssuer,
          audience,
          typ,
          algorithms: [algorithm],
          requiredClaims: ['exp'],
          currentDate: clock(),
        });
        return { claims: kind.claimsOf(payload), expiresAtSeconds: payload.exp as number };
      } catch {
        return null;
      }
    }, clock),
  };
}
