import { describe, expect, it } from 'vitest';
import { parseEncryptionKeys } from '../../core/crypto/encryption-keys.ts';

const hex = 'ab'.repeat(32);
const base64 = Buffer.alloc(32, 7).toString('base64');

describe('encryption keys', () => {
  it('are read in their order, from hex or base64, with spaces around them', () => {
    expect(parseEncryptionKeys(` new:${base64} ,old-2:${hex.toUpperCase()}, `)).toEqual([
      { id: 'new', bytes: Buffer.alloc(32, 7) },
      { id: 'old-2', bytes: Buffer.alloc(32, 0xab) },
    ]);
  });

  it('are named after themselves when nobody names them, always alike', () => {
    const [key] = parseEncryptionKeys(hex);
    expect(key).toEqual({ id: expect.stringMatching(/^[0-9a-f]{8}$/), bytes: Buffer.alloc(32, 0xab) });
    expect(parseEncryptionKeys(Buffer.alloc(32, 0xab).toString('base64'))).toEqual([key]);
    expect(parseEncryptionKeys(base64)[0].id).not.toBe(key.id);
  });

  it.each([
    ['', 'names no key'],
    [' , ', 'names no key'],
    [`a:${hex},a:${base64}`, 'names the key a twice'],
    [`${hex},b:${base64},${hex}`, 'twice'],
    ['too-short', 'key 1 is not 32 bytes in base64 or hex'],
    [`a:${hex},b:${hex.slice(2)}`, 'key 2 is not 32 bytes'],
    [`a:${hex}00`, 'key 1 is not 32 bytes'],
    [`:${hex}`, 'key 1 needs a name of 1 to 16'],
    [`Upper:${hex}`, 'key 1 needs a name of 1 to 16 lower-case letters, digits or hyphens'],
    [`a.b:${hex}`, 'key 1 needs a name'],
    [`${'a'.repeat(17)}:${hex}`, 'key 1 needs a name'],
  ])('are refused where they are wrong: %s', (text, message) => {
    expect(() => parseEncryptionKeys(text)).toThrow(message);
  });

  it('are never shown by what is wrong with them', () => {
    const secrets = [hex, base64, 'hunter2hunter2'];
    for (const text of [`a:${hex},a:${base64}`, `A:${hex}`, `${base64},hunter2hunter2`, `:${hex}`, `${hex}${hex}`]) {
      let message = '';
      try {
        parseEncryptionKeys(text);
      } catch (error) {
        message = String(error);
      }
      expect(message).not.toBe('');
      for (const secret of secrets) expect(message).not.toContain(secret.slice(0, 8));
    }
  });
});
