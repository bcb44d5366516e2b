import { and, eq, gt, isNull, or } from 'drizzle-orm';
import { secretHash } from '../core/crypto/secrets.ts';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { apiKeys } from '../db/schema/api-keys.ts';
import type { ServerActor, UserActor } from '../domain/actor.ts';
import type { Scope } from '../domain/api-key.ts';
import type { CoreContext } from './context.ts';
import { ensureUserId, findAccount, findUserId, type OutsideName } from './identities.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** A key's last use is written down no more often than this. */
const lastUsedGrainMs = 60_000;

/** Scopes that let a key bring in a user nobody has heard of. */
const introducingScopes: readonly Scope[] = ['rooms:join', 'profiles:write'];

/**
 * Who asks with an API key: the app's server itself, or, where it names one of its users, that user within the key's scopes.
 * A user is made when the server first names them.
 * @param appUser The app's own name for the user.
 * @returns null for a key that is unknown, expired or revoked.
 * @throws AppError `forbidden` for an unknown user that the key may not bring in, and for a disabled one.
 */
export async function actorOfApiKey(
  context: CoreContext,
  { secret, appUser }: { secret: string; appUser?: string },
): Promise<UserActor | ServerActor | null> {
  requirePermission(context.actor, 'accounts.sign-in');
  return withActor(context, async (tx) => {
    const key = await useKey(tx, secret, context.clock());
    if (!key) return null;
    const { id: apiKeyId, tenantId, scopes } = key;
    if (appUser === undefined) return { kind: 'server', tenantId, apiKeyId, scopes };
    const userId = await userIdOf(context, tx, key, { tenantId, provider: 'app', subject: appUser });
    const account = await findAccount(tx, userId);
    if (!account) throw new AppError('forbidden', 'The user that Parley-User names is disabled');
    return { kind: 'user', ...account, scopes };
  });
}

type StoredKey = typeof apiKeys.$inferSelect;

async function useKey(tx: Transaction, secret: string, now: Date): Promise<StoredKey | undefined> {
  const [key] = await tx
    .select()
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.secretHash, secretHash(secret)),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now)),
      ),
    );
  const lately = new Date(now.getTime() - lastUsedGrainMs);
  if (key && (key.lastUsedAt === null || key.lastUsedAt < lately)) {
    await tx.update(apiKeys).set({ lastUsedAt: now }).where(eq(apiKeys.id, key.id));
  }
  return key;
}

async function userIdOf(context: CoreContext, tx: Transaction, key: StoredKey, name: OutsideName): Promise<string> {
  if (key.scopes.some((scope) => introducingScopes.includes(scope))) {
    const by = { kind: 'server', id: key.id } as const;
    return ensureUserId(context, tx, name, { now: context.clock(), verified: false, by });
  }
  const known = await findUserId(context, tx, name);
  if (known === null) {
    const scopes = introducingScopes.join(', ');
    throw new AppError(
      'forbidden',
      `Parley-User names nobody known; to make a user the API key needs one of: ${scopes}`,
    );
  }
  return known;
}
