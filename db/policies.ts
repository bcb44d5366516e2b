import { type SQL, sql } from 'drizzle-orm';
import { type PgColumn, pgPolicy, pgRole } from 'drizzle-orm/pg-core';

/** Role of verbs that act for one person: sees that person's rows. Migrations make it; it can't log in and owns nothing. */
export const userRole = pgRole('parley_user').existing();

/** Role of verbs of the service itself: sees a tenant's rows, or all of them where the verb says so. */
export const serviceRole = pgRole('parley_service').existing();

/** `app.tenant_id` of a verb that works across tenants. */
export const allTenants = '*';

// Each is a subselect, so that PostgreSQL evaluates it once a query. A setting made for a transaction is '' after it.
const tenantSetting = sql`(select nullif(nullif(current_setting('app.tenant_id', true), ''), '*')::uuid)`;
const anyTenant = sql`(select current_setting('app.tenant_id', true) = '*')`;
const userSetting = sql`(select nullif(current_setting('app.user_id', true), '')::uuid)`;
const sessionSetting = sql`(select nullif(current_setting('app.session_id', true), '')::uuid)`;

/** Columns by which rows of a table belong to somebody. */
interface Owners {
  tenantId: PgColumn;
  userId: PgColumn;
  /** For rows of one session: an agent sees those of its own alone. */
  sessionId?: PgColumn;
}

/** Policies of a table whose rows belong to a person: the person sees their own, the service those of its tenant. */
export function personalRows(owners: Owners) {
  return [pgPolicy('own_rows', { to: userRole, using: isOwn(owners), withCheck: isOwn(owners) }), tenantRows(owners)];
}

/** Policies of a table that a person may read as far as it is their tenant's, and the service alone may write. */
export function sharedRows(owners: Pick<Owners, 'tenantId'>) {
  const using = sql`${owners.tenantId} = ${tenantSetting}`;
  return [pgPolicy('tenant_rows', { for: 'select', to: userRole, using }), tenantRows(owners)];
}

/** Policies of a table that the service alone may see. */
export function serviceRows(owners: Pick<Owners, 'tenantId'>) {
  return [tenantRows(owners)];
}

function tenantRows({ tenantId }: Pick<Owners, 'tenantId'>) {
  const using = sql`${anyTenant} or ${tenantId} = ${tenantSetting}`;
  return pgPolicy('service_rows', { to: serviceRole, using, withCheck: using });
}

function isOwn({ tenantId, userId, sessionId }: Owners): SQL {
  const own = sql`${tenantId} = ${tenantSetting} and ${userId} = ${userSetting}`;
  return sessionId ? sql`${own} and coalesce(${sessionId} = ${sessionSetting}, true)` : own;
}
