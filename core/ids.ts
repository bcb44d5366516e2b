import { randomBytes, randomUUID } from 'node:crypto';

/** A random row id (UUID version 4, RFC 9562). */
export function newId(): string {
  return randomUUID();
}

/** A random room name a person can read aloud: `room-` and 12 characters without look-alikes. */
export function newRoomName(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  return `room-${Array.from(randomBytes(12), (byte) => alphabet[byte % alphabet.length]).join('')}`;
}

/** A secret of 32 random bytes as hexadecimal digits. */
export function newSecret(): string {
  return randomBytes(32).toString('hex');
}
