import { eq } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { Checkpoint } from '../domain/session.ts';
import type { Context, CoreContext } from './context.ts';
import { dispatchForLost } from './dispatches.ts';
import { cutLease, leaseEndOf, prolongLease } from './leases.ts';
import { requirePermission, requireSession } from './permissions.ts';
import { withActor } from './with-actor.ts';

/**
 * Keeps where a call is, for the job that goes on with it should this one be lost.
 * @throws AppError `conflict` when the job has lost the session, `not_found` for a session that isn't the agent's.
 */
export async function saveCheckpoint(
  context: CoreContext,
  { sessionId, checkpoint }: { sessionId: string; checkpoint: Checkpoint },
): Promise<void> {
  const holder = holderOf(context, sessionId);
  await withActor(context, async (tx) => {
    if (!(await leaseEndOf(tx, holder))) throw taken();
    await tx.update(sessions).set({ activeAgent: checkpoint.agent }).where(eq(sessions.id, sessionId));
  });
}

/**
 * A job begins to be listened to on a connection that ends when its process does; prolongs its lease.
 * @throws AppError `conflict` when the job has lost the session, `not_found` for a session that isn't the agent's.
 */
export async function connectJob(context: CoreContext, { sessionId }: { sessionId: string }): Promise<void> {
  const holder = holderOf(context, sessionId);
  if (!(await withActor(context, (tx) => prolongLease(tx, holder, context.clock())))) throw taken();
}

/**
 * The connection of a job has ended without its lease being given back. Unless the job is heard of in the next
 * `lifetimes.lostJobMs`, it is lost: its lease ends, and a person who is there gets another agent at once, however many
 * processes come to the same conclusion.
 * @param wait resolves after that time
 * @returns whether the job was lost, and this call the first to find that out.
 */
export async function loseJob(
  context: Context,
  { sessionId, wait }: { sessionId: string; wait: () => Promise<void> },
): Promise<boolean> {
  const holder = holderOf(context, sessionId);
  const endsAt = await withActor(context, (tx) => leaseEndOf(tx, holder));
  if (!endsAt) return false;
  await wait();
  const lost = await withActor(context, async (tx) => {
    // Locked like everywhere else: the session before its lease.
    const [session] = await tx.select().from(sessions).where(eq(sessions.id, sessionId)).for('no key update');
    return session && (await cutLease(tx, holder, endsAt, context.clock())) ? session : undefined;
  });
  if (!lost) return false;
  context.log.warn({ sessionId }, 'the job of a call was lost');
  await dispatchForLost(context, { ...lost, leaseExpiresAt: endsAt });
  return true;
}

function holderOf(context: CoreContext, sessionId: string) {
  const { jobIdentity } = requirePermission(context.actor, 'sessions.hold');
  requireSession(context.actor, sessionId);
  return { sessionId, holder: jobIdentity };
}

function taken(): AppError {
  return new AppError('conflict', 'The session belongs to another job now: end this one');
}
