import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { apiKeys } from '../../db/schema/api-keys.ts';
import { identities } from '../../db/schema/identities.ts';
import { users } from '../../db/schema/users.ts';
import type { Scope } from '../../domain/api-key.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import { actorOfApiKey } from '../../services/api-key-actors.ts';
import { newApiKeySecret } from '../../services/api-key-secrets.ts';
import { auditOf, disable } from './account-world.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';
import { system } from './world.ts';

const minuteMs = 60_000;

describeOnBothDatabases('an API key', (world) => {
  const actorOf = (secret: string, appUser?: string) => actorOfApiKey(world().context(system), { secret, appUser });

  async function newKey(more: { scopes?: Scope[]; tenantId?: string; expiresInMs?: number } = {}) {
    const { secret, ...stored } = newApiKeySecret();
    const [id, now] = [newId(), world().clock.now()];
    await world()
      .admin.insert(apiKeys)
      .values({
        id,
        tenantId: more.tenantId ?? defaultTenant.id,
        name: 'a key',
        scopes: more.scopes ?? ['rooms:join'],
        createdAt: now,
        expiresAt: more.expiresInMs === undefined ? null : new Date(now.getTime() + more.expiresInMs),
        ...stored,
      });
    return { id, secret };
  }
  const lastUseOf = async (id: string) =>
    (await world().admin.select().from(apiKeys).where(eq(apiKeys.id, id)))[0]?.lastUsedAt;

  it('has a secret that shows what it is, of which a digest and the beginning are kept', () => {
    const { secret, prefix, secretHash } = newApiKeySecret();
    expect(secret).toMatch(/^pk_[\w-]{43}$/);
    expect(prefix).toBe(secret.slice(0, 11));
    expect(secretHash).toMatch(/^[0-9a-f]{64}$/);
    expect(newApiKeySecret().secret).not.toBe(secret);
  });

  it('speaks for its server when it names nobody', async () => {
    const { id, secret } = await newKey({ scopes: ['sessions:read'] });
    expect(await actorOf(secret)).toEqual({
      kind: 'server',
      tenantId: defaultTenant.id,
      apiKeyId: id,
      scopes: ['sessions:read'],
    });
  });

  it("speaks for one of the app's users, who is made once", async () => {
    const { id, secret } = await newKey();
    const first = await actorOf(secret, 'ada@example.test');
    expect(first).toMatchObject({
      kind: 'user',
      tenantId: defaultTenant.id,
      roles: ['student'],
      scopes: ['rooms:join'],
    });
    expect(await actorOf(secret, 'ada@example.test')).toEqual(first);
    expect(await actorOf(secret, 'Ada@example.test')).not.toEqual(first);
    const userId = first?.kind === 'user' ? first.userId : '';
    const [identity] = await world().admin.select().from(identities).where(eq(identities.userId, userId));
    // The app's word for it is no proof.
    expect(identity).toMatchObject({ provider: 'app', verifiedAt: null });
    expect(JSON.stringify(identity)).not.toContain('ada@example.test');
    expect(await auditOf(world(), id)).toEqual(['user.create', 'user.create']);
  });

  it('makes one user of many first requests at once', async () => {
    const { secret } = await newKey();
    const actors = await Promise.all(Array.from({ length: 8 }, () => actorOf(secret, 'at-once')));
    expect(new Set(actors.map((actor) => actor?.kind === 'user' && actor.userId)).size).toBe(1);
  });

  it('that may neither join nor write makes no users, but speaks for those there are', async () => {
    const [reader, maker] = [await newKey({ scopes: ['profiles:read'] }), await newKey({ scopes: ['profiles:write'] })];
    const before = await world().admin.$count(users);
    await expect(actorOf(reader.secret, 'grace')).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('rooms:join, profiles:write'),
    });
    expect(await world().admin.$count(users)).toBe(before);
    const made = await actorOf(maker.secret, 'grace');
    expect(await actorOf(reader.secret, 'grace')).toEqual({ ...made, scopes: ['profiles:read'] });
  });

  it('knows the users of its own tenant alone', async () => {
    const [here, there] = [await newKey(), await newKey({ tenantId: await world().newTenant() })];
    const [ours, theirs] = [await actorOf(here.secret, 'same-name'), await actorOf(there.secret, 'same-name')];
    expect(ours).not.toMatchObject({ userId: theirs?.kind === 'user' && theirs.userId });
    expect(theirs).toMatchObject({ kind: 'user' });
    expect(theirs?.kind === 'user' && theirs.tenantId).not.toBe(defaultTenant.id);
  });

  it('does not speak for a disabled user', async () => {
    const { secret } = await newKey();
    const actor = await actorOf(secret, 'to-be-disabled');
    await disable(world(), actor?.kind === 'user' ? actor.userId : '');
    await expect(actorOf(secret, 'to-be-disabled')).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('is nobody when it is unknown, revoked or has expired', async () => {
    expect(await actorOf(newApiKeySecret().secret)).toBeNull();
    const revoked = await newKey();
    await world().admin.update(apiKeys).set({ revokedAt: world().clock.now() }).where(eq(apiKeys.id, revoked.id));
    expect(await actorOf(revoked.secret)).toBeNull();
    const brief = await newKey({ expiresInMs: minuteMs });
    world().clock.advance(minuteMs - 1);
    expect(await actorOf(brief.secret)).toMatchObject({ kind: 'server' });
    world().clock.advance(1);
    expect(await actorOf(brief.secret)).toBeNull();
  });

  it('writes its last use down once a minute', async () => {
    const { id, secret } = await newKey();
    expect(await lastUseOf(id)).toBeNull();
    await actorOf(secret);
    const first = world().clock.now();
    expect(await lastUseOf(id)).toEqual(first);
    world().clock.advance(minuteMs);
    await actorOf(secret);
    expect(await lastUseOf(id)).toEqual(first);
    world().clock.advance(1);
    await actorOf(secret);
    expect(await lastUseOf(id)).toEqual(world().clock.now());
  });

  it('is looked up by the door alone', async () => {
    const user = await world().newUser();
    await expect(actorOfApiKey(world().context(user), { secret: 'pk_x' })).rejects.toMatchObject({ code: 'forbidden' });
  });
});
