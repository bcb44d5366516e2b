import { generateKeyPairSync } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createAccessTokens, createRefreshSecrets } from '../../core/crypto/access-tokens.ts';
import { createSessionTokens } from '../../core/crypto/session-tokens.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';

const secret = 'an-access-secret-of-64-characters-'.padEnd(64, 'x');
const start = new Date('2026-11-20T10:00:00.000Z');
const later = (ms: number) => () => new Date(start.getTime() + ms);
const claims = { tenantId: newId(), userId: newId(), roles: ['student', 'teacher'] };
const tokens = createAccessTokens(secret, 'HS256', () => start);

/** A token of ours but for what a test makes wrong. */
function forged(wrong: {
  secret?: string;
  alg?: string;
  typ?: string | null;
  iss?: string;
  aud?: string;
  exp?: null;
  claims?: object;
}): Promise<string> {
  const jwt = new SignJWT({ tenant: claims.tenantId, roles: claims.roles, sub: claims.userId, ...wrong.claims })
    .setProtectedHeader({
      alg: wrong.alg ?? 'HS256',
      ...(wrong.typ === null ? {} : { typ: wrong.typ ?? 'at+jwt' }),
    })
    .setIssuer(wrong.iss ?? 'parley')
    .setAudience(wrong.aud ?? 'parley-api');
  if (wrong.exp !== null) jwt.setExpirationTime(start.getTime() / 1_000 + 60);
  return jwt.sign(new TextEncoder().encode(wrong.secret ?? secret));
}

describe('an access token', () => {
  it.each(['HS256', 'HS384', 'HS512'] as const)(
    'signed with %s gives its claims back, for 15 minutes',
    async (algorithm) => {
      const { token, expiresAt } = await createAccessTokens(secret, algorithm, () => start).sign(claims);
      expect(decodeProtectedHeader(token)).toEqual({ alg: algorithm, typ: 'at+jwt' });
      expect(expiresAt).toEqual(new Date(start.getTime() + 900_000));
      expect(lifetimes.accessTokenSeconds).toBe(900);
      const read = (afterMs: number) => createAccessTokens(secret, algorithm, later(afterMs)).verify(token);
      expect(await read(899_000)).toEqual(claims);
      expect(await read(900_000)).toBeNull();
    },
  );

  it('says who it is and what they are, and nothing personal', async () => {
    const { token } = await tokens.sign(claims);
    const seconds = start.getTime() / 1_000;
    expect(decodeJwt(token)).toEqual({
      iss: 'parley',
      aud: 'parley-api',
      sub: claims.userId,
      tenant: claims.tenantId,
      roles: claims.roles,
      iat: seconds,
      exp: seconds + 900,
    });
  });

  it('is what the forgeries of these tests are but for one thing', async () => {
    expect(await tokens.verify(await forged({}))).toEqual(claims);
  });

  it.each<[string, Parameters<typeof forged>[0]]>([
    ['of another secret', { secret: 'another'.padEnd(64, 'x') }],
    ['of another algorithm, with the right secret', { alg: 'HS512' }],
    ['of another type', { typ: 'JWT' }],
    ['of no type', { typ: null }],
    ['of another issuer', { iss: 'somebody' }],
    ['for another audience', { aud: 'parley-session' }],
    ['without an end', { exp: null }],
    ['without a user', { claims: { sub: undefined } }],
    ['of a user who is no id', { claims: { sub: 'admin' } }],
    ['without a tenant', { claims: { tenant: undefined } }],
    ['with roles that are no list', { claims: { roles: 'admin' } }],
  ])('%s is refused', async (_name, wrong) => {
    expect(await tokens.verify(await forged(wrong))).toBeNull();
  });

  it('that is not signed is refused, whatever it calls that', async () => {
    const { token } = await tokens.sign(claims);
    const [, payload] = token.split('.');
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt' })).toString('base64url');
      expect(await tokens.verify(`${header}.${payload}.`), alg).toBeNull();
    }
  });

  it('signed with a private key is refused', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwt = new SignJWT({ tenant: claims.tenantId, roles: claims.roles, sub: claims.userId })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
      .setIssuer('parley')
      .setAudience('parley-api')
      .setExpirationTime(start.getTime() / 1_000 + 60);
    expect(await tokens.verify(await jwt.sign(privateKey))).toBeNull();
  });

  it('with one changed character is refused', async () => {
    const { token } = await tokens.sign(claims);
    const dot = token.indexOf('.');
    const changed = `${token.slice(0, dot + 5)}${token[dot + 5] === 'A' ? 'B' : 'A'}${token.slice(dot + 6)}`;
    expect(await tokens.verify(changed)).toBeNull();
    for (const broken of ['', 'x', 'a.b', 'a.b.c']) expect(await tokens.verify(broken), broken).toBeNull();
  });

  it('and a session token of the same secret are not taken for each other', async () => {
    const sessionTokens = createSessionTokens(secret, () => start);
    const { token: access } = await tokens.sign(claims);
    const { token: session } = await sessionTokens.sign({ ...claims, sessionId: newId(), jobIdentity: 'agent' });
    expect(await tokens.verify(session)).toBeNull();
    expect(await sessionTokens.verify(access)).toBeNull();
  });
});

describe('the secret that follows a refresh token', () => {
  it('is the same each time, of full length, and of no use without the key', () => {
    const secrets = createRefreshSecrets(secret);
    const first = secrets.successorOf('a');
    expect(first).toMatch(/^[\w-]{43}$/);
    expect(secrets.successorOf('a')).toBe(first);
    expect(secrets.successorOf('b')).not.toBe(first);
    expect(secrets.successorOf(first)).not.toBe(first);
    expect(createRefreshSecrets('another'.padEnd(64, 'x')).successorOf('a')).not.toBe(first);
  });
});
