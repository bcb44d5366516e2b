import { and, asc, eq, inArray, isNull, lte, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import { AppError } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import { participantIdentityOf } from '../domain/session.ts';
import type { Context } from './context.ts';
import { hasLiveLease, isWithoutLease } from './leases.ts';
import { requirePermission } from './permissions.ts';
import { dispatchMetadataOf, isUnheld, type ReleasedSession, type StoredSession } from './sessions.ts';
import { withActor } from './with-actor.ts';

/** Sessions looked at in one round; the rest follow in the next one. */
const sessionsPerRound = 50;
/** How long a session that nobody can come to is left alone; a job ends it long before. */
const restMs = 600_000;

/**
 * One round of the dispatch watchdog: LiveKit's open-source server dispatches once and never again, so whoever waits in
 * a room without an agent for `agentJoinTimeoutMs` gets a new dispatch here. Looks at sessions that have not ended and
 * whose check is due, unless a job's lease lives; lets those rest that have neither a room nor a valid token. Processes
 * that run it at once share the sessions out. One session's failure doesn't keep the others from their check.
 * @returns how many agents were dispatched.
 * @throws AppError `unavailable` when LiveKit or the database can't be asked; the sessions are due again later.
 */
export async function watchDispatches(context: Context): Promise<number> {
  requirePermission(context.actor, 'dispatches.watch');
  const due = await takeDueSessions(context);
  if (!due.length) return 0;
  const existing = await context.rooms.existing(due.map((session) => session.roomName));
  const isStanding = ({ roomName }: StoredSession) => existing.has(roomName);
  const resting = letRest(
    context,
    due.filter((session) => !isStanding(session)),
  );
  const checks = await Promise.allSettled([
    resting,
    ...due.filter(isStanding).map((session) => checkRoom(context, session)),
  ]);
  const failure = checks.find((check) => check.status === 'rejected');
  if (failure) throw failure.reason;
  return checks.filter((check) => check.status === 'fulfilled' && check.value).length;
}

/**
 * Dispatches an agent at once into a session's room that stands without one, as when a person comes back to it. The
 * watchdog looks after the session from now on.
 * @throws AppError `unavailable` when LiveKit or the database can't be asked.
 */
export async function dispatchIfAgentless(context: Context, session: StoredSession): Promise<void> {
  requirePermission(context.actor, 'sessions.join');
  const now = context.clock();
  const isHeld = await withActor(context, async (tx) => {
    if (await hasLiveLease(tx, session.id, now)) return true;
    await tx
      .update(sessions)
      .set({ dispatchCheckAt: nextCheck(context, now) })
      .where(eq(sessions.id, session.id));
    return false;
  });
  if (isHeld) return;
  const existing = await context.rooms.existing([session.roomName]);
  if (!existing.has(session.roomName)) return;
  const participants = await context.rooms.participants(session.roomName);
  if (!participants.some((participant) => participant.isAgent)) await dispatchAgent(context, session);
}

/**
 * Dispatches an agent at once for a person who left and came back before the job of their call had given its lease back:
 * the token they came with could not. They are in the room, or on their way with a token from after the last heartbeat.
 * When LiveKit can't be asked it is left to the watchdog.
 * @param released the session as its job held it, from `releaseSession`
 */
export async function dispatchForReturning(context: Context, released: ReleasedSession): Promise<void> {
  const { jobIdentity } = requirePermission(context.actor, 'sessions.hold');
  try {
    const existing = await context.rooms.existing([released.roomName]);
    if (!existing.has(released.roomName)) return;
    // The job itself may still be on the list of the room it has just left.
    const others = (await context.rooms.participants(released.roomName)).filter(
      (participant) => participant.identity !== jobIdentity,
    );
    if (others.some((participant) => participant.isAgent)) return;
    const identity = participantIdentityOf(released.userId);
    const isThere = others.some((participant) => participant.identity === identity);
    if (isThere || isOnTheWay(context, released)) await dispatchAgent(context, released);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'unavailable') throw error;
    context.log.warn({ sessionId: released.id }, 'the room of a released session could not be looked at');
  }
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

/** Leaves those without a valid token alone for a while: without a room, nobody can come to them before a new one. */
async function letRest(context: Context, roomless: StoredSession[]): Promise<void> {
  const now = context.clock();
  const ids = roomless.filter((session) => session.tokenExpiresAt <= now).map((session) => session.id);
  if (!ids.length) return;
  await withActor(context, (tx) =>
    tx
      .update(sessions)
      .set({ dispatchCheckAt: new Date(now.getTime() + restMs) })
      // A token or a claim may have come in the meantime.
      .where(and(inArray(sessions.id, ids), isUnheld(now))),
  );
}

async function dispatchAgent(context: Context, session: StoredSession): Promise<void> {
  await context.rooms.dispatch(session.roomName, session.agentName, dispatchMetadataOf(context, session));
  await update(context, session, {
    dispatchCheckAt: nextCheck(context, context.clock()),
    dispatchAttempts: sql`${sessions.dispatchAttempts} + 1`,
  });
  context.log.info({ sessionId: session.id }, 'dispatched an agent into a room without one');
}

function isOnTheWay({ settings }: Context, { tokenExpiresAt, leaseExpiresAt }: ReleasedSession): boolean {
  const issuedAtMs = tokenExpiresAt.getTime() - settings.tokenTtlSeconds * 1_000;
  return issuedAtMs > leaseExpiresAt.getTime() - lifetimes.leaseMs;
}

async function update(
  context: Context,
  session: StoredSession,
  values: PgUpdateSetSource<typeof sessions>,
): Promise<void> {
  await withActor(context, (tx) => tx.update(sessions).set(values).where(eq(sessions.id, session.id)));
}

function nextCheck({ settings }: Context, from: Date): Date {
  return new Date(from.getTime() + settings.agentJoinTimeoutMs);
}
