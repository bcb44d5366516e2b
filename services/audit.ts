import { newId } from '../core/ids.ts';
import type { Transaction } from '../db/client.ts';
import { auditLog } from '../db/schema/audit-log.ts';

/** What is written down; never changed, for people search by it. */
export type AuditAction =
  | 'sign-in'
  | 'sign-out'
  | 'refresh-token.reuse'
  | 'password.set'
  | 'user.create'
  | 'user.erase'
  | 'user.export'
  | 'api-key.create'
  | 'api-key.revoke';

/** Something that somebody may have to answer for, in ids alone: the log outlives the people in it. */
export interface AuditEntry {
  tenantId: string;
  /** Who did it: a user's id, an API key's, or the name of the part of the service. */
  actor: { kind: 'user' | 'server' | 'system'; id: string };
  action: AuditAction;
  /** What it was done to, when that is not the actor. */
  subjectId?: string;
}

/** Writes an entry in the transaction of what it tells of, which must be the service's. */
export async function audit(
  tx: Transaction,
  at: Date,
  { tenantId, actor, action, subjectId }: AuditEntry,
): Promise<void> {
  const { kind: actorKind, id: actorId } = actor;
  await tx.insert(auditLog).values({ id: newId(), tenantId, at, actorKind, actorId, action, subjectId });
}
