import type { SupabaseAdminConfig } from '../core/config/accounts.ts';
import { AppError } from '../core/errors.ts';
import type { UserActor } from '../domain/actor.ts';
import type { CoreContext } from './context.ts';
import type { ExternalClaims } from './external-tokens.ts';
import { ensureUserId, findAccount, findTenantId, type OutsideName } from './identities.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

const requestTimeoutMs = 10_000;

/**
 * The user whom another issuer's token speaks for, made when they are first seen. Found by issuer and subject alone: an
 * address in the token is not looked at, so nobody takes over an account by claiming its address elsewhere.
 * @throws AppError `forbidden` for a disabled user, `internal` when the configured tenant doesn't exist.
 */
export async function actorOfExternalToken(
  context: CoreContext,
  { issuer, subject, tenant, roles }: ExternalClaims,
): Promise<UserActor> {
  requirePermission(context.actor, 'accounts.sign-in');
  return withActor(context, async (tx) => {
    const tenantId = await findTenantId(tx, tenant);
    if (tenantId === null) throw new AppError('internal', `OIDC_TENANT names no tenant: ${tenant}`);
    const name: OutsideName = { tenantId, provider: `oidc:${issuer}`, subject };
    const userId = await ensureUserId(context, tx, name, { now: context.clock(), verified: true });
    const account = await findAccount(tx, userId);
    if (!account) throw new AppError('forbidden', 'The user is disabled');
    return { kind: 'user', ...account, roles: roles ?? account.roles };
  });
}

/** Removes the account that a user of ours has with an issuer, as when they are erased. */
export type DeleteExternalUser = (name: { issuer: string; subject: string }) => Promise<boolean>;

/**
 * Deletes users of a Supabase project (https://supabase.com/docs/reference/javascript/auth-admin-deleteuser). Says false for
 * a user of another issuer, true once there is no such user.
 * @throws AppError `unavailable` when the project can't be reached or refuses.
 */
export function supabaseUserDeletion(
  { url, serviceKey }: SupabaseAdminConfig,
  request: typeof fetch = fetch,
): DeleteExternalUser {
  return async ({ issuer, subject }) => {
    const auth = `${url}/auth/v1`;
    if (issuer !== auth) return false;
    const status = await statusOf(
      request(`${auth}/admin/users/${encodeURIComponent(subject)}`, {
        method: 'DELETE',
        headers: { apikey: serviceKey, authorization: `Bearer ${serviceKey}` },
        signal: AbortSignal.timeout(requestTimeoutMs),
      }),
    );
    if (status === 200 || status === 204 || status === 404) return true;
    throw new AppError('unavailable', `Supabase did not delete the user (${status}): check SUPABASE_SERVICE_KEY`);
  };
}

async function statusOf(answer: Promise<Response>): Promise<number | string> {
  return answer.then(
    (response) => response.status,
    () => 'no answer',
  );
}
