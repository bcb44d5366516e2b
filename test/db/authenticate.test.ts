import { eq } from 'drizzle-orm';
import { decodeJwt, type JWTPayload, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ExternalIssuerConfig } from '../../core/config/accounts.ts';
import { newBearerSecret } from '../../core/crypto/secrets.ts';
import { newId } from '../../core/ids.ts';
import { apiKeys } from '../../db/schema/api-keys.ts';
import { identities } from '../../db/schema/identities.ts';
import type { Scope } from '../../domain/api-key.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { newApiKeySecret } from '../../services/api-key-secrets.ts';
import { actorOfExternalToken } from '../../services/external-identities.ts';
import { createExternalTokens } from '../../services/external-tokens.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';
import { auditOf, disable, newEmail, signInByLink } from './account-world.ts';
import { type ApiWorld, developmentToken, joinToken, openApiWorld } from './api-world.ts';
import { jwtSecret, settings } from './world.ts';

let api: ApiWorld;
let issuer: TokenIssuer;
beforeAll(async () => {
  [api, issuer] = await Promise.all([openApiWorld(), startTokenIssuer()]);
  trust({});
});
afterEach(() => {
  issuer.state.status = undefined;
  trust({});
});
afterAll(() => Promise.all([api.close(), issuer.close()]));

/** Makes the API trust the issuer, whose tokens name roles in `role`. */
function trust(more: Partial<ExternalIssuerConfig>): void {
  const config = { issuer: issuer.url, audience: 'authenticated', jwksUrl: `${issuer.url}/keys`, tenant: 'default' };
  const { clock } = api.world;
  api.world.accounts.externalTokens = createExternalTokens(
    [{ ...config, roleClaim: 'role', ...more }],
    clock.now,
    fetch,
  );
}

const profile = (token: string, headers: Record<string, string> = {}) =>
  api.send('GET', '/api/v1/profiles/me', { token, headers });

async function newKey(scopes: Scope[]): Promise<{ id: string; secret: string }> {
  const { secret, ...stored } = newApiKeySecret();
  const id = newId();
  const createdAt = api.world.clock.now();
  await api.world.admin
    .insert(apiKeys)
    .values({ id, tenantId: defaultTenant.id, name: 'a key', scopes, createdAt, ...stored });
  return { id, secret };
}

describe('an API key', () => {
  it('speaks for a user that its server names, within its scopes', async () => {
    const { secret } = await newKey(['rooms:join', 'profiles:read']);
    const ada = { 'parley-user': 'ada' };
    const answer = await profile(secret, ada);
    expect(answer).toMatchObject({ status: 200, body: { userId: expect.any(String) } });
    expect(await profile(secret, ada)).toMatchObject({ body: { userId: answer.body.userId } });
    expect(await api.send('POST', '/api/v1/token', { token: secret, headers: ada })).toMatchObject({ status: 201 });
    const write = { token: secret, headers: ada, body: { answer: 'x' } };
    expect(await api.send('PUT', '/api/v1/onboarding/steps/goal', write)).toMatchObject({ status: 403 });
    expect(await api.send('POST', '/api/v1/auth/sign-out', { ...write, body: {} })).toMatchObject({ status: 403 });
  });

  it('has no profile of its own', async () => {
    const { secret } = await newKey(['profiles:read']);
    expect(await profile(secret)).toMatchObject({ status: 403 });
  });

  it('that nobody has is refused', async () => {
    expect(await profile(newApiKeySecret().secret)).toMatchObject({ status: 401 });
    expect(await profile('pk_')).toMatchObject({ status: 401 });
  });

  it.each([
    ['blanks', 'ada lovelace'],
    ['nothing', ''],
    ['too much', 'a'.repeat(129)],
    ['what is not ASCII', 'ad\u00e4'],
  ])('is refused with %s in Parley-User', async (_name, user) => {
    const { secret } = await newKey(['rooms:join']);
    expect(await profile(secret, { 'parley-user': user })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'Parley-User' }] },
    });
  });

  it('alone may name a user', async () => {
    const { accessToken } = await signInByLink(api.world);
    const { sessionToken } = await api.newCall();
    for (const token of [accessToken, sessionToken, developmentToken, await issuer.sign(), 'x']) {
      expect(await profile(token, { 'parley-user': 'ada' })).toMatchObject({
        status: 400,
        body: { detail: expect.stringContaining('goes with an API key only') },
      });
    }
  });
});

describe('the token of another issuer', () => {
  it('makes its user once, known by issuer and subject alone', async () => {
    const email = newEmail();
    const ours = await signInByLink(api.world, email);
    const subject = newId();
    const answer = await profile(await issuer.sign({ claims: { sub: subject, email, email_verified: true } }));
    expect(answer.status).toBe(200);
    expect(answer.body.userId).not.toBe(ours.userId);
    expect(await profile(await issuer.sign({ claims: { sub: subject } }))).toMatchObject({ body: answer.body });
    const userId = String(answer.body.userId);
    const [identity] = await api.world.admin.select().from(identities).where(eq(identities.userId, userId));
    expect(identity?.provider).toBe(`oidc:${issuer.url}`);
    expect(await auditOf(api.world, userId)).toEqual(['user.create']);
  });

  it('brings the roles it names, and else the ones we know', async () => {
    const context = { ...api.world.context({ kind: 'system', name: 'test' }) };
    const claims = { issuer: issuer.url, subject: newId(), tenant: 'default' };
    const rolesWith = async (roles: ('teacher' | 'admin')[] | null) =>
      (await actorOfExternalToken(context, { ...claims, roles })).roles;
    expect(await rolesWith(null)).toEqual(['student']);
    expect(await rolesWith(['admin'])).toEqual(['admin']);
    expect(await rolesWith([])).toEqual([]);
    expect(await rolesWith(null)).toEqual(['student']);
  });

  it('does not help a user who is disabled', async () => {
    const token = await issuer.sign({ claims: { sub: newId() } });
    const { body } = await profile(token);
    await disable(api.world, String(body.userId));
    expect(await profile(token)).toMatchObject({ status: 403 });
  });

  it('waits while the issuer can not be asked, and is not called wrong', async () => {
    issuer.state.status = 500;
    expect(await profile(await issuer.sign())).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  });

  it('shows the operator alone that its tenant is not there', async () => {
    trust({ tenant: 'nobody' });
    const answer = await profile(await issuer.sign());
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(answer.body)).not.toContain('nobody');
  });

  it('is looked into by the door alone', async () => {
    const context = api.world.context(await api.world.newUser());
    const claims = { issuer: issuer.url, subject: 'x', tenant: 'default', roles: null };
    await expect(actorOfExternalToken(context, claims)).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('tokens of one kind', () => {
  const hmac = (claims: JWTPayload, secret: string, header: object = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', ...header })
      .setExpirationTime('10m')
      .sign(new TextEncoder().encode(secret));

  it('are not taken for another, whoever signed them', async () => {
    const { agent, sessionToken, roomName } = await api.newCall();
    const { accessToken, userId } = await signInByLink(api.world);
    const access = decodeJwt(accessToken);
    const session = decodeJwt(sessionToken);
    const join = decodeJwt(await joinToken(roomName));
    const external = { iss: issuer.url, aud: 'authenticated', sub: userId };
    const livekitSecret = settings.livekit.apiSecret;
    const typ = { typ: 'at+jwt' };
    const foreign: [string, string][] = [
      ['an access token by the LiveKit secret', await hmac(access, livekitSecret, typ)],
      ['an access token without its type', await hmac(access, jwtSecret)],
      [
        'an access token that calls itself a session token',
        await hmac({ ...access, aud: 'parley-session' }, jwtSecret, typ),
      ],
      [
        'an access token for two audiences',
        await hmac({ ...access, aud: ['parley-api', 'parley-session'] }, jwtSecret, typ),
      ],
      [
        'a session token that calls itself an access token',
        await hmac({ ...session, aud: 'parley-api' }, jwtSecret, typ),
      ],
      ['a session token by the LiveKit secret', await hmac(session, livekitSecret)],
      ['a join token by our secret', await hmac(join, jwtSecret)],
      ['a join token of our name', await hmac({ ...join, iss: 'parley' }, livekitSecret)],
      ['an external token by our secret', await hmac(external, jwtSecret)],
      ['an external token by the LiveKit secret', await hmac(external, livekitSecret)],
      ["our access claims by the issuer's key", await issuer.sign({ claims: { ...access, roles: ['admin'] } })],
      ["our session claims by the issuer's key", await issuer.sign({ claims: { ...agent, ...session } })],
      ['a refresh token', (await signInByLink(api.world)).refreshToken],
      ['a secret nobody made', newBearerSecret()],
    ];
    for (const [name, token] of foreign) expect((await profile(token)).status, name).toBe(401);
    for (const token of [accessToken, sessionToken, await issuer.sign()]) {
      expect((await profile(token)).status).toBe(200);
    }
  });

  it.each<[string, JWTPayload, number]>([
    ['of an agent', {}, 403],
    ['of a participant', { kind: 'standard' }, 401],
    ['of nobody', { sub: undefined }, 401],
    ['without a grant', { video: undefined }, 401],
    ['that joins no room', { video: { room: 'room-a' } }, 401],
    ['for any room', { video: { roomJoin: true } }, 401],
  ])('are join tokens: one %s', async (_name, claims, status) => {
    const whole = {
      iss: settings.livekit.apiKey,
      kind: 'agent',
      sub: 'agent-a',
      video: { roomJoin: true, room: 'room-a' },
    };
    const token = await hmac({ ...whole, ...claims }, settings.livekit.apiSecret);
    expect(await profile(token)).toMatchObject({ status });
  });

  it('other than bearer tokens are none', async () => {
    expect(await profile(developmentToken)).toMatchObject({ status: 200 });
    expect(await api.send('GET', '/api/v1/profiles/me')).toMatchObject({ status: 401 });
    for (const authorization of [
      developmentToken,
      `Basic ${developmentToken}`,
      'Bearer',
      `Bearer a ${developmentToken}`,
    ]) {
      const answer = await api.send('GET', '/api/v1/profiles/me', { headers: { authorization } });
      expect(answer, authorization).toMatchObject({
        status: 401,
        body: { detail: expect.stringContaining('Send a token') },
      });
    }
  });

  it('are known however the header spells and spaces its scheme', async () => {
    for (const scheme of ['Bearer ', 'bearer ', 'BEARER  ']) {
      const headers = { authorization: `${scheme}${developmentToken}` };
      expect(await api.send('GET', '/api/v1/profiles/me', { headers }), scheme).toMatchObject({ status: 200 });
    }
  });

  it('give no role that there is not', async () => {
    const user = await api.world.newUser();
    const { token } = await api.world.accounts.accessTokens.sign({ ...user, roles: ['student', 'root'] });
    expect(await profile(token)).toMatchObject({ status: 200 });
    const keys = await api.send('GET', '/api/v1/api-keys', { token });
    expect(keys.status).toBe(403);
  });

  it('say nothing of a user who is gone', async () => {
    const { token } = await api.world.accounts.accessTokens.sign({
      tenantId: defaultTenant.id,
      userId: newId(),
      roles: ['student'],
    });
    expect(await profile(token)).toMatchObject({ status: 404 });
  });

  it('are refused when they have ended, and once more after that', async () => {
    const { accessToken } = await signInByLink(api.world);
    api.world.clock.advance(900_000);
    for (let n = 0; n < 2; n++) expect(await profile(accessToken)).toMatchObject({ status: 401 });
  });
});
