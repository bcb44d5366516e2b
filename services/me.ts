import { asc, eq } from 'drizzle-orm';
import { identities } from '../db/schema/identities.ts';
import { tenants } from '../db/schema/tenants.ts';
import { users } from '../db/schema/users.ts';
import type { Me } from '../domain/me.ts';
import type { CoreContext } from './context.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { withActor } from './with-actor.ts';

/**
 * Who the actor is.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function getMe(context: CoreContext): Promise<Me> {
  const { userId, roles } = requirePermission(context.actor, 'me.read');
  const [[user], known] = await withActor(context, (tx) =>
    Promise.all([
      tx
        .select({ createdAt: users.createdAt, tenant: { id: tenants.id, slug: tenants.slug, name: tenants.name } })
        .from(users)
        .innerJoin(tenants, eq(tenants.id, users.tenantId))
        .where(eq(users.id, userId)),
      tx
        .select({ provider: identities.provider, verifiedAt: identities.verifiedAt })
        .from(identities)
        .where(eq(identities.userId, userId))
        .orderBy(asc(identities.createdAt), asc(identities.id)),
    ]),
  );
  if (!user) throw userNotFound();
  return {
    userId,
    tenant: user.tenant,
    roles: [...roles],
    identities: known.map(({ provider, verifiedAt }) => ({ provider, verified: verifiedAt !== null })),
    createdAt: user.createdAt.toISOString(),
  };
}
