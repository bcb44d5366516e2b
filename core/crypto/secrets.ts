import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Compares two secrets in a time that depends on neither of them. */
export function equalSecrets(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right));
}

/** A secret of 32 random bytes that fits into a URL, a header or a cookie: 43 characters of base64url (RFC 4648). */
export function newBearerSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * What is stored instead of a random secret: SHA-256 as hexadecimal digits. Fast on purpose: 256 random bits can't be
 * guessed, so unlike a password they need no slow hash, and the digest is a key to look up by.
 */
export function secretHash(secret: string): string {
  return digest(secret).toString('hex');
}

// Digests have one length, which timingSafeEqual needs, and the comparison says nothing about the secrets' lengths.
function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
