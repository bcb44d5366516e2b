import { asc, eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { secretHash } from '../../core/crypto/secrets.ts';
import { newId } from '../../core/ids.ts';
import { apiKeys } from '../../db/schema/api-keys.ts';
import { auditLog } from '../../db/schema/audit-log.ts';
import { tenants } from '../../db/schema/tenants.ts';
import type { UserActor } from '../../domain/actor.ts';
import { newApiKeySchema } from '../../domain/api-key.ts';
import { createApiKey, listApiKeys, revokeApiKey } from '../../services/api-keys.ts';
import { describeOnBothDatabases } from './on-both-databases.ts';

const newKey = newApiKeySchema.parse({ name: 'booking server', scopes: ['rooms:join', 'rooms:join'] });

describeOnBothDatabases('API keys', (world) => {
  const newAdmin = async (): Promise<UserActor> => ({
    ...(await world().newUser(await world().newTenant())),
    roles: ['admin'],
  });
  const allow = (tenantId: string, count: number) =>
    world()
      .admin.update(tenants)
      .set({ settings: { limits: { apiKeys: count }, vendors: {}, retention: {} } })
      .where(eq(tenants.id, tenantId));

  it('show their secret once and store its digest', async () => {
    const admin = await newAdmin();
    const context = world().context(admin);
    const { key, secret } = await createApiKey(context, newKey);
    expect(secret.startsWith(key.prefix)).toBe(true);
    expect(key).toEqual({
      id: key.id,
      name: 'booking server',
      prefix: key.prefix,
      scopes: ['rooms:join'],
      createdAt: world().clock.now().toISOString(),
      expiresAt: null,
      lastUsedAt: null,
      revokedAt: null,
    });
    const [stored] = await world().admin.select().from(apiKeys).where(eq(apiKeys.id, key.id));
    expect(stored).toMatchObject({ secretHash: secretHash(secret), createdBy: admin.userId });
    expect(JSON.stringify(stored)).not.toContain(secret.slice(key.prefix.length));
    expect((await listApiKeys(context, {})).items).toEqual([key]);
  });

  it('are revoked at once, for good, and stay in the list', async () => {
    const context = world().context(await newAdmin());
    const { key } = await createApiKey(context, { ...newKey, expiresAt: '2099-01-01T00:00:00.000Z' });
    await revokeApiKey(context, { apiKeyId: key.id });
    const revokedAt = world().clock.now().toISOString();
    world().clock.advance(1_000);
    await revokeApiKey(context, { apiKeyId: key.id });
    expect((await listApiKeys(context, {})).items).toEqual([{ ...key, revokedAt }]);
  });

  it('leave a trace of who made and revoked them', async () => {
    const admin = await newAdmin();
    const { key } = await createApiKey(world().context(admin), newKey);
    world().clock.advance(1);
    await revokeApiKey(world().context(admin), { apiKeyId: key.id });
    await revokeApiKey(world().context(admin), { apiKeyId: key.id });
    const entries = await world()
      .admin.select({ action: auditLog.action, actorId: auditLog.actorId, subjectId: auditLog.subjectId })
      .from(auditLog)
      .where(eq(auditLog.tenantId, admin.tenantId))
      .orderBy(asc(auditLog.at));
    const by = { actorId: admin.userId, subjectId: key.id };
    expect(entries).toEqual([
      { action: 'api-key.create', ...by },
      { action: 'api-key.revoke', ...by },
    ]);
  });

  it('are no more than the tenant allows, those made together too; revoked and expired ones do not count', async () => {
    const admin = await newAdmin();
    const context = world().context(admin);
    await allow(admin.tenantId, 3);
    const soon = new Date(context.clock().getTime() + 1_000).toISOString();
    const expiring = await createApiKey(context, { ...newKey, expiresAt: soon });
    const revoked = await createApiKey(context, newKey);
    await revokeApiKey(context, { apiKeyId: revoked.key.id });
    world().clock.advance(1_000);
    expect(expiring.key.expiresAt).toBe(soon);

    const made = await Promise.allSettled(Array.from({ length: 5 }, () => createApiKey(context, newKey)));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    await expect(createApiKey(context, newKey)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('come a page at a time', async () => {
    const context = world().context(await newAdmin());
    for (const name of ['a', 'b', 'c']) {
      await createApiKey(context, { ...newKey, name });
      world().clock.advance(1);
    }
    const page = await listApiKeys(context, { limit: 2 });
    expect(page.items.map(({ name }) => name)).toEqual(['c', 'b']);
    expect(await listApiKeys(context, { limit: 2, after: page.next ?? undefined })).toMatchObject({
      items: [{ name: 'a' }],
      next: null,
    });
  });

  it('refuse an end that is over, by the field', async () => {
    const context = world().context(await newAdmin());
    const refused = createApiKey(context, { ...newKey, expiresAt: context.clock().toISOString() });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_input', faults: [{ field: 'expiresAt' }] });
  });

  it('of another tenant are not found, even by an admin', async () => {
    const { key } = await createApiKey(world().context(await newAdmin()), newKey);
    const other = world().context(await newAdmin());
    expect((await listApiKeys(other, {})).items).toEqual([]);
    await expect(revokeApiKey(other, { apiKeyId: key.id })).rejects.toMatchObject({ code: 'not_found' });
    await expect(revokeApiKey(other, { apiKeyId: newId() })).rejects.toMatchObject({ code: 'not_found' });
    const [stored] = await world().admin.select().from(apiKeys).where(eq(apiKeys.id, key.id));
    expect(stored?.revokedAt).toBeNull();
  });
});
