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

/** Gives a job's lease back. */
export async function dropLease(tx: Transaction, holder: Holder): Promise<void> {
  await tx.delete(leases).where(isHeldBy(holder));
}

/** When a job's lease runs out, or null when it is not the job's. */
export async function leaseEndOf(tx: Transaction, holder: Holder): Promise<Date | null> {
  const [lease] = await tx.select({ expiresAt: leases.expiresAt }).from(leases).where(isHeldBy(holder));
  return lease?.expiresAt ?? null;
}

/** When the last lease of a session ran out or will; null when its last job has given it back. */
export async function lastLeaseEnd(tx: Transaction, sessionId: string): Promise<Date | null> {
  const [lease] = await tx.select({ expiresAt: leases.expiresAt }).from(leases).where(eq(leases.sessionId, sessionId));
  return lease?.expiresAt ?? null;
}

/** Ends a job's lease now, unless it was prolonged past `endsAt`. @returns whether this call has ended it. */
export async function cutLease(tx: Transaction, holder: Holder, endsAt: Date, now: Date): Promise<boolean> {
  const cut = await tx
    .update(leases)
    .set({ expiresAt: now })
    .where(and(isHeldBy(holder), gt(leases.expiresAt, now), lte(leases.expiresAt, endsAt)))
    .returning({ sessionId: leases.sessionId });
  return cut.length > 0;
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
