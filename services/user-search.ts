import { normalEmail } from '../domain/account.ts';
import { defaultTenant } from '../domain/tenant.ts';
import type { CoreContext } from './context.ts';
import { findTenantId, findUserId } from './identities.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/**
 * The user with this e-mail address, for an operator who is asked about somebody by it; null when there is none.
 * @param tenant Its slug; the default one when left out.
 */
export async function findUserByEmail(
  context: Pick<CoreContext, 'database' | 'cipher' | 'actor'>,
  { email, tenant = defaultTenant.slug }: { email: string; tenant?: string },
): Promise<string | null> {
  requirePermission(context.actor, 'users.find');
  return withActor(context, async (tx) => {
    const tenantId = await findTenantId(tx, tenant);
    return tenantId === null
      ? null
      : findUserId(context, tx, { tenantId, provider: 'email', subject: normalEmail(email) });
  });
}
