import { hash as bcrypt } from 'bcryptjs';
import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { identities } from '../../db/schema/identities.ts';
import { passwords } from '../../db/schema/passwords.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { setPassword, signInWithPassword } from '../../services/passwords.ts';
import { refreshSignIn } from '../../services/refresh-tokens.ts';
import { accountContext, auditOf, disable, newEmail, signInByLink, userOf } from './account-world.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const invalid = { code: 'unauthenticated', message: 'The e-mail address or the password is wrong' };
const password = 'correct horse battery staple';

describeOnBothDatabases('a password', (world) => {
  const signIn = (email: string, tried: string, tenant?: string) =>
    signInWithPassword(accountContext(world()), { email, password: tried, tenant });
  const hashOf = async (userId: string) =>
    (await world().admin.select().from(passwords).where(eq(passwords.userId, userId)))[0]?.hash;

  /** A user with an address and this password. */
  async function newUser() {
    const email = newEmail();
    const byLink = await signInByLink(world(), email);
    const signedIn = await setPassword(accountContext(world(), userOf(byLink)), { password });
    return { email, userId: byLink.userId, byLink, signedIn };
  }

  it('signs in, whatever the case of the address', async () => {
    const { email, userId } = await newUser();
    const signedIn = await signIn(email.toUpperCase(), password);
    expect(signedIn.userId).toBe(userId);
    await refreshSignIn(accountContext(world()), signedIn);
    expect(await auditOf(world(), userId)).toEqual(['user.create', 'sign-in', 'password.set', 'sign-in', 'sign-in']);
  });

  it('is stored as an argon2id hash, which stays when it is used', async () => {
    const { email, userId } = await newUser();
    const stored = await hashOf(userId);
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    await signIn(email, password);
    expect(await hashOf(userId)).toBe(stored);
  });

  it('of an older system signs in, and its hash is replaced', async () => {
    const { email, userId } = await newUser();
    const old = (await bcrypt('older', 4)).replace(/^\$2b/, '$2y');
    await world().admin.update(passwords).set({ hash: old }).where(eq(passwords.userId, userId));
    await expect(signIn(email, 'wrong')).rejects.toMatchObject(invalid);
    expect(await hashOf(userId)).toBe(old);
    await signIn(email, 'older');
    expect(await hashOf(userId)).toMatch(/^\$argon2id\$/);
    await signIn(email, 'older');
  });

  it('that is new ends every sign-in there was, and begins one', async () => {
    const { byLink, signedIn, email, userId } = await newUser();
    const refresh = (refreshToken: string) => refreshSignIn(accountContext(world()), { refreshToken });
    await expect(refresh(byLink.refreshToken)).rejects.toMatchObject({ code: 'unauthenticated' });
    await refresh(signedIn.refreshToken);
    await setPassword(accountContext(world(), userOf(byLink)), { password: 'another one' });
    await expect(signIn(email, password)).rejects.toMatchObject(invalid);
    expect((await signIn(email, 'another one')).userId).toBe(userId);
  });

  it('is refused in one way, whatever is wrong', async () => {
    const [{ email }, disabled, unproved, without] = [await newUser(), await newUser(), await newUser(), newEmail()];
    await signInByLink(world(), without);
    await disable(world(), disabled.userId);
    await world().admin.update(identities).set({ verifiedAt: null }).where(eq(identities.userId, unproved.userId));
    const tries: [string, string, string?][] = [
      [email, 'wrong'],
      [email, password, 'nobody'],
      [newEmail(), password],
      [without, password],
      [disabled.email, password],
      [unproved.email, password],
    ];
    for (const tried of tries) await expect(signIn(...tried), tried.join()).rejects.toMatchObject(invalid);
  });

  it('opens the account of one tenant alone', async () => {
    const { email } = await newUser();
    const tenantId = await world().newTenant();
    const [tenant] = await world().admin.select().from(tenants).where(eq(tenants.id, tenantId));
    await expect(signIn(email, password, tenant?.slug)).rejects.toMatchObject(invalid);
    expect((await signIn(email, password, defaultTenant.slug)).accessToken).toBeTruthy();
  });

  it('that is set while an older one is checked wins', async () => {
    for (let round = 0; round < 3; round++) {
      const { email, userId, byLink } = await newUser();
      const [signedIn, set] = await Promise.allSettled([
        signIn(email, password),
        setPassword(accountContext(world(), userOf(byLink)), { password: 'a newer one' }),
      ]);
      if (set.status === 'rejected') throw set.reason;
      if (signedIn.status === 'fulfilled') {
        // It came first, and ended with the other sign-ins.
        await expect(refreshSignIn(accountContext(world()), signedIn.value)).rejects.toMatchObject({
          code: 'unauthenticated',
        });
      }
      expect((await signIn(email, 'a newer one')).userId).toBe(userId);
    }
  });

  it('no longer opens what was changed between the look and the lock', async () => {
    const { email, userId } = await newUser();
    const { database } = world().services;
    let transactions = 0;
    const context = {
      ...accountContext(world()),
      database: {
        transaction: (async (scope, work) => {
          transactions += 1;
          if (transactions === 2) {
            await world().admin.update(passwords).set({ hash: 'changed' }).where(eq(passwords.userId, userId));
          }
          return database.transaction(scope, work);
        }) as typeof database.transaction,
      },
    };
    await expect(signInWithPassword(context, { email, password })).rejects.toMatchObject(invalid);
    expect(transactions).toBe(2);
  });

  it('is only for those who have proved an address', async () => {
    const user = await world().newUser();
    await expect(setPassword(accountContext(world(), user), { password })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('verified e-mail address'),
    });
    expect(await hashOf(user.userId)).toBeUndefined();
  });

  it('is neither set by a disabled user, nor by a key in their name, nor used by anyone but the door', async () => {
    const { userId, byLink } = await newUser();
    const user = userOf(byLink);
    const byKey = { ...user, scopes: ['profiles:write'] as const };
    await expect(setPassword(accountContext(world(), byKey), { password })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(
      signInWithPassword(accountContext(world(), user), { email: newEmail(), password }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    await disable(world(), userId);
    await expect(setPassword(accountContext(world(), user), { password: 'a new one' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
