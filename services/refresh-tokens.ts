import { and, eq, gt, inArray, isNull } from 'drizzle-orm';
import { secretHash } from '../core/crypto/secrets.ts';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { refreshTokens } from '../db/schema/refresh-tokens.ts';
import type { SignIn, SignOut } from '../domain/account.ts';
import { type AccountContext, type Grant, signInOf, signInRefused, storeToken } from './accounts.ts';
import { audit } from './audit.ts';
import type { CoreContext } from './context.ts';
import { type Account, lockAccount } from './identities.ts';
import { requirePermission } from './permissions.ts';
import { withActor, withService } from './with-actor.ts';

/**
 * Trades a refresh token for an access token with the user's present roles and the next refresh token. A token is good once:
 * when it comes again, somebody else has it too, and the whole sign-in ends. Only while the next token is unused, and for
 * `lifetimes.refreshRetryMs`, does it give the same next token once more, to a client whose answer got lost.
 * @throws AppError `unauthenticated` for a token that is unknown, used, expired or revoked, and for a disabled user.
 */
export async function refreshSignIn(
  context: AccountContext,
  { refreshToken }: { refreshToken: string },
): Promise<SignIn> {
  requirePermission(context.actor, 'accounts.sign-in');
  const grant = await withActor(context, (tx) => rotate(context, tx, refreshToken));
  if (!grant) throw signInRefused('The refresh token is not valid any more: sign in again');
  return signInOf(context, grant);
}

/**
 * Ends the sign-in that a refresh token of the user belongs to, or all of the user's without one. Access tokens are not
 * stored: those that are out live to their end.
 */
export async function signOut(context: CoreContext, { refreshToken }: SignOut): Promise<void> {
  const { tenantId, userId } = requirePermission(context.actor, 'accounts.sign-out');
  const now = context.clock();
  await withService(context, { tenantId }, async (tx) => {
    await lockAccount(tx, userId);
    const families =
      refreshToken === undefined
        ? eq(refreshTokens.userId, userId)
        : and(eq(refreshTokens.userId, userId), isOfFamily(tx, refreshToken));
    const revoked = await tx
      .update(refreshTokens)
      .set({ revokedAt: now })
      .where(and(families, isNull(refreshTokens.revokedAt)))
      .returning({ id: refreshTokens.id });
    if (revoked.length) await audit(tx, now, { tenantId, actor: { kind: 'user', id: userId }, action: 'sign-out' });
  });
}

/** Ends every sign-in of a user, whose account the transaction has locked. */
export async function revokeAll(tx: Transaction, { userId }: Account, now: Date): Promise<void> {
  await tx
    .update(refreshTokens)
    .set({ revokedAt: now })
    .where(and(eq(refreshTokens.userId, userId), isNull(refreshTokens.revokedAt)));
}

type StoredToken = typeof refreshTokens.$inferSelect;

async function rotate(context: AccountContext, tx: Transaction, secret: string): Promise<Grant | null> {
  const now = context.clock();
  const [known] = await tx.select({ userId: refreshTokens.userId }).from(refreshTokens).where(hasSecret(secret));
  if (!known) return null;
  const account = await lockAccount(tx, known.userId);
  if (!account) return null;
  const next = context.accounts.refreshSecrets.successorOf(secret);
  const [used] = await tx
    .update(refreshTokens)
    .set({ usedAt: now })
    .where(and(hasSecret(secret), isGood(now)))
    .returning({ familyId: refreshTokens.familyId });
  if (used) return storeToken(tx, account, { familyId: used.familyId, refreshToken: next, now });

  // The lock was waited for: this is what the token has become by now.
  const [token] = await tx.select().from(refreshTokens).where(hasSecret(secret));
  if (!token?.usedAt || token.revokedAt) return null;
  const [successor] = await tx
    .select({ expiresAt: refreshTokens.expiresAt })
    .from(refreshTokens)
    .where(and(hasSecret(next), isGood(now)));
  if (successor && now.getTime() - token.usedAt.getTime() <= lifetimes.refreshRetryMs) {
    return { account, refreshToken: next, refreshTokenExpiresAt: successor.expiresAt };
  }
  await endStolenFamily(tx, token, now);
  return null;
}

async function endStolenFamily(tx: Transaction, { tenantId, userId, familyId }: StoredToken, now: Date): Promise<void> {
  await tx
    .update(refreshTokens)
    .set({ revokedAt: now })
    .where(and(eq(refreshTokens.familyId, familyId), isNull(refreshTokens.revokedAt)));
  // Whoever it was, it may not have been the user.
  await audit(tx, now, {
    tenantId,
    actor: { kind: 'system', id: 'api' },
    action: 'refresh-token.reuse',
    subjectId: userId,
  });
}

function hasSecret(secret: string) {
  return eq(refreshTokens.secretHash, secretHash(secret));
}

function isGood(now: Date) {
  return and(isNull(refreshTokens.usedAt), isNull(refreshTokens.revokedAt), gt(refreshTokens.expiresAt, now));
}

function isOfFamily(tx: Transaction, secret: string) {
  const family = tx.select({ familyId: refreshTokens.familyId }).from(refreshTokens).where(hasSecret(secret));
  return inArray(refreshTokens.familyId, family);
}
