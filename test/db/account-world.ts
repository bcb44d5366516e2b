import { eq } from 'drizzle-orm';
import { newId } from '../../core/ids.ts';
import { auditLog } from '../../db/schema/audit-log.ts';
import { users } from '../../db/schema/users.ts';
import type { SignIn } from '../../domain/account.ts';
import type { Actor, UserActor } from '../../domain/actor.ts';
import type { Mail } from '../../domain/mail.ts';
import { defaultTenant } from '../../domain/tenant.ts';
import type { AccountContext } from '../../services/accounts.ts';
import { redeemMagicLink, requestMagicLink } from '../../services/magic-links.ts';
import { openMail } from '../../services/mail.ts';
import { system, type World } from './world.ts';

/** What a verb of accounts is called with. */
export function accountContext(world: World, actor: Actor = system): AccountContext {
  return { ...world.context(actor), accounts: world.accounts };
}

/** An address nobody else has. */
export function newEmail(): string {
  return `ada.${newId()}@example.test`;
}

/** The mail that was queued last, opened. */
export function lastMail(world: World): Mail {
  const job = world.queue.jobs.findLast(({ name }) => name === 'send-mail');
  return openMail(world.context(system), job?.payload as { id: string; sealed: string });
}

/** Asks for a link and reads its secret out of the mail. */
export async function newLink(world: World, email: string, tenant?: string): Promise<string> {
  await requestMagicLink(accountContext(world), { email, tenant });
  return /#magic-link=([\w-]{43})\n/.exec(lastMail(world).text)?.[1] ?? '';
}

/** Signs the owner of an address in by a link. */
export async function signInByLink(world: World, email = newEmail()): Promise<SignIn> {
  return redeemMagicLink(accountContext(world), { secret: await newLink(world, email) });
}

/** The user whom a sign-in is of. */
export function userOf({ userId }: SignIn): UserActor {
  return { kind: 'user', tenantId: defaultTenant.id, userId, roles: ['student'] };
}

/** Keeps a user from signing in. */
export async function disable(world: World, userId: string): Promise<void> {
  await world.admin.update(users).set({ disabledAt: world.clock.now() }).where(eq(users.id, userId));
}

/** What the audit log says about a user or a key, oldest first. */
export async function auditOf(world: World, id: string): Promise<string[]> {
  const rows = await world.admin.select().from(auditLog).orderBy(auditLog.at);
  return rows.filter(({ actorId, subjectId }) => actorId === id || subjectId === id).map(({ action }) => action);
}
