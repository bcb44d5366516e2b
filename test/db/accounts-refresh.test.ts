import { and, eq, isNull } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newBearerSecret, secretHash } from '../../core/crypto/secrets.ts';
import { newId } from '../../core/ids.ts';
import { refreshTokens } from '../../db/schema/refresh-tokens.ts';
import { userRoles } from '../../db/schema/user-roles.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { refreshSignIn, signOut } from '../../services/refresh-tokens.ts';
import { accountContext, auditOf, disable, signInByLink, userOf } from './account-world.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const invalid = { code: 'unauthenticated', message: 'The refresh token is not valid any more: sign in again' };
const dayMs = 86_400_000;

describeOnBothDatabases('a refresh token', (world) => {
  const refresh = (refreshToken: string) => refreshSignIn(accountContext(world()), { refreshToken });
  const livingOf = (userId: string) =>
    world()
      .admin.select()
      .from(refreshTokens)
      .where(and(eq(refreshTokens.userId, userId), isNull(refreshTokens.usedAt), isNull(refreshTokens.revokedAt)));

  it('is traded for the next one and an access token, again and again', async () => {
    let signIn = await signInByLink(world());
    const seen = new Set([signIn.refreshToken]);
    for (let n = 0; n < 3; n++) {
      world().clock.advance(60_000);
      const next = await refresh(signIn.refreshToken);
      expect(next.userId).toBe(signIn.userId);
      expect(await world().accounts.accessTokens.verify(next.accessToken)).toMatchObject({ userId: next.userId });
      seen.add(next.refreshToken);
      signIn = next;
    }
    expect(seen.size).toBe(4);
    expect(await livingOf(signIn.userId)).toHaveLength(1);
  });

  it('is stored as a digest', async () => {
    const first = await signInByLink(world());
    const { refreshToken } = await refresh(first.refreshToken);
    const rows = await world().admin.select().from(refreshTokens).where(eq(refreshTokens.userId, first.userId));
    expect(rows.map((row) => row.secretHash).toSorted()).toEqual(
      [first.refreshToken, refreshToken].map(secretHash).toSorted(),
    );
    expect(new Set(rows.map((row) => row.familyId)).size).toBe(1);
    expect(JSON.stringify(rows)).not.toContain(refreshToken);
  });

  it('gives a client whose answer got lost the same next one, for ten seconds', async () => {
    const { refreshToken } = await signInByLink(world());
    const first = await refresh(refreshToken);
    world().clock.advance(10_000);
    const again = await refresh(refreshToken);
    expect(again).toMatchObject({
      refreshToken: first.refreshToken,
      refreshTokenExpiresAt: first.refreshTokenExpiresAt,
    });
    expect(await livingOf(first.userId)).toHaveLength(1);
    await refresh(again.refreshToken);
  });

  it('that comes many times at once gives all of them the one next', async () => {
    const { refreshToken, userId } = await signInByLink(world());
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)));
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
    expect(await livingOf(userId)).toHaveLength(1);
  });

  it('used again after that ends its whole family, and nothing else', async () => {
    const signIn = await signInByLink(world());
    const next = await refresh(signIn.refreshToken);
    world().clock.advance(10_001);
    await expect(refresh(signIn.refreshToken)).rejects.toMatchObject(invalid);
    await expect(refresh(next.refreshToken)).rejects.toMatchObject(invalid);
    expect(await livingOf(signIn.userId)).toEqual([]);
    // Coming once more is no news.
    await expect(refresh(signIn.refreshToken)).rejects.toMatchObject(invalid);
    const log = await auditOf(world(), signIn.userId);
    expect(log.filter((action) => action === 'refresh-token.reuse')).toHaveLength(1);
  });

  it('used again within ten seconds ends its family too, once the next one was used', async () => {
    const signIn = await signInByLink(world());
    const next = await refresh(signIn.refreshToken);
    const third = await refresh(next.refreshToken);
    await expect(refresh(signIn.refreshToken)).rejects.toMatchObject(invalid);
    await expect(refresh(third.refreshToken)).rejects.toMatchObject(invalid);
  });

  it('leaves other sign-ins of the user alone when its family ends', async () => {
    const email = 'two-families@example.test';
    const [stolen, other] = [await signInByLink(world(), email), await signInByLink(world(), email)];
    await refresh(stolen.refreshToken);
    world().clock.advance(20_000);
    await expect(refresh(stolen.refreshToken)).rejects.toMatchObject(invalid);
    await refresh(other.refreshToken);
  });

  it('of a stolen family has no successor, even one that is being made at that moment', async () => {
    for (let round = 0; round < 5; round++) {
      const first = await signInByLink(world());
      const second = await refresh(first.refreshToken);
      world().clock.advance(20_000);
      await Promise.allSettled([refresh(second.refreshToken), refresh(first.refreshToken)]);
      expect(await livingOf(first.userId)).toEqual([]);
    }
  });

  it('lives for 30 days from when it was made', async () => {
    const [one, other] = [await signInByLink(world()), await signInByLink(world())];
    world().clock.advance(30 * dayMs - 1);
    const next = await refresh(one.refreshToken);
    world().clock.advance(1);
    await expect(refresh(other.refreshToken)).rejects.toMatchObject(invalid);
    world().clock.advance(29 * dayMs);
    await refresh(next.refreshToken);
  });

  it('that we never made is refused', async () => {
    await expect(refresh(newBearerSecret())).rejects.toMatchObject(invalid);
  });

  it("brings the user's present roles", async () => {
    const { refreshToken, userId } = await signInByLink(world());
    const now = world().clock.now();
    await world()
      .admin.insert(userRoles)
      .values({ userId, tenantId: defaultTenant.id, role: 'teacher', grantedAt: now });
    const next = await refresh(refreshToken);
    const claims = await world().accounts.accessTokens.verify(next.accessToken);
    expect(claims?.roles.toSorted()).toEqual(['student', 'teacher']);
    await world().admin.delete(userRoles).where(eq(userRoles.userId, userId));
    const last = await refresh(next.refreshToken);
    expect(await world().accounts.accessTokens.verify(last.accessToken)).toMatchObject({ roles: [] });
  });

  it('of a disabled user is refused', async () => {
    const { refreshToken, userId } = await signInByLink(world());
    await disable(world(), userId);
    await expect(refresh(refreshToken)).rejects.toMatchObject(invalid);
  });

  it('of one sign-in has nothing to do with that of another', async () => {
    const [one, other] = [await signInByLink(world()), await signInByLink(world())];
    const rows = await world().admin.select().from(refreshTokens);
    const familyOf = (secret: string) => rows.find((row) => row.secretHash === secretHash(secret))?.familyId;
    expect(familyOf(one.refreshToken)).not.toBe(familyOf(other.refreshToken));
  });

  it('is for the door alone to trade', async () => {
    const signIn = await signInByLink(world());
    const asUser = accountContext(world(), userOf(signIn));
    await expect(refreshSignIn(asUser, signIn)).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describeOnBothDatabases('signing out', (world) => {
  const refresh = (refreshToken: string) => refreshSignIn(accountContext(world()), { refreshToken });

  it('ends the sign-in a token belongs to, whichever of its tokens that is', async () => {
    const email = 'leaves-one@example.test';
    const [one, other] = [await signInByLink(world(), email), await signInByLink(world(), email)];
    const next = await refresh(one.refreshToken);
    await signOut(world().context(userOf(one)), { refreshToken: one.refreshToken });
    await expect(refresh(next.refreshToken)).rejects.toMatchObject(invalid);
    await refresh(other.refreshToken);
    expect(await auditOf(world(), one.userId)).toContain('sign-out');
  });

  it('ends all of them without one', async () => {
    const email = 'leaves-all@example.test';
    const signIns = [await signInByLink(world(), email), await signInByLink(world(), email)];
    await signOut(world().context(userOf(signIns[0] as (typeof signIns)[0])), {});
    for (const { refreshToken } of signIns) await expect(refresh(refreshToken)).rejects.toMatchObject(invalid);
  });

  it("does nothing with somebody else's token, and does not say so", async () => {
    const [one, other] = [await signInByLink(world()), await signInByLink(world())];
    await signOut(world().context(userOf(one)), { refreshToken: other.refreshToken });
    await refresh(other.refreshToken);
    await refresh(one.refreshToken);
    expect(await auditOf(world(), one.userId)).not.toContain('sign-out');
  });

  it('is not for API keys, nor for agents', async () => {
    const user = await world().newUser();
    const byKey = { ...user, scopes: ['profiles:write'] as const };
    const agent = { ...user, kind: 'agent', sessionId: newId(), jobIdentity: 'a' } as const;
    for (const actor of [byKey, agent]) {
      await expect(signOut(world().context(actor), {})).rejects.toMatchObject({ code: 'forbidden' });
    }
  });
});
