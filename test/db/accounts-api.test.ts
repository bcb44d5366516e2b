import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastMail, newEmail, signInByLink } from './account-world.ts';
import { type ApiWorld, openApiWorld } from './api-world.ts';

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
});
afterAll(() => api.close());

const profile = (token: string) => api.send('GET', '/api/v1/profiles/me', { token });
const post = (path: string, body: unknown, token?: string) => api.send('POST', `/api/v1/auth/${path}`, { body, token });

describe('an account, from the first link on', () => {
  it('is made, used, given a password and left', async () => {
    const email = newEmail();
    const asked = await post('magic-links', { email });
    expect(asked).toMatchObject({ status: 202, body: { expiresInSeconds: 900 } });
    const secret = /#magic-link=([\w-]+)/.exec(lastMail(api.world).text)?.[1];
    const redeemed = await post('magic-links/redeem', { secret });
    expect(redeemed.status).toBe(200);
    expect(redeemed.headers.get('cache-control')).toBe('no-store');
    const { userId, accessToken, refreshToken } = redeemed.body;
    expect(await profile(String(accessToken))).toMatchObject({ status: 200, body: { userId } });

    const refreshed = await post('refresh', { refreshToken });
    expect(refreshed).toMatchObject({ status: 200, body: { userId } });
    expect(refreshed.headers.get('cache-control')).toBe('no-store');

    const password = 'correct horse';
    const token = String(refreshed.body.accessToken);
    const set = await api.send('PUT', '/api/v1/me/password', { token, body: { password } });
    expect(set).toMatchObject({ status: 200, body: { userId } });
    expect(set.headers.get('cache-control')).toBe('no-store');
    expect(await post('refresh', { refreshToken: refreshed.body.refreshToken })).toMatchObject({ status: 401 });

    const signedIn = await post('password', { email, password });
    expect(signedIn).toMatchObject({ status: 200, body: { userId } });
    expect(signedIn.headers.get('cache-control')).toBe('no-store');
    const last = String(signedIn.body.accessToken);
    const gone = { refreshToken: signedIn.body.refreshToken };
    expect(await post('sign-out', gone, last)).toMatchObject({ status: 204, body: {} });
    expect(await post('refresh', gone)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    // What is signed lives to its end.
    expect(await profile(last)).toMatchObject({ status: 200 });
    api.world.clock.advance(900_000);
    expect(await profile(last)).toMatchObject({ status: 401 });
  });

  it('answers those we know and those we do not alike', async () => {
    const known = newEmail();
    await signInByLink(api.world, known);
    const comparable = async (path: string, body: object) => {
      const answer = await post(path, body);
      const { requestId: _requestId, ...rest } = answer.body;
      const headers = [...answer.headers].filter(([name]) => name !== 'x-request-id');
      return { status: answer.status, rest, headers };
    };
    for (const [path, body] of [
      ['magic-links', {}],
      ['password', { password: 'some password' }],
    ] as const) {
      const [ours, theirs] = [known, newEmail()].map((email) => comparable(path, { ...body, email }));
      expect(await ours, path).toEqual(await theirs);
    }
    expect(await comparable('magic-links', { email: known, tenant: 'nobody' })).toEqual(
      await comparable('magic-links', { email: known }),
    );
  });

  it.each<[string, string, object, string]>([
    ['magic-links', 'no address', { email: 'ada' }, 'email'],
    ['magic-links', 'a tenant that can not be', { email: 'a@example.test', tenant: 'A b' }, 'tenant'],
    ['magic-links/redeem', 'no secret of ours', { secret: 'short' }, 'secret'],
    ['password', 'a password of no length', { email: 'a@example.test', password: '' }, 'password'],
    ['password', 'a password without end', { email: 'a@example.test', password: 'x'.repeat(257) }, 'password'],
    ['refresh', 'no token of ours', { refreshToken: 'x' }, 'refreshToken'],
  ])('refuses at %s %s', async (path, _name, body, field) => {
    expect(await post(path, body)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });

  it.each(['short', 'x'.repeat(257)])('refuses %j as a new password', async (password) => {
    const { accessToken: token } = await signInByLink(api.world);
    expect(await api.send('PUT', '/api/v1/me/password', { token, body: { password } })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'password' }] },
    });
  });

  it('takes on no token that came with the sign-in', async () => {
    const attacker = await signInByLink(api.world);
    const email = newEmail();
    await post('magic-links', { email });
    const secret = /#magic-link=([\w-]+)/.exec(lastMail(api.world).text)?.[1];
    expect(await post('magic-links/redeem', { secret, refreshToken: attacker.refreshToken })).toMatchObject({
      status: 400,
    });
    const victim = await post('magic-links/redeem', { secret }, attacker.accessToken);
    expect(victim.status).toBe(200);
    expect(victim.body.userId).not.toBe(attacker.userId);
    expect(victim.body.refreshToken).not.toBe(attacker.refreshToken);
    const next = await post('refresh', { refreshToken: attacker.refreshToken });
    expect(next.body.userId).toBe(attacker.userId);
  });
});
