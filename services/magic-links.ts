import { and, eq, gt, isNull } from 'drizzle-orm';
import { newBearerSecret, secretHash } from '../core/crypto/secrets.ts';
import { AppError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { identities } from '../db/schema/identities.ts';
import { magicLinks } from '../db/schema/magic-links.ts';
import { passwords } from '../db/schema/passwords.ts';
import { type MagicLinkRequest, normalEmail, type SignIn } from '../domain/account.ts';
import { defaultTenant } from '../domain/tenant.ts';
import { type AccountContext, type Grant, signInOf, signInRefused, startFamily } from './accounts.ts';
import { open, seal } from './fields.ts';
import { type Account, ensureUserId, findTenantId, isNamed, lockAccount, type OutsideName } from './identities.ts';
import { queueMail } from './mail.ts';
import { requirePermission } from './permissions.ts';
import { revokeAll } from './refresh-tokens.ts';
import { withActor } from './with-actor.ts';

/**
 * Sends a link that signs the owner of an address in, good once and for `lifetimes.magicLinkMs`. Whether the address has an
 * account is not even looked up: the user is made when the link is first used. For a tenant there isn't nothing is sent.
 * @throws AppError `unavailable` when the service doesn't know where links should lead.
 */
export async function requestMagicLink(
  context: AccountContext,
  { email, tenant = defaultTenant.slug }: MagicLinkRequest,
): Promise<void> {
  requirePermission(context.actor, 'accounts.sign-in');
  const { publicUrl } = context.accounts;
  if (publicUrl === undefined)
    throw new AppError('unavailable', 'There are no magic links here: PUBLIC_URL is not set');
  const now = context.clock();
  const secret = newBearerSecret();
  const id = newId();
  const address = normalEmail(email);
  await withActor(context, async (tx) => {
    const tenantId = await findTenantId(tx, tenant);
    if (tenantId === null) return;
    await tx.insert(magicLinks).values({
      id,
      tenantId,
      secretHash: secretHash(secret),
      email: seal(context, magicLinks.email, id, address),
      emailIndex: context.cipher.index('email', address),
      createdAt: now,
      expiresAt: new Date(now.getTime() + lifetimes.magicLinkMs),
    });
    await queueMail(context, tx, { to: email, subject: 'Your sign-in link', text: textOf(linkOf(publicUrl, secret)) });
  });
}

/**
 * Signs the owner of a link's address in, and makes them a user the first time. Of two that come with one link, one gets in.
 * @throws AppError `unauthenticated` for a link that is unknown, used or expired, and for a disabled user.
 */
export async function redeemMagicLink(context: AccountContext, { secret }: { secret: string }): Promise<SignIn> {
  requirePermission(context.actor, 'accounts.sign-in');
  const grant = await withActor(context, (tx) => redeem(context, tx, secret));
  if (!grant) throw signInRefused('The link is not valid any more: ask for a new one');
  return signInOf(context, grant);
}

async function redeem(context: AccountContext, tx: Transaction, secret: string): Promise<Grant | null> {
  const now = context.clock();
  const [link] = await tx
    .update(magicLinks)
    .set({ usedAt: now })
    .where(and(eq(magicLinks.secretHash, secretHash(secret)), isNull(magicLinks.usedAt), gt(magicLinks.expiresAt, now)))
    .returning();
  if (!link) return null;
  const subject = open(context, magicLinks.email, link.id, link.email);
  const name: OutsideName = { tenantId: link.tenantId, provider: 'email', subject };
  const userId = await ensureUserId(context, tx, name, { now, verified: true });
  const account = await lockAccount(tx, userId);
  if (!account) return null;
  const proved = await tx
    .update(identities)
    .set({ verifiedAt: now })
    .where(and(isNamed(context, name), isNull(identities.verifiedAt)))
    .returning({ id: identities.id });
  if (proved.length) await dropUnprovenAccess(tx, account, now);
  return startFamily(tx, account, now);
}

/** Whoever wrote an address down without proof may have been somebody else: what they set up is not the owner's to inherit. */
async function dropUnprovenAccess(tx: Transaction, account: Account, now: Date): Promise<void> {
  await tx.delete(passwords).where(eq(passwords.userId, account.userId));
  await revokeAll(tx, account, now);
}

// Browsers keep a fragment to themselves: it reaches no server's log, and what fetches links in mail does not use it up.
function linkOf(publicUrl: string, secret: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/sign-in#magic-link=${secret}`;
}

function textOf(link: string): string {
  const minutes = lifetimes.magicLinkMs / 60_000;
  const ignore = 'If you did not ask for it, nothing has to be done.';
  return `Open this link to sign in. It works once, for ${minutes} minutes:\n\n${link}\n\n${ignore}\n`;
}
