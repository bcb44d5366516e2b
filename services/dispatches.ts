import { and, asc, eq, inArray, isNull, lte, or, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import { sessions } from '../db/schema/sessions.ts';
import { participantIdentityOf } from '../domain/session.ts';
import type { Context } from './context.ts';
import { requireActor } from './permissions.ts';
import { dispatchMetadataOf, hasLiveLease, type StoredSession } from './sessions.ts';
import { withActor } from './with-actor.ts';

/** Sessions looked at in one round; the rest follow in the next one. */
const sessionsPerRound = 50;

/**
 * One round of the dispatch watchdog: LiveKit's open-source server dispatches once and never again, so whoever waits in
 * a room without an agent for `agentJoinTimeoutMs` gets a new dispatch here. Looks at sessions that have not ended and
 * whose check is due, unless a job's lease lives; ends those that have neither a room nor a valid token. Processes that
 * run it at once share the sessions out. One session's failure doesn't keep the others from their check.
 * @returns how many agents were dispatched.
 * @throws AppError `unavailable` when LiveKit or the database can't be asked; the sessions are due again later.
 */
export async function watchDispatches(context: Context): Promise<number> {
  requireActor(context.actor, 'system');
  const due = await takeDueSessions(context);
  if (!due.length) return 0;
  const existing = await context.rooms.existing(due.map((session) => session.roomName));
  const checks = await Promise.allSettled(
    due.map((session) =>
      existing.has(session.roomName) ? checkRoom(context, session) : endWithoutToken(context, session),
    ),
  );
  const failure = checks.find((check) => check.status === 'rejected');
  if (failure) throw failure.reason;
  return checks.filter((check) => check.status === 'fulfilled' && check.value).length;
}

/**
 * Dispatches an agent at once into a session's room that stands without one, as when a person comes back to it.
 * @throws AppError `unavailable` when LiveKit or the database can't be asked.
 */
export async function dispatchIfAgentless(context: Context, session: StoredSession): Promise<void> {
  requireActor(context.actor, 'user');
  if (hasLiveLease(session, context.clock())) return;
  const existing = await context.rooms.existing([session.roomName]);
  if (!existing.has(session.roomName)) return;
  const participants = await context.rooms.participants(session.roomName);
  if (!participants.some((participant) => participant.isAgent)) await dispatchAgent(context, session);
}

/**
 * Takes what is due, moving its next check on in the same transaction: locks last no longer than that, whatever LiveKit
 * does, and a process that dies on the way delays a check instead of losing it.
 */
function takeDueSessions(context: Context): Promise<StoredSession[]> {
  const now = context.clock();
  return withActor(context, async (tx) => {
    const due = await tx
      .select({ id: sessions.id })
      .from(sessions)
      .where(and(isNull(sessions.endedAt), lte(sessions.dispatchCheckAt, now), isWithoutLease(now)))
      .orderBy(asc(sessions.dispatchCheckAt))
      .limit(sessionsPerRound)
      .for('update', { skipLocked: true });
    if (!due.length) return [];
    const ids = due.map((session) => session.id);
    return tx
      .update(sessions)
      .set({ dispatchCheckAt: nextCheck(context, now) })
      .where(inArray(sessions.id, ids))
      .returning();
  });
}

async function checkRoom(context: Context, session: StoredSession): Promise<boolean> {
  const participants = await context.rooms.participants(session.roomName);
  if (participants.some((participant) => participant.isAgent)) return false;
  const identity = participantIdentityOf(session.userId);
  const person = participants.find((participant) => participant.identity === identity);
  if (!person) return false;
  const patienceEnds = nextCheck(context, person.joinedAt);
  if (patienceEnds <= context.clock()) {
    await dispatchAgent(context, session);
    return true;
  }
  await update(context, session, { dispatchCheckAt: patienceEnds });
  return false;
}

/** The room is gone. A token or a claim that came in the meantime keeps the session open. */
async function endWithoutToken(context: Context, session: StoredSession): Promise<boolean> {
  const now = context.clock();
  await withActor(context, (tx) =>
    tx
      .update(sessions)
      .set({ endedAt: now, leaseHolder: null, leaseUntil: null })
      .where(and(eq(sessions.id, session.id), lte(sessions.tokenExpiresAt, now), isWithoutLease(now))),
  );
  return false;
}

async function dispatchAgent(context: Context, session: StoredSession): Promise<void> {
  await context.rooms.dispatch(session.roomName, session.agentName, dispatchMetadataOf(session));
  await update(context, session, {
    dispatchCheckAt: nextCheck(context, context.clock()),
    dispatchAttempts: sql`${sessions.dispatchAttempts} + 1`,
  });
  context.log.info({ sessionId: session.id }, 'dispatched an agent into a room without one');
}

async function update(
  context: Context,
  session: StoredSession,
  values: PgUpdateSetSource<typeof sessions>,
): Promise<void> {
  await withActor(context, (tx) => tx.update(sessions).set(values).where(eq(sessions.id, session.id)));
}

function isWithoutLease(now: Date) {
  return or(isNull(sessions.leaseUntil), lte(sessions.leaseUntil, now));
}

function nextCheck({ settings }: Context, from: Date): Date {
  return new Date(from.getTime() + settings.agentJoinTimeoutMs);
}
