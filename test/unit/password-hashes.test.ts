import { hash as argon2 } from '@node-rs/argon2';
import { hash as bcrypt } from 'bcryptjs';
import { describe, expect, it } from 'vitest';
import { hashPassword, isOutdatedHash, isPassword } from '../../core/crypto/password-hashes.ts';

const password = 'correct horse battery staple';

describe('a password', () => {
  it('is hashed with argon2id at the cost OWASP names, each time with another salt', async () => {
    const [one, other] = await Promise.all([hashPassword(password), hashPassword(password)]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(other).not.toBe(one);
    expect(isOutdatedHash(one)).toBe(false);
  });

  it('matches its own hash alone', async () => {
    const stored = await hashPassword(password);
    expect(await isPassword(stored, password)).toBe(true);
    for (const wrong of ['', `${password} `, password.toUpperCase()]) {
      expect(await isPassword(stored, wrong), wrong).toBe(false);
    }
  });

  it.each(['2a', '2b', '2y'])('matches a bcrypt hash of version %s, which is outdated', async (version) => {
    const stored = (await bcrypt(password, 4)).replace(/^\$2[aby]/, `$${version}`);
    expect(await isPassword(stored, password)).toBe(true);
    expect(await isPassword(stored, 'another')).toBe(false);
    expect(isOutdatedHash(stored)).toBe(true);
  });

  it('matches an argon2 hash of another cost, which is outdated', async () => {
    const stored = await argon2(password, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
    expect(await isPassword(stored, password)).toBe(true);
    expect(isOutdatedHash(stored)).toBe(true);
  });

  it("never matches nobody's hash", async () => {
    for (const tried of ['', password]) expect(await isPassword(null, tried)).toBe(false);
  });
});
