import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { createSessionTokens } from '../../core/crypto/session-tokens.ts';
import { newId } from '../../core/ids.ts';
import { lifetimes } from '../../core/limits.ts';

const secret = 'a-session-secret-of-32-characters';
const start = new Date('2026-11-20T10:00:00.750Z');
const claims = { tenantId: newId(), userId: newId(), sessionId: newId(), jobIdentity: 'agent-a' };
const tokensAt = (at: Date, key = secret) => createSessionTokens(key, () => at);
const secondsLater = (seconds: number) => new Date(start.getTime() + seconds * 1_000);
const tokens = tokensAt(start);

/** A token as ours, but for what is wrong. */
const forged = (
  wrong: {
    claims?: JWTPayload;
    secret?: string;
    issuer?: string;
    audience?: string;
    alg?: string;
    ends?: boolean;
  } = {},
) => {
  const jwt = new SignJWT({ ...claims, ...wrong.claims })
    .setProtectedHeader({ alg: wrong.alg ?? 'HS256' })
    .setIssuer(wrong.issuer ?? 'parley')
    .setAudience(wrong.audience ?? 'parley-session');
  if (wrong.ends ?? true) jwt.setExpirationTime(Math.floor(start.getTime() / 1_000) + 60);
  return jwt.sign(new TextEncoder().encode(wrong.secret ?? secret));
};

describe('session tokens', () => {
  it('say who may act for whom, and until when', async () => {
    const { token, expiresAt } = await tokens.sign(claims);
    expect(await tokens.verify(token)).toEqual(claims);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256' });
    const issuedAt = Math.floor(start.getTime() / 1_000);
    expect(decodeJwt(token)).toEqual({
      ...claims,
      iss: 'parley',
      aud: 'parley-session',
      iat: issuedAt,
      exp: issuedAt + lifetimes.sessionTokenSeconds,
    });
    expect(expiresAt).toEqual(new Date((issuedAt + lifetimes.sessionTokenSeconds) * 1_000));
  });

  it('end with their lifetime', async () => {
    const { token } = await tokens.sign(claims);
    expect(await tokensAt(secondsLater(lifetimes.sessionTokenSeconds - 1)).verify(token)).toEqual(claims);
    expect(await tokensAt(secondsLater(lifetimes.sessionTokenSeconds)).verify(token)).toBeNull();
  });

  it('are taken from nobody else, and for nothing else', async () => {
    expect(await tokens.verify(await forged())).toEqual(claims);
    for (const wrong of [
      { secret: 'another-secret-of-at-least-32-chars' },
      { issuer: 'somebody' },
      { audience: 'parley-api' },
      { alg: 'HS512' },
      { ends: false },
      { claims: { userId: 'nobody' } },
      { claims: { jobIdentity: '' } },
      { claims: { tenantId: undefined } },
    ]) {
      expect(await tokens.verify(await forged(wrong)), JSON.stringify(wrong)).toBeNull();
    }
  });

  it('are not taken without a signature, changed, or when they are none', async () => {
    const unsigned = new UnsecuredJWT(claims).setIssuer('parley').setAudience('parley-session').setExpirationTime('1h');
    const { token } = await tokens.sign(claims);
    const [header, , signature] = token.split('.');
    const payload = Buffer.from(JSON.stringify({ ...decodeJwt(token), userId: newId() })).toString('base64url');
    for (const wrong of [unsigned.encode(), `${header}.${payload}.${signature}`, `${token}x`, 'no token', '']) {
      expect(await tokens.verify(wrong)).toBeNull();
    }
  });
});
