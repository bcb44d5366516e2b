import { createHash } from 'node:crypto';

/** One key for data at rest. */
export interface EncryptionKey {
  /** Names the key in each ciphertext; never given to another key. */
  id: string;
  /** 32 random bytes. */
  bytes: Buffer;
}

/** The key that seals, followed by older ones that still open. */
export type EncryptionKeys = readonly [EncryptionKey, ...EncryptionKey[]];

const keyBytes = 32;

/**
 * Reads `ENCRYPTION_KEYS`: `id:key` pairs separated by commas, the newest first; a key is 32 bytes in base64 or hexadecimal
 * digits. A key alone, as in `ENCRYPTION_KEY`, is named after its own digest.
 * @throws Error saying which entry is wrong; the message never holds a key.
 */
export function parseEncryptionKeys(text: string): EncryptionKeys {
  const keys = text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map(parseKey);
  const [first, ...rest] = keys;
  if (!first) throw new Error('names no key');
  const ids = keys.map(({ id }) => id);
  const double = ids.find((id, index) => ids.indexOf(id) !== index);
  if (double !== undefined) throw new Error(`names the key ${double} twice`);
  return [first, ...rest];
}

function parseKey(entry: string, index: number): EncryptionKey {
  const colon = entry.indexOf(':');
  const encoded = entry.slice(colon + 1);
  const bytes = Buffer.from(encoded, /^[0-9a-f]{64}$/i.test(encoded) ? 'hex' : 'base64');
  if (bytes.length !== keyBytes) {
    throw new Error(`key ${index + 1} is not 32 bytes in base64 or hex, as from \`openssl rand -base64 32\``);
  }
  const id = colon < 0 ? createHash('sha256').update(bytes).digest('hex').slice(0, 8) : entry.slice(0, colon);
  if (!/^[a-z0-9-]{1,16}$/.test(id)) {
    throw new Error(`key ${index + 1} needs a name of 1 to 16 lower-case letters, digits or hyphens before its colon`);
  }
  return { id, bytes };
}
