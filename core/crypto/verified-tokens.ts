import type { Clock } from '../clock.ts';

/** What a token was found to say. */
export interface Verified<Claims> {
  claims: Claims;
  /** The token's `exp`, seconds since 1970. */
  expiresAtSeconds: number;
}

/** About 5 MB; with more tokens than this in use at once, some are checked again. */
const rememberedTokens = 10_000;

/** Checks tokens of one kind. */
export interface TokenVerifier<Claims> {
  /** What a token says that was found valid before and has not expired; undefined for any other. */
  recall(token: string): Claims | undefined;
  /** What a token says, or null for one that is not valid. */
  verify(token: string): Promise<Claims | null>;
}

/**
 * Remembers what valid tokens say until they expire: the same one comes with every request of its owner, and checking a
 * signature costs more than all else about a short request. A token that can be revoked must not be remembered.
 */
export function rememberVerified<Claims>(
  check: (token: string) => Promise<Verified<Claims> | null>,
  clock: Clock,
): TokenVerifier<Claims> {
  const remembered = new Map<string, Verified<Claims>>();
  const recall = (token: string) => {
    const known = remembered.get(token);
    if (known && clock().getTime() < known.expiresAtSeconds * 1_000) return known.claims;
    remembered.delete(token);
    return undefined;
  };
  return {
    recall,
    async verify(token) {
      const known = recall(token);
      if (known) return known;
      const verified = await check(token);
      if (!verified) return null;
      if (remembered.size >= rememberedTokens) remembered.delete(remembered.keys().next().value as string);
      remembered.set(token, verified);
      return verified.claims;
    },
  };
}
