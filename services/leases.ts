import { and, eq, gt, inArray, lte, notExists, or } from 'drizzle-orm';
import { QueryBuilder } from 'drizzle-orm/pg-core';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { leases } from '../db/schema/leases.ts';
import { sessions } from '../db/schema/sessions.ts';

/** Whose lease it is to be. */
interface Holder {
  sessionId: string;
  holder: string;
}

/** Gives a session's lease to a job, unless another one's lives. @returns whether the job has it. */
export async function takeLease(
  tx: Transaction,
  session: typeof sessions.$inferSelect,
  holder: string,
  now: Date,
): Promise<boolean> {
  const { id: sessionId, tenantId, userId } = session;
  const lease = { holder, expiresAt: leaseEnd(now) };
  const taken = await tx
    .insert(leases)
    .values({ sessionId, tenantId, userId, ...lease })
    .onConflictDoUpdate({
      target: leases.sessionId,
      set: lease,
      setWhere: or(eq(leases.holder, holder), lte(leases.expiresAt, now)),
    })
    .returning({ sessionId: leases.sessionId });
  return taken.length > 0;
}

/** Prolongs a job's lease; one that has run out is still the job's while no other took it. @returns whether it was the job's. */
export async function prolongLease(tx: Transaction, holder: Holder, now: Date): Promise<boolean> {
  const prolonged = await tx
    .update(leases)
    .set({ expiresAt: leaseEnd(now) })
    .where(isHeldBy(holder))
    .returning({ sessionId: leases.sessionId });
  return prolonged.length > 0;
}

/** Gives a job's lease back. @returns when it would have run out, or null when it was not the job's. */
export async function dropLease(tx: Transaction, holder: Holder): Promise<Date | null> {
  const [dropped] = await tx.delete(leases).where(isHeldBy(holder)).returning({ expiresAt: leases.expiresAt });
  return dropped?.expiresAt ?? null;
}

/** Removes the leases of sessions that have ended. */
export async function dropLeasesOf(tx: Transaction, sessionIds: string[]): Promise<void> {
  await tx.delete(leases).where(inArray(leases.sessionId, sessionIds));
}

/** Whether a job holds the session at this time. */
export async function hasLiveLease(tx: Transaction, sessionId: string, now: Date): Promise<boolean> {
  const live = await tx
    .select({ sessionId: leases.sessionId })
    .from(leases)
    .where(and(eq(leases.sessionId, sessionId), gt(leases.expiresAt, now)));
  return live.length > 0;
}

/** Condition on `sessions`: no job holds it. */
export function isWithoutLease(now: Date) {
  const live = new QueryBuilder()
    .select({ sessionId: leases.sessionId })
    .from(leases)
    .where(and(eq(leases.sessionId, sessions.id), gt(leases.expiresAt, now)));
  return notExists(live);
}

function isHeldBy({ sessionId, holder }: Holder) {
  return and(eq(leases.sessionId, sessionId), eq(leases.holder, holder));
}

function leaseEnd(now: Date): Date {
  return new Date(now.getTime() + lifetimes.leaseMs);
}
