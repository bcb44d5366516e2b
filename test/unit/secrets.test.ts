import { expect, it } from 'vitest';
import { equalSecrets, newBearerSecret, secretHash } from '../../core/crypto/secrets.ts';

it('secrets are equal when each character is, whatever their lengths', () => {
  expect(equalSecrets('a-secret', 'a-secret')).toBe(true);
  expect(equalSecrets('', '')).toBe(true);
  for (const other of ['a-secreT', 'a-secret ', 'a-secre', '']) expect(equalSecrets('a-secret', other)).toBe(false);
});

it('new secrets are 32 random bytes that fit into a URL', () => {
  const secrets = Array.from({ length: 100 }, newBearerSecret);
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43}$/);
  expect(new Set(secrets).size).toBe(100);
});

it('the hash of a secret is its SHA-256', () => {
  // The example of FIPS 180-4 for a message of one block.
  expect(secretHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
