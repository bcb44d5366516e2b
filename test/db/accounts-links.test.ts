import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newBearerSecret, secretHash } from '../../core/crypto/secrets.ts';
import { newId } from '../../core/ids.ts';
import { identities } from '../../db/schema/identities.ts';
import { magicLinks } from '../../db/schema/magic-links.ts';
import { tenants } from '../../db/schema/tenants.ts';
import { users } from '../../db/schema/users.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { redeemMagicLink, requestMagicLink } from '../../services/magic-links.ts';
import { openMail, sendMail } from '../../services/mail.ts';
import { setPassword, signInWithPassword } from '../../services/passwords.ts';
import { refreshSignIn } from '../../services/refresh-tokens.ts';
import {
  accountContext,
  auditOf,
  disable,
  lastMail,
  newEmail,
  newLink,
  signInByLink,
  userOf,
} from './account-world.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

const invalid = { code: 'unauthenticated', message: 'The link is not valid any more: ask for a new one' };

describeOnBothDatabases('a magic link', (world) => {
  const redeem = (secret: string) => redeemMagicLink(accountContext(world()), { secret });
  const request = (email: string, tenant?: string) => requestMagicLink(accountContext(world()), { email, tenant });
  const linksOf = (secret: string) =>
    world()
      .admin.select()
      .from(magicLinks)
      .where(eq(magicLinks.secretHash, secretHash(secret)));
  const identitiesOf = (userId: string) => world().admin.select().from(identities).where(eq(identities.userId, userId));

  it('comes by mail, to a page of the app, in its fragment', async () => {
    const email = newEmail();
    const secret = await newLink(world(), email);
    const mail = lastMail(world());
    expect(mail.to).toBe(email);
    expect(mail.text).toContain(`https://app.example.test/sign-in#magic-link=${secret}\n`);
    expect(mail.text).toContain('15 minutes');
  });

  it('makes the user of its address the first time, and finds them the next', async () => {
    const email = newEmail();
    const first = await signInByLink(world(), email);
    expect(await world().accounts.accessTokens.verify(first.accessToken)).toEqual({
      tenantId: defaultTenant.id,
      userId: first.userId,
      roles: ['student'],
    });
    expect(await signInByLink(world(), email.toUpperCase())).toMatchObject({ userId: first.userId });
    const [identity, ...others] = await identitiesOf(first.userId);
    expect(others).toEqual([]);
    expect(identity).toMatchObject({ provider: 'email', verifiedAt: world().clock.now() });
    expect(await auditOf(world(), first.userId)).toEqual(['user.create', 'sign-in', 'sign-in']);
  });

  it('proves an address that was written down without proof', async () => {
    const email = newEmail();
    const stranger = await signInByLink(world(), email);
    const { userId } = stranger;
    const password = 'of the stranger';
    const { refreshToken } = await setPassword(accountContext(world(), userOf(stranger)), { password });
    await world().admin.update(identities).set({ verifiedAt: null }).where(eq(identities.userId, userId));
    expect(await signInByLink(world(), email)).toMatchObject({ userId });
    expect((await identitiesOf(userId))[0]?.verifiedAt).toEqual(world().clock.now());
    // What was set up before the proof is gone.
    const context = accountContext(world());
    await expect(signInWithPassword(context, { email, password })).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(refreshSignIn(context, { refreshToken })).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('leaves neither secret nor address where they can be read', async () => {
    const email = newEmail();
    const secret = await newLink(world(), email);
    const { userId } = await redeem(secret);
    const stored = JSON.stringify([
      await world().admin.select().from(magicLinks),
      await identitiesOf(userId),
      world().queue.jobs,
    ]);
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(email);
    expect(stored).toContain(secretHash(secret));
  });

  it('works once', async () => {
    const secret = await newLink(world(), newEmail());
    await redeem(secret);
    await expect(redeem(secret)).rejects.toMatchObject(invalid);
  });

  it('lets one of many in that come with it at once', async () => {
    const secret = await newLink(world(), newEmail());
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => redeem(secret)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const { reason } of tries.filter((tried) => tried.status === 'rejected'))
      expect(reason).toMatchObject(invalid);
  });

  it('and another one for an unknown address, used at once, make one user', async () => {
    const email = newEmail();
    const secrets = [];
    for (let n = 0; n < 6; n++) secrets.push(await newLink(world(), email));
    const signIns = await Promise.all(secrets.map(redeem));
    expect(new Set(signIns.map(({ userId }) => userId)).size).toBe(1);
    expect(await identitiesOf(signIns[0]?.userId ?? '')).toHaveLength(1);
  });

  it('lives for 15 minutes', async () => {
    const email = newEmail();
    const [early, late] = [await newLink(world(), email), await newLink(world(), email)];
    world().clock.advance(899_999);
    await redeem(early);
    world().clock.advance(1);
    await expect(redeem(late)).rejects.toMatchObject(invalid);
  });

  it('that we never sent is refused, and so is one of somebody who is disabled', async () => {
    await expect(redeem(newBearerSecret())).rejects.toMatchObject(invalid);
    const email = newEmail();
    const { userId } = await signInByLink(world(), email);
    await disable(world(), userId);
    const secret = await newLink(world(), email);
    await expect(redeem(secret)).rejects.toMatchObject(invalid);
    // It is used up all the same.
    expect((await linksOf(secret))[0]?.usedAt).toEqual(world().clock.now());
  });

  it('is asked for with the same work and answer by those we know, those we do not and those who are disabled', async () => {
    const [known, disabled] = [newEmail(), newEmail()];
    await signInByLink(world(), known);
    await disable(world(), (await signInByLink(world(), disabled)).userId);
    for (const email of [known, disabled, newEmail()]) {
      const before = await world().admin.$count(users);
      expect(await request(email)).toBeUndefined();
      expect(lastMail(world()).to).toBe(email);
      expect(await world().admin.$count(users)).toBe(before);
    }
  });

  it('belongs to the tenant it was asked for', async () => {
    const email = newEmail();
    const tenantId = await world().newTenant();
    const [tenant] = await world().admin.select().from(tenants).where(eq(tenants.id, tenantId));
    const there = await redeem(await newLink(world(), email, tenant?.slug));
    const here = await redeem(await newLink(world(), email));
    expect(there.userId).not.toBe(here.userId);
    expect(await world().accounts.accessTokens.verify(there.accessToken)).toMatchObject({ tenantId });
  });

  it('is not sent for a tenant there is not, and nobody is told', async () => {
    const before = world().queue.jobs.length;
    expect(await request(newEmail(), 'nobody')).toBeUndefined();
    expect(world().queue.jobs).toHaveLength(before);
  });

  it('needs to know where to lead', async () => {
    const context = accountContext(world());
    const nowhere = { ...context, accounts: { ...context.accounts, publicUrl: undefined } };
    await expect(requestMagicLink(nowhere, { email: newEmail() })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('PUBLIC_URL'),
    });
  });

  it('is nothing a user may ask for in the name of the service', async () => {
    const user = userOf(await signInByLink(world()));
    await expect(requestMagicLink(accountContext(world(), user), { email: newEmail() })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(redeemMagicLink(accountContext(world(), user), { secret: 'x' })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});

describeOnBothDatabases('queued mail', (world) => {
  const queued = async () => {
    const email = newEmail();
    await requestMagicLink(accountContext(world()), { email });
    return { email, payload: world().queue.jobs.at(-1)?.payload as { id: string; sealed: string } };
  };

  it('is opened for the mailer, under its id', async () => {
    const { email, payload } = await queued();
    const sent: unknown[] = [];
    const mailer = { send: async (id: string, mail: { to: string }) => void sent.push([id, mail.to]) };
    await sendMail({ ...world().context(system), mailer }, payload);
    expect(sent).toEqual([[payload.id, email]]);
  });

  it('opens under its own id alone, and only when it is sealed', async () => {
    const { payload } = await queued();
    const context = world().context(system);
    expect(() => openMail(context, { ...payload, id: newId() })).toThrow('does not open');
    expect(() => openMail(context, { ...payload, sealed: '{}' })).toThrow('The queued message is not sealed');
  });

  it('is sent by the service alone', async () => {
    const { payload } = await queued();
    const mailer = { send: () => Promise.reject(new Error('unexpected mail')) };
    const user = await world().newUser();
    await expect(sendMail({ ...world().context(user), mailer }, payload)).rejects.toMatchObject({ code: 'forbidden' });
  });
});
