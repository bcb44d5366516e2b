import { newBearerSecret, secretHash } from '../core/crypto/secrets.ts';

/** What an API key's secret begins with: tells it from other bearer tokens, and secret scanners know it by this. */
export const apiKeyPrefix = 'pk_';

/** Characters of a secret that are kept to tell keys apart; the 35 others hold 210 random bits. */
const shownCharacters = apiKeyPrefix.length + 8;

/** A new API key's secret, to be shown once, and what is stored of it. */
export function newApiKeySecret(): { secret: string; prefix: string; secretHash: string } {
  const secret = `${apiKeyPrefix}${newBearerSecret()}`;
  return { secret, prefix: secret.slice(0, shownCharacters), secretHash: secretHash(secret) };
}
