import { and, asc, eq, inArray, isNull, lte, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import { AppError } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import { participantIdentityOf } from '../domain/session.ts';
import type { Context } from './context.ts';
import { hasLiveLease, isWithoutLease } from './leases.ts';
import { requirePermission, sessionNotFound } from './permissions.ts';
import { dispatchMetadataOf, isUnheld, type ReleasedSession, type StoredSession } from './sessions.ts';
import { withActor } from './with-actor.ts';

/** Sessions looked at in one round; the rest follow in the next one. */
const sessionsPerRound = 50;
/** How long a session that nobody can come to is left alone; a job ends it long before. */
const restMs = 600_000;

/**
 * One round of the dispatch watchdog: LiveKit's open-source server dispatches once and never again, so whoever waits in
 * a room for which no worker has taken on a job in `lifetimes.dispatchAcceptMs`, or whose job has brought no agent in
 * `agentJoinTimeoutMs`, gets a new dispatch here. Looks at sessions that have not ended and
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
 * Notes that a worker has taken on the job of a room: its agent has `agentJoinTimeoutMs` from now before another one is dispatched.
 * @throws AppError `not_found` when the room is no session's.
 */
export async function acceptDispatch(context: Context): Promise<void> {
  const { roomName } = requirePermission(context.actor, 'sessions.claim');
  const agentExpectedUntil = nextCheck(context, context.clock());
  const accepted = await withActor(context, (tx) =>
    tx
      .update(sessions)
      .set({ agentExpectedUntil })
      .where(eq(sessions.roomName, roomName))
      .returning({ id: sessions.id }),
  );
  if (!accepted.length) throw sessionNotFound();
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
      .set({ dispatchCheckAt: acceptedBy(now) })
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
 * Dispatches an agent at once for a person whose job has given its lease back: one whose call goes on with another job, or who
 * left and came back before that, so that the token they came with could not. They are in the room, or on their way with a token from after the last heartbeat.
 * When LiveKit can't be asked it is left to the watchdog.
 * @param released the session as its job held it, from `releaseSession`
 */
export async function dispatchForReturning(context: Context, released: ReleasedSession): Promise<void> {
  const { jobIdentity } = requirePermission(context.actor, 'sessions.hold');
  await dispatchAfter(context, released, jobIdentity);
}

/**
 * Dispatches an agent at once for a person whose job was lost, and takes what is left of that job out of the room. When
 * LiveKit can't be asked it is left to the watchdog, and so is the next one after a job that was dispatched anew and lost as
 * soon as it had come: where every job of a call dies of the same thing, one comes in `agentJoinTimeoutMs`.
 * @param lost the session as its job held it
 */
export async function dispatchForLost(context: Context, lost: ReleasedSession): Promise<void> {
  const { jobIdentity } = requirePermission(context.actor, 'sessions.hold');
  const { agentExpectedUntil, dispatchAttempts } = lost;
  const hasJustCome = agentExpectedUntil !== null && context.clock() < agentExpectedUntil;
  if (dispatchAttempts === 0 || !hasJustCome) await dispatchAfter(context, lost, jobIdentity);
  // Its connection to the room may outlive it by half a minute, and it may itself: nobody is to hear two agents.
  await context.rooms
    .removeParticipant(lost.roomName, jobIdentity)
    .catch(() => context.log.warn({ sessionId: lost.id }, 'a lost job could not be taken out of its room'));
}

async function dispatchAfter(context: Context, released: ReleasedSession, jobIdentity: string): Promise<void> {
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
  const acceptEnds = acceptedBy(person.joinedAt);
  const { agentExpectedUntil } = session;
  const patienceEnds = agentExpectedUntil && agentExpectedUntil > acceptEnds ? agentExpectedUntil : acceptEnds;
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
    dispatchCheckAt: acceptedBy(context.clock()),
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

/** When a dispatch that was made at a moment has been taken on by a worker, or never arrives. */
export function acceptedBy(dispatchedAt: Date): Date {
  return new Date(dispatchedAt.getTime() + lifetimes.dispatchAcceptMs);
}

function nextCheck({ settings }: Context, from: Date): Date {
  return new Date(from.getTime() + settings.agentJoinTimeoutMs);
}
