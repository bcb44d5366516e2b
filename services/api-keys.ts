import { and, desc, eq, gt, isNull, or } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { apiKeys } from '../db/schema/api-keys.ts';
import { tenants } from '../db/schema/tenants.ts';
import type { ApiKey, CreatedApiKey, NewApiKey } from '../domain/api-key.ts';
import { newApiKeySecret } from './api-key-secrets.ts';
import { type AuditAction, audit } from './audit.ts';
import type { CoreContext } from './context.ts';
import { isBehind, type Page, type PageRequest, pageOf } from './pages.ts';
import { requirePermission } from './permissions.ts';
import { settingsOfTenant } from './tenants.ts';
import { withService } from './with-actor.ts';

type StoredKey = typeof apiKeys.$inferSelect;

/** The keys of the actor's tenant, the newest first, with those that are revoked or expired. */
export async function listApiKeys(
  context: CoreContext,
  { after, limit = sizes.itemsPerPage }: PageRequest,
): Promise<Page<ApiKey>> {
  const { tenantId } = requirePermission(context.actor, 'api-keys.read');
  const rows = await withService(context, { tenantId }, (tx) =>
    tx
      .select()
      .from(apiKeys)
      .where(and(eq(apiKeys.tenantId, tenantId), isBehind(apiKeys.createdAt, apiKeys.id, after)))
      .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
      .limit(limit + 1),
  );
  return pageOf(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }), apiKeyOf);
}

/**
 * Makes a key and gives its secret, which can't be had again.
 * @throws AppError `invalid_input` naming `expiresAt` when that is over, `conflict` when the tenant has as many keys as it may.
 */
export async function createApiKey(
  context: CoreContext,
  { name, scopes, expiresAt }: NewApiKey,
): Promise<CreatedApiKey> {
  const { tenantId, userId } = requirePermission(context.actor, 'api-keys.write');
  const now = context.clock();
  const expires = expiresAt === null ? null : new Date(expiresAt);
  if (expires && expires <= now) throw AppError.field('expiresAt', 'is over: choose a later time or null');
  const { secret, ...stored } = newApiKeySecret();
  const id = newId();
  return withService(context, { tenantId }, async (tx) => {
    await requireKeyAllowance(tx, tenantId, now);
    const inserting = tx
      .insert(apiKeys)
      .values({
        id,
        tenantId,
        name,
        ...stored,
        scopes: [...new Set(scopes)],
        createdBy: userId,
        createdAt: now,
        expiresAt: expires,
      })
      .returning();
    const [[row]] = await Promise.all([inserting, auditKey(tx, now, 'api-key.create', { tenantId, userId }, id)]);
    return { key: apiKeyOf(row as StoredKey), secret };
  });
}

/** Makes a key worthless at once. Revoking it again changes nothing. @throws AppError `not_found` for one of another tenant. */
export async function revokeApiKey(context: CoreContext, { apiKeyId }: { apiKeyId: string }): Promise<void> {
  const { tenantId, userId } = requirePermission(context.actor, 'api-keys.write');
  const now = context.clock();
  await withService(context, { tenantId }, async (tx) => {
    const [key] = await tx
      .select({ revokedAt: apiKeys.revokedAt })
      .from(apiKeys)
      .where(and(eq(apiKeys.id, apiKeyId), eq(apiKeys.tenantId, tenantId)))
      .for('update');
    if (!key) throw new AppError('not_found', 'There is no such API key');
    if (key.revokedAt) return;
    await Promise.all([
      tx.update(apiKeys).set({ revokedAt: now }).where(eq(apiKeys.id, apiKeyId)),
      auditKey(tx, now, 'api-key.revoke', { tenantId, userId }, apiKeyId),
    ]);
  });
}

async function requireKeyAllowance(tx: Transaction, tenantId: string, now: Date): Promise<void> {
  // Keys made at once wait for each other here, so that each is counted by the next.
  await tx.select({ id: tenants.id }).from(tenants).where(eq(tenants.id, tenantId)).for('no key update');
  const { limits } = await settingsOfTenant(tx, tenantId);
  if (limits.apiKeys === undefined) return;
  const isUsable = and(isNull(apiKeys.revokedAt), or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now)));
  const usable = await tx.$count(apiKeys, and(eq(apiKeys.tenantId, tenantId), isUsable));
  if (usable >= limits.apiKeys) {
    throw new AppError('conflict', `There are ${usable} API keys, which is all there may be: revoke one first`);
  }
}

function auditKey(
  tx: Transaction,
  at: Date,
  action: AuditAction,
  { tenantId, userId }: { tenantId: string; userId: string },
  subjectId: string,
): Promise<void> {
  return audit(tx, at, { tenantId, actor: { kind: 'user', id: userId }, action, subjectId });
}

function apiKeyOf({ id, name, prefix, scopes, createdAt, expiresAt, lastUsedAt, revokedAt }: StoredKey): ApiKey {
  return {
    id,
    name,
    prefix,
    scopes,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}
