import { describe, expect, it } from 'vitest';
import { parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';
import { createFieldCipher, type Sealed } from '../../core/crypto/field-cipher.ts';

const place = 'profiles.goal:7d6c1c1e-3d0b-4a57-8f5b-0a9f4f1f2c11';
const first = `first:${'01'.repeat(32)}`;
const second = `second:${'02'.repeat(32)}`;
const cipherOf = (...keys: string[]) => createFieldCipher(parseEncryptionKeys(keys.join()));
const cipher = cipherOf(first);

/** A value read from somewhere, which nobody promised to be a ciphertext. */
const stored = (text: string) => text as Sealed;
/** The bytes of a ciphertext, changed. */
const withBytes = (sealed: string, change: (bytes: Buffer) => Buffer) => {
  const [version, keyId, encoded] = sealed.split('.') as [string, string, string];
  return stored(`${version}.${keyId}.${change(Buffer.from(encoded, 'base64url')).toString('base64url')}`);
};

describe('a field cipher', () => {
  it.each(['', 'Ann', 'naïve ☕ 你好 👩‍🚀', 'x'.repeat(100_000), 'v1.first.looks-like-one', '\0'])(
    'opens what it has sealed (%#)',
    (text) => {
      const sealed = cipher.seal(place, text);
      expect(cipher.open(place, sealed)).toBe(text);
      expect(cipher.isSealed(sealed)).toBe(true);
      expect(sealed.startsWith(cipher.currentPrefix)).toBe(true);
    },
  );

  it('shows nothing of the text, nor that two are the same', () => {
    const [one, other] = [cipher.seal(place, 'to practise'), cipher.seal(place, 'to practise')];
    expect(one).not.toBe(other);
    expect(Buffer.from(one.split('.')[2] ?? '', 'base64url').toString('latin1')).not.toContain('practise');
  });

  it('opens nothing that was moved to another place', () => {
    const sealed = cipher.seal(place, 'to practise');
    for (const other of ['profiles.goal:another-row', place.replace('goal', 'preferred_name'), '']) {
      expect(() => cipher.open(other, sealed)).toThrow('does not open');
    }
  });

  it('opens nothing in which any one byte was changed, from the IV to the text', () => {
    const sealed = cipher.seal(place, 'abc');
    const length = Buffer.from(sealed.split('.')[2] ?? '', 'base64url').length;
    expect(length).toBe(12 + 16 + 3);
    for (let index = 0; index < length; index += 1) {
      const changed = withBytes(sealed, (bytes) => {
        bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
        return bytes;
      });
      expect(() => cipher.open(place, changed)).toThrow('A value of profiles.goal does not open');
    }
  });

  it('opens nothing with less of its tag, of its text or of anything', () => {
    const sealed = cipher.seal(place, 'abc');
    for (const length of [0, 11, 12, 16, 24, 27, 30]) {
      const cut = withBytes(sealed, (bytes) => bytes.subarray(0, length));
      expect(() => cipher.open(place, cut)).toThrow('does not open');
    }
  });

  it.each([
    '',
    'Ann',
    'v1',
    'v1.first',
    'v1..',
    'v1.first.short',
    'v2.first.'.padEnd(60, 'x'),
    'v1.FIRST.'.padEnd(60, 'x'),
  ])('takes "%s" for no ciphertext, and opens nothing there', (text) => {
    expect(cipher.isSealed(text)).toBe(false);
    expect(() => cipher.open(place, stored(text))).toThrow(/profiles\.goal/);
  });

  it('names the place of what does not open, and neither its row nor its value', () => {
    const sealed = cipherOf(second).seal(place, 'to practise');
    const opening = () => cipher.open(place, sealed);
    expect(opening).toThrow('No key opens profiles.goal: ENCRYPTION_KEYS lacks the key it was sealed with');
    expect(opening).not.toThrow(/7d6c1c1e|practise/);
    expect(() =>
      cipher.open(
        place,
        withBytes(cipher.seal(place, 'x'), (bytes) => bytes.reverse()),
      ),
    ).not.toThrow(/7d6c1c1e/);
  });

  it('does not take another key for its own because it has the same name', () => {
    const impostor = cipherOf(`first:${'03'.repeat(32)}`);
    expect(() => impostor.open(place, cipher.seal(place, 'to practise'))).toThrow('does not open');
  });

  it('seals with the newest key and opens with the older ones, while keys are being rotated', () => {
    const rotating = cipherOf(second, first);
    const old = cipher.seal(place, 'to practise');
    expect(rotating.open(place, old)).toBe('to practise');
    expect(rotating.isSealed(old)).toBe(true);
    expect(old.startsWith(rotating.currentPrefix)).toBe(false);
    const renewed = rotating.seal(place, rotating.open(place, old));
    expect(renewed.startsWith(rotating.currentPrefix)).toBe(true);
    expect(cipherOf(second).open(place, renewed)).toBe('to practise');
    expect(() => cipher.open(place, renewed)).toThrow('No key opens');
  });

  it('takes no key for the newest because the name of that one begins alike', () => {
    const longer = cipherOf(`first-2:${'02'.repeat(32)}`);
    expect(longer.seal(place, 'x').startsWith(cipher.currentPrefix)).toBe(false);
  });
});

describe('a blind index', () => {
  it('is the same for the same value, and for no other value, kind or key', () => {
    const index = cipher.index('email', 'ann@example.test');
    expect(index).toBe(cipherOf(first).index('email', 'ann@example.test'));
    const others = [
      cipher.index('email', 'bob@example.test'),
      cipher.index('phone', 'ann@example.test'),
      cipher.index('email\0ann', '@example.test'),
      cipherOf(second).index('email', 'ann@example.test'),
    ];
    expect(new Set([index, ...others]).size).toBe(5);
    expect(index).not.toContain('ann');
  });

  it('is stored under the newest key, and looked for under each', () => {
    const rotating = cipherOf(second, first);
    expect(rotating.index('email', 'a@b.test')).toBe(cipherOf(second).index('email', 'a@b.test'));
    expect(rotating.indexes('email', 'a@b.test')).toEqual([
      cipherOf(second).index('email', 'a@b.test'),
      cipher.index('email', 'a@b.test'),
    ]);
  });
});
