import { hash, verify } from '@node-rs/argon2';
import { compare } from 'bcryptjs';

/**
 * argon2id with 19 MiB, two passes and one lane: what OWASP's password storage cheat sheet asks for at the least. About
 * 10 ms on a thread of libuv's pool.
 */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const currentPrefix = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$`;

/** A hash of a random password nobody knows: what a sign-in is checked against when there is no other. */
const nobodysHash = `${currentPrefix}9LQxdnI1SUS2ZRFGRF9bSg$/Wqh07/C1cyTdbLHPy0VyTUxm9yYx0xjQbVQmQfBqOA`;

/** Hashes a password with the current cost and a new salt, in the PHC string format. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, cost);
}

/**
 * Whether a password is the one of a stored hash, argon2 or bcrypt. Null is nobody's hash: it costs what a real one costs,
 * so that the time taken doesn't tell whether there is an account.
 */
export async function isPassword(stored: string | null, password: string): Promise<boolean> {
  // bcrypt's versions 2a, 2b and 2y differ in bugs of implementations that bcryptjs doesn't have.
  if (stored?.startsWith('$2')) return compare(password, stored);
  const matches = await verify(stored ?? nobodysHash, password);
  return matches && stored !== null;
}

/** Whether a hash was made in another way than new ones are, and should be replaced while its password is at hand. */
export function isOutdatedHash(stored: string): boolean {
  return !stored.startsWith(currentPrefix);
}
