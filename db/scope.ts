import type { Scope } from './client.ts';

/** PostgreSQL's name of each role. */
export const roleNames = { user: 'parley_user', service: 'parley_service' } as const;

/** What row-level security reads of a scope, as `app.tenant_id`, `app.user_id` and `app.session_id`; '' is nobody. */
export function settingsOf({
  tenantId,
  userId,
  sessionId,
}: Scope): Record<'tenantId' | 'userId' | 'sessionId', string> {
  return { tenantId: tenantId ?? '', userId: userId ?? '', sessionId: sessionId ?? '' };
}
