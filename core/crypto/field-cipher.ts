import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { EncryptionKey, EncryptionKeys } from './encryption-keys.ts';

declare const sealedBrand: unique symbol;

/** A ciphertext with the id of its key: `v1.<key id>.<base64url of IV, tag and text>`. Only a cipher makes one. */
export type Sealed = string & { readonly [sealedBrand]: true };

/** Encrypts single fields of rows, and finds rows by fields it has encrypted. */
export interface FieldCipher {
  /**
   * Encrypts a field with the newest key.
   * @param place Table, column and row, `profiles.goal:<id>`: authenticated, so that a ciphertext moved elsewhere won't open.
   */
  seal(place: string, text: string): Sealed;
  /** @throws Error when the ciphertext was not made for this place, was changed, or its key is not among ours. */
  open(place: string, sealed: Sealed): string;
  /** What every ciphertext of the newest key begins with; a stored value that doesn't is due for `rotate-keys`. */
  currentPrefix: string;
  /** Whether a stored value is a ciphertext at all. */
  isSealed(stored: string): stored is Sealed;
  /** The keyed digest under which a value is stored for look-ups; `kind` keeps those of e-mail and phone apart. */
  index(kind: string, value: string): string;
  /** Every digest a stored row may have, one a key: what to look for while keys are being rotated. */
  indexes(kind: string, value: string): string[];
}

const version = 'v1';
/** The IV length that NIST SP 800-38D recommends for GCM; random ones are safe for 2^32 fields a key. */
const ivBytes = 12;
const tagBytes = 16;

interface DerivedKey {
  id: string;
  field: Buffer;
  index: Buffer;
}

/** AES-256-GCM for fields and HMAC-SHA-256 for look-ups, under keys derived (HKDF, RFC 5869) for each of the two uses. */
export function createFieldCipher(keys: EncryptionKeys): FieldCipher {
  const [newest, ...older] = keys;
  const current = derive(newest);
  const byId = new Map([current, ...older.map(derive)].map((key) => [key.id, key]));
  const prefix = `${version}.${current.id}.`;

  return {
    seal(place, text) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', current.field, iv).setAAD(Buffer.from(place));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return `${prefix}${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}` as Sealed;
    },
    open(place, sealed) {
      const [, keyId = '', encoded = ''] = sealed.split('.');
      const key = byId.get(keyId);
      if (!key) throw new Error(`No key opens ${nameOf(place)}: ENCRYPTION_KEYS lacks the key it was sealed with`);
      const bytes = Buffer.from(encoded, 'base64url');
      const tagEnd = ivBytes + tagBytes;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key.field, bytes.subarray(0, ivBytes), {
          authTagLength: tagBytes,
        })
          .setAAD(Buffer.from(place))
          .setAuthTag(bytes.subarray(ivBytes, tagEnd));
        return decipher.update(bytes.subarray(tagEnd), undefined, 'utf8') + decipher.final('utf8');
      } catch (error) {
        throw new Error(`A value of ${nameOf(place)} does not open: it was changed, moved or sealed with another key`, {
          cause: error,
        });
      }
    },
    currentPrefix: prefix,
    isSealed: (stored): stored is Sealed => /^v1\.[a-z0-9-]{1,16}\.[\w-]{38,}$/.test(stored),
    index: (kind, value) => indexOf(current, kind, value),
    indexes: (kind, value) => [...byId.values()].map((key) => indexOf(key, kind, value)),
  };
}

function derive({ id, bytes }: EncryptionKey): DerivedKey {
  const subkey = (use: string) => Buffer.from(hkdfSync('sha256', bytes, '', `parley ${use}`, 32));
  return { id, field: subkey('field'), index: subkey('blind index') };
}

function indexOf(key: DerivedKey, kind: string, value: string): string {
  const digest = createHmac('sha256', key.index).update(`${kind}\0${value}`).digest('base64url');
  return `${key.id}.${digest}`;
}

/** Table and column of a place: the row's id stays out of messages. */
function nameOf(place: string): string {
  return place.split(':', 1)[0] as string;
}
