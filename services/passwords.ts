import { and, eq, isNotNull } from 'drizzle-orm';
import { hashPassword, isOutdatedHash, isPassword } from '../core/crypto/password-hashes.ts';
import { AppError } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { identities } from '../db/schema/identities.ts';
import { passwords } from '../db/schema/passwords.ts';
import { normalEmail, type PasswordSignIn, type SignIn } from '../domain/account.ts';
import { defaultTenant } from '../domain/tenant.ts';
import { type AccountContext, signInOf, signInRefused, startFamily } from './accounts.ts';
import { audit } from './audit.ts';
import { findTenantId, isNamed, lockAccount } from './identities.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { revokeAll } from './refresh-tokens.ts';
import { withActor, withService } from './with-actor.ts';

/**
 * Signs in with an address that was verified and a password. A hash made in an older way is replaced. Whatever is wrong, the
 * answer is the same, and an address without a password costs the work of one with one.
 * @throws AppError `unauthenticated` for a wrong address or password, and for a disabled user.
 */
export async function signInWithPassword(
  context: AccountContext,
  { email, password, tenant = defaultTenant.slug }: PasswordSignIn,
): Promise<SignIn> {
  requirePermission(context.actor, 'accounts.sign-in');
  const known = await withActor(context, (tx) => findPassword(context, tx, tenant, normalEmail(email)));
  const matches = await isPassword(known?.hash ?? null, password);
  if (!known || !matches) throw refused();

  const hash = isOutdatedHash(known.hash) ? await hashPassword(password) : known.hash;
  const grant = await withActor(context, async (tx) => {
    const account = await lockAccount(tx, known.userId);
    if (!account) return null;
    // It may have been set to another one while this one was checked.
    const [same] = await tx
      .update(passwords)
      .set({ hash })
      .where(and(eq(passwords.userId, known.userId), eq(passwords.hash, known.hash)))
      .returning({ userId: passwords.userId });
    return same ? startFamily(tx, account, context.clock()) : null;
  });
  if (!grant) throw refused();
  return signInOf(context, grant);
}

/**
 * Sets the user's password. Every sign-in there was ends, for the one who knew the old password may not be the user, and a
 * new one begins.
 * @throws AppError `conflict` for a user without a verified address, who could not sign in with it, `not_found` for one who
 * is disabled or gone.
 */
export async function setPassword(context: AccountContext, { password }: { password: string }): Promise<SignIn> {
  const { tenantId, userId } = requirePermission(context.actor, 'accounts.set-password');
  const hash = await hashPassword(password);
  const now = context.clock();
  const grant = await withService(context, { tenantId }, async (tx) => {
    const account = await lockAccount(tx, userId);
    if (!account) throw userNotFound();
    await requireVerifiedEmail(tx, userId);
    await tx
      .insert(passwords)
      .values({ userId, tenantId, hash, updatedAt: now })
      .onConflictDoUpdate({ target: passwords.userId, set: { hash, updatedAt: now } });
    await revokeAll(tx, account, now);
    await audit(tx, now, { tenantId, actor: { kind: 'user', id: userId }, action: 'password.set' });
    return startFamily(tx, account, now);
  });
  return signInOf(context, grant);
}

async function findPassword(context: AccountContext, tx: Transaction, tenant: string, subject: string) {
  const tenantId = await findTenantId(tx, tenant);
  if (tenantId === null) return undefined;
  const [known] = await tx
    .select({ userId: passwords.userId, hash: passwords.hash })
    .from(identities)
    .innerJoin(passwords, eq(passwords.userId, identities.userId))
    .where(and(isNamed(context, { tenantId, provider: 'email', subject }), isNotNull(identities.verifiedAt)));
  return known;
}

async function requireVerifiedEmail(tx: Transaction, userId: string): Promise<void> {
  const verified = await tx
    .select({ id: identities.id })
    .from(identities)
    .where(and(eq(identities.userId, userId), eq(identities.provider, 'email'), isNotNull(identities.verifiedAt)));
  if (!verified.length) {
    throw new AppError('conflict', 'A password needs a verified e-mail address: sign in by a magic link first');
  }
}

function refused(): AppError {
  return signInRefused('The e-mail address or the password is wrong');
}
