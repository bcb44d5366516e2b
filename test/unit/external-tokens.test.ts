import { exportSPKI, generateKeyPair, importJWK } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { supabaseUserDeletion } from '../../services/external-identities.ts';
import { createExternalTokens, type ExternalTokens } from '../../services/external-tokens.ts';
import { startTokenIssuer, type TokenIssuer, type TokenParts } from '../support/token-issuer.ts';

let issuer: TokenIssuer;
let now = Date.now();
beforeAll(async () => {
  issuer = await startTokenIssuer();
});
afterAll(() => issuer.close());
beforeEach(() => {
  now = Date.now();
  issuer.requests.length = 0;
  issuer.state.status = undefined;
});

const clock = () => new Date(now);
const minuteMs = 60_000;

describe('the tokens of an OIDC issuer', () => {
  const open = (roleClaim?: string): ExternalTokens =>
    createExternalTokens(
      [{ issuer: issuer.url, audience: 'authenticated', jwksUrl: `${issuer.url}/keys`, tenant: 'default', roleClaim }],
      clock,
      fetch,
    );

  it('say who it is, and the keys are fetched once', async () => {
    const tokens = open();
    const claims = { issuer: issuer.url, subject: 'user-1', tenant: 'default', roles: null };
    expect(await tokens.verify(await issuer.sign())).toEqual(claims);
    expect(await tokens.verify(await issuer.sign({ claims: { sub: 'user-2' } }))).toEqual({
      ...claims,
      subject: 'user-2',
    });
    expect(issuer.requests).toEqual(['GET /keys']);
  });

  it.each<[string, TokenParts]>([
    ['for another audience', { claims: { aud: 'somebody' } }],
    ['of another issuer', { claims: { iss: 'https://issuer.example.test' } }],
    ['of no issuer', { claims: { iss: undefined } }],
    ['without an end', { expiresAt: null }],
    ['that has ended', { expiresAt: new Date(Date.now() - minuteMs) }],
    ['not valid yet', { claims: { nbf: Math.floor(Date.now() / 1_000) + 60 } }],
    ['without a subject', { claims: { sub: undefined } }],
    ['with an empty subject', { claims: { sub: '' } }],
    ['with a subject that is no text', { claims: JSON.parse('{"sub":7}') }],
    ['of a key the issuer does not have', { kid: 'second' }],
  ])('are refused %s', async (_name, parts) => {
    expect(await open().verify(await issuer.sign(parts))).toBeNull();
  });

  it('are refused when somebody else signed them', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    expect(await open().verify(await issuer.sign({ key: privateKey }))).toBeNull();
  });

  it('are refused when signed with the public key as a secret, or not at all', async () => {
    const { keys } = (await (await fetch(`${issuer.url}/keys`)).json()) as { keys: [object] };
    const publicKey = await importJWK({ ...keys[0], ext: true }, 'ES256');
    const pem = new TextEncoder().encode(publicKey instanceof Uint8Array ? '' : await exportSPKI(publicKey));
    for (const key of [pem, new TextEncoder().encode(JSON.stringify(keys[0])), issuer.secret]) {
      expect(await open().verify(await issuer.sign({ alg: 'HS256', key }))).toBeNull();
    }
    const [, payload] = (await issuer.sign()).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    expect(await open().verify(`${header}.${payload}.`)).toBeNull();
  });

  it.each(['', 'x', 'a.b.c', 'e30.e30.'])('are not %j', async (text) => {
    expect(await open().verify(text)).toBeNull();
  });

  it('may be half a minute off', async () => {
    const late = await issuer.sign({ expiresAt: new Date(now - 20_000) });
    const early = await issuer.sign({ claims: { nbf: Math.floor(now / 1_000) + 20 } });
    for (const token of [late, early]) expect(await open().verify(token)).toMatchObject({ subject: 'user-1' });
  });

  it.each([[500], [404], [302]])('wait while the keys answer %d', async (status) => {
    const token = await issuer.sign();
    issuer.state.status = status;
    await expect(open().verify(token)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('wait while the issuer is away, and are good again when it is back', async () => {
    let isAway = true;
    const tokens = createExternalTokens(
      [{ issuer: issuer.url, audience: 'authenticated', jwksUrl: `${issuer.url}/keys`, tenant: 'default' }],
      clock,
      (...request) => (isAway ? Promise.reject(new TypeError('fetch failed')) : fetch(...request)),
    );
    const token = await issuer.sign();
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unavailable' });
    isAway = false;
    expect(await tokens.verify(token)).toMatchObject({ subject: 'user-1' });
  });

  it.each<[string, object, string[] | null]>([
    ['one of ours', { role: 'teacher' }, ['teacher']],
    ['a list, of which we know some', { role: ['root', 'admin', 'student'] }, ['student', 'admin']],
    ['none of ours', { role: 'authenticated' }, []],
    ['none', { role: [] }, []],
    ['something else', { role: { admin: true } }, []],
    ['nothing', {}, null],
  ])('name roles: %s', async (_name, claims, roles) => {
    expect(await open('role').verify(await issuer.sign({ claims: { ...claims } }))).toMatchObject({ roles });
  });

  it('name roles inside of other claims, but not of what every object has', async () => {
    const token = await issuer.sign({ claims: { app: { roles: ['teacher'] }, text: 'admin' } });
    expect(await open('app.roles').verify(token)).toMatchObject({ roles: ['teacher'] });
    for (const claim of ['app.constructor', 'text.length', 'app.roles.none.deeper']) {
      expect(await open(claim).verify(token), claim).toMatchObject({ roles: null });
    }
  });
});

describe('the tokens of Supabase Auth', () => {
  const open = () => {
    const auth = `${issuer.url}/auth/v1`;
    const config = {
      issuer: auth,
      audience: 'authenticated',
      jwksUrl: `${auth}/.well-known/jwks.json`,
      roleClaim: 'app_metadata.roles',
      tenant: 'default',
      userInfo: { url: `${auth}/user`, apiKey: 'anon' },
    };
    return createExternalTokens([config], clock, fetch);
  };
  const sign = ({ claims, ...parts }: TokenParts = {}) =>
    issuer.sign({
      ...parts,
      claims: {
        iss: `${issuer.url}/auth/v1`,
        app_metadata: { roles: ['teacher'] },
        user_metadata: { roles: ['admin'] },
        ...claims,
      },
    });
  const bySecret = (parts: TokenParts = {}) => sign({ alg: 'HS256', key: issuer.secret, ...parts });
  const asked = () => issuer.requests.filter((request) => request === 'GET /auth/v1/user').length;

  it('are checked with its public keys where it has any', async () => {
    expect(await open().verify(await sign())).toEqual({
      issuer: `${issuer.url}/auth/v1`,
      subject: 'user-1',
      tenant: 'default',
      roles: ['teacher'],
    });
    expect(issuer.requests).toEqual(['GET /auth/v1/.well-known/jwks.json']);
  });

  it('are asked about where only it has the secret, once a minute', async () => {
    const tokens = open();
    const token = await bySecret();
    for (let n = 0; n < 3; n++)
      expect(await tokens.verify(token)).toMatchObject({ subject: 'user-1', roles: ['teacher'] });
    expect(asked()).toBe(1);
    now += minuteMs;
    await tokens.verify(token);
    expect(asked()).toBe(2);
    await tokens.verify(await bySecret({ claims: { sub: 'user-2' } }));
    expect(asked()).toBe(3);
  });

  it('are refused when it refuses them', async () => {
    const forged = await bySecret({ key: new TextEncoder().encode('another secret of 32 characters..') });
    expect(await open().verify(forged)).toBeNull();
    issuer.state.status = 401;
    expect(await open().verify(await bySecret())).toBeNull();
  });

  it('are refused when it knows them as somebody else', async () => {
    const tokens = createExternalTokens(
      [
        {
          issuer: `${issuer.url}/auth/v1`,
          audience: 'authenticated',
          jwksUrl: `${issuer.url}/keys`,
          tenant: 'default',
          userInfo: { url: `${issuer.url}/auth/v1/user`, apiKey: 'anon' },
        },
      ],
      clock,
      async () => Response.json({ id: 'user-2' }),
    );
    expect(await tokens.verify(await bySecret())).toBeNull();
  });

  it.each<[string, TokenParts]>([
    ['for another audience', { claims: { aud: 'somebody' } }],
    ['for nobody', { claims: { aud: undefined } }],
    ['without an end', { expiresAt: null }],
    ['that have ended', { expiresAt: new Date(Date.now() - minuteMs) }],
  ])('are not even asked about %s', async (_name, parts) => {
    expect(await open().verify(await bySecret(parts))).toBeNull();
    expect(asked()).toBe(0);
  });

  it('are no longer remembered when they have ended', async () => {
    const tokens = open();
    const token = await bySecret({ expiresAt: new Date(now + 10_000) });
    expect(await tokens.verify(token)).not.toBeNull();
    now += 45_000;
    expect(await tokens.verify(token)).toBeNull();
  });

  it('wait while it is away or answers in riddles', async () => {
    const token = await bySecret();
    for (const status of [500, 200]) {
      issuer.state.status = status;
      await expect(open().verify(token), String(status)).rejects.toMatchObject({ code: 'unavailable' });
    }
  });

  it('are remembered up to a number', async () => {
    const auth = `${issuer.url}/auth/v1`;
    let asked = 0;
    const tokens = createExternalTokens(
      [
        {
          issuer: auth,
          audience: 'authenticated',
          jwksUrl: `${auth}/keys`,
          tenant: 'default',
          userInfo: { url: auth, apiKey: 'anon' },
        },
      ],
      clock,
      async () => {
        asked += 1;
        return Response.json({ id: 'user-1' });
      },
    );
    const header = Buffer.from(JSON.stringify({ alg: 'HS256' })).toString('base64url');
    const tokenOf = (n: number) => {
      const claims = { iss: auth, aud: 'authenticated', sub: 'user-1', exp: Math.floor(now / 1_000) + 600, n };
      return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
    };
    for (let n = 0; n < 10_000; n++) await tokens.verify(tokenOf(n));
    await tokens.verify(tokenOf(0));
    expect(asked).toBe(10_000);
    await tokens.verify(tokenOf(10_000));
    await tokens.verify(tokenOf(0));
    expect(asked).toBe(10_002);
  });
});

describe('deleting the account a user has elsewhere', () => {
  const deletion = (serviceKey = 'service') => supabaseUserDeletion({ url: issuer.url, serviceKey }, fetch);
  const name = () => ({ issuer: `${issuer.url}/auth/v1`, subject: 'user 1/..' });

  it('asks Supabase Auth, and takes a user who is gone for deleted', async () => {
    expect(await deletion()(name())).toBe(true);
    expect(issuer.requests).toEqual(['DELETE /auth/v1/admin/users/user%201%2F..']);
    expect(await deletion()({ ...name(), subject: 'gone' })).toBe(true);
  });

  it('leaves users of other issuers alone', async () => {
    expect(await deletion()({ ...name(), issuer: issuer.url })).toBe(false);
    expect(issuer.requests).toEqual([]);
  });

  it('says so when it is refused or there is no answer', async () => {
    const refused = { code: 'unavailable', message: expect.stringContaining('(401)') };
    await expect(deletion('another')(name())).rejects.toMatchObject(refused);
    const away = supabaseUserDeletion({ url: issuer.url, serviceKey: 'service' }, () =>
      Promise.reject(new TypeError('fetch failed')),
    );
    await expect(away(name())).rejects.toMatchObject({ message: expect.stringContaining('(no answer)') });
  });
});
