import { and, eq, inArray } from 'drizzle-orm';
import type { Transaction } from '../db/client.ts';
import { identities } from '../db/schema/identities.ts';
import { magicLinks } from '../db/schema/magic-links.ts';
import { users } from '../db/schema/users.ts';
import { personalTables } from '../db/tables.ts';
import { audit } from './audit.ts';
import type { CoreContext } from './context.ts';
import type { DeleteExternalUser } from './external-identities.ts';
import { open } from './fields.ts';
import { requirePermission } from './permissions.ts';
import { deleteQueuedJobs } from './queued-jobs.ts';
import { withActor } from './with-actor.ts';

/** Before the issuer in the provider of an identity. */
const issuerPrefix = 'oidc:';

type ErasureContext = Pick<CoreContext, 'database' | 'cipher' | 'cache' | 'clock' | 'actor'> & {
  /** Deletes accounts at their issuer; absent where we may delete none. */
  deleteExternalUser?: DeleteExternalUser;
};

/** What is gone, in numbers: of rows by table, of queued jobs, and of accounts with other issuers. */
export interface Erasure {
  rows: Record<string, number>;
  jobs: number;
  externalAccounts: number;
}

/**
 * Deletes everything there is about a user: rows of every table, links on their way to their addresses, queued jobs and
 * mail, what the cache holds, and their accounts elsewhere as far as we may. What stays is the audit log, which knows ids
 * alone, and says that it was done. Without such a user nothing is done and nothing counted.
 * @throws what `deleteExternalUser` throws: nothing of ours is deleted then, and it can be done again.
 */
export async function eraseUser(context: ErasureContext, { userId }: { userId: string }): Promise<Erasure> {
  const { name } = requirePermission(context.actor, 'users.erase');
  const nothing: Erasure = { rows: {}, jobs: 0, externalAccounts: 0 };
  const user = await findUser(context, userId);
  if (!user) return nothing;
  const { tenantId, names } = user;
  const externalAccounts = await deleteElsewhere(context, names);
  const addresses = names.filter(({ provider }) => provider === 'email').map(({ subject }) => subject);
  const work = async (tx: Transaction) => {
    // Locked, a user gets no more rows: whoever adds one waits, and then finds nobody it could belong to.
    const locked = await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update');
    if (!locked.length) return nothing;
    const rows = await countRows(tx, userId);
    const links = await deleteLinks(context, tx, tenantId, addresses);
    const jobs = await deleteQueuedJobs(context, tx, { userId, addresses });
    await tx.delete(users).where(eq(users.id, userId));
    const actor = { kind: 'system', id: name } as const;
    await audit(tx, context.clock(), { tenantId, actor, action: 'user.erase', subjectId: userId });
    return { rows: links ? { ...rows, magic_links: links } : rows, jobs, externalAccounts };
  };
  return context.cache.write({ tenantId, userId }, () => withActor(context, work));
}

interface Known {
  tenantId: string;
  /** How they are known outside. */
  names: { provider: string; subject: string }[];
}

async function findUser(context: ErasureContext, userId: string): Promise<Known | null> {
  return withActor(context, async (tx) => {
    const [user] = await tx.select({ tenantId: users.tenantId }).from(users).where(eq(users.id, userId));
    if (!user) return null;
    const rows = await tx.select().from(identities).where(eq(identities.userId, userId));
    const names = rows.map(({ id, provider, subject }) => ({
      provider,
      subject: open(context, identities.subject, id, subject),
    }));
    return { ...user, names };
  });
}

async function deleteElsewhere({ deleteExternalUser }: ErasureContext, names: Known['names']): Promise<number> {
  if (!deleteExternalUser) return 0;
  let deleted = 0;
  for (const { provider, subject } of names) {
    const issuer = provider.slice(issuerPrefix.length);
    if (provider.startsWith(issuerPrefix) && (await deleteExternalUser({ issuer, subject }))) deleted += 1;
  }
  return deleted;
}

/** What goes with the user's own row: every table refers to it so that the database deletes the rest. */
async function countRows(tx: Transaction, userId: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { table, name, owner } of personalTables) {
    const count = await tx.$count(table, eq(owner, userId));
    if (count) counts[name] = count;
  }
  return counts;
}

async function deleteLinks(
  { cipher }: ErasureContext,
  tx: Transaction,
  tenantId: string,
  addresses: string[],
): Promise<number> {
  const indexes = addresses.flatMap((address) => cipher.indexes('email', address));
  const links = await tx
    .delete(magicLinks)
    .where(and(eq(magicLinks.tenantId, tenantId), inArray(magicLinks.emailIndex, indexes)))
    .returning({ id: magicLinks.id });
  return links.length;
}
