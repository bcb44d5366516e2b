import { and, asc, eq, gt, inArray, isNull, lte, or } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import { type Claim, participantIdentityOf, type Renewal, type Session } from '../domain/session.ts';
import type { Context } from './context.ts';
import { requireActor, requireSession, sessionNotFound } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** Sessions LiveKit is asked about at once. */
const sessionsPerBatch = 100;

/** A session with its lease and dispatch bookkeeping, as stored. */
export type StoredSession = typeof sessions.$inferSelect;

/**
 * Gives the session of the job's room to the job, for `lifetimes.leaseMs`. One live job per session: the same job may
 * claim again, another one may once the lease has run out or was released. Opens an ended session again, and has the
 * watchdog look after it as soon as the lease is over.
 * @throws AppError `not_found` when the room is no session's, `conflict` while another job's lease lives.
 */
export async function claimSession(context: Context): Promise<Claim> {
  const { roomName, jobIdentity } = requireActor(context.actor, 'job');
  const now = context.clock();
  const ofRoom = eq(sessions.roomName, roomName);
  const isFree = or(isNull(sessions.leaseHolder), eq(sessions.leaseHolder, jobIdentity), lte(sessions.leaseUntil, now));

  const session = await withActor(context, async (tx) => {
    const [claimed] = await tx
      .update(sessions)
      .set({ leaseHolder: jobIdentity, leaseUntil: leaseEnd(now), endedAt: null, dispatchCheckAt: now })
      .where(and(ofRoom, isFree))
      .returning();
    if (claimed) return claimed;
    const [taken] = await tx.select({ id: sessions.id }).from(sessions).where(ofRoom);
    throw taken ? new AppError('conflict', 'Another job serves this session') : sessionNotFound();
  });

  return {
    session: sessionOf(session),
    participantIdentity: participantIdentityOf(session.userId),
    ...(await newSessionToken(context, { sessionId: session.id, userId: session.userId, jobIdentity })),
  };
}

/**
 * A job's heartbeat: prolongs its lease and gives it the next session token. A lease that has run out is still the
 * job's while nobody else took the session.
 * @throws AppError `conflict` when the job has lost the session, `not_found` for a session that isn't the agent's.
 */
export async function renewSession(context: Context, { sessionId }: { sessionId: string }): Promise<Renewal> {
  const { userId, jobIdentity } = requireActor(context.actor, 'agent');
  requireSession(context.actor, sessionId);
  const leaseUntil = leaseEnd(context.clock());
  const renewed = await withActor(context, (tx) =>
    tx
      .update(sessions)
      .set({ leaseUntil })
      .where(heldBy(sessionId, userId, jobIdentity))
      .returning({ id: sessions.id }),
  );
  if (!renewed.length) throw new AppError('conflict', 'The session belongs to another job now: end this one');
  return newSessionToken(context, { sessionId, userId, jobIdentity });
}

/**
 * Gives the lease back, so that another job can claim the session at once.
 * @returns the session as the job held it, or null when it no longer did.
 * @throws AppError `not_found` for a session that isn't the agent's.
 */
export async function releaseSession(
  context: Context,
  { sessionId }: { sessionId: string },
): Promise<StoredSession | null> {
  const { userId, jobIdentity } = requireActor(context.actor, 'agent');
  requireSession(context.actor, sessionId);
  const held = heldBy(sessionId, userId, jobIdentity);
  return withActor(context, async (tx) => {
    const [session] = await tx.select().from(sessions).where(held).for('no key update');
    if (!session) return null;
    await tx.update(sessions).set({ leaseHolder: null, leaseUntil: null }).where(held);
    return session;
  });
}

/**
 * Ends every open session that has neither a valid token nor a live lease nor a room: nobody can come back to it without
 * a new token, which opens it again. Twice, or in several processes at once, is the same as once.
 * @returns how many were ended.
 * @throws AppError `unavailable` when LiveKit or the database can't be asked; what was ended until then stays so.
 */
export async function endAbandonedSessions(
  context: Pick<Context, 'db' | 'rooms' | 'clock' | 'actor'>,
): Promise<number> {
  requireActor(context.actor, 'system');
  let ended = 0;
  let after: string | undefined;
  for (;;) {
    const batch = await nextUnheld(context, after);
    if (!batch.length) return ended;
    const existing = await context.rooms.existing(batch.map((session) => session.roomName));
    ended += await endUnheld(
      context,
      batch.filter((session) => !existing.has(session.roomName)).map((session) => session.id),
    );
    after = batch.at(-1)?.id;
  }
}

/** Condition: open, with neither a valid token nor a live lease. Where there is no room either, nobody can come. */
export function isUnheld(now: Date) {
  return and(isNull(sessions.endedAt), lte(sessions.tokenExpiresAt, now), isWithoutLease(now));
}

/** Condition: no job holds the session. */
export function isWithoutLease(now: Date) {
  return or(isNull(sessions.leaseUntil), lte(sessions.leaseUntil, now));
}

/** Whether a job holds the session at this time. */
export function hasLiveLease(session: StoredSession, now: Date): boolean {
  return session.leaseUntil !== null && session.leaseUntil > now;
}

/** What a dispatch carries to its job: the app's own keys and our modality. */
export function dispatchMetadataOf({ appMetadata, modality }: StoredSession): string {
  return JSON.stringify({ ...appMetadata, modality });
}

function nextUnheld(context: Pick<Context, 'db' | 'clock' | 'actor'>, after: string | undefined) {
  const isNext = after === undefined ? undefined : gt(sessions.id, after);
  return withActor(context, (tx) =>
    tx
      .select({ id: sessions.id, roomName: sessions.roomName })
      .from(sessions)
      .where(and(isUnheld(context.clock()), isNext))
      .orderBy(asc(sessions.id))
      .limit(sessionsPerBatch),
  );
}

/** A token or a claim that came while LiveKit was asked keeps its session open. */
async function endUnheld(context: Pick<Context, 'db' | 'clock' | 'actor'>, ids: string[]): Promise<number> {
  const now = context.clock();
  const ended = await withActor(context, (tx) =>
    tx
      .update(sessions)
      .set({ endedAt: now, leaseHolder: null, leaseUntil: null })
      .where(and(inArray(sessions.id, ids), isUnheld(now)))
      .returning({ id: sessions.id }),
  );
  return ended.length;
}

function sessionOf({ id, roomName, agentName, modality, createdAt, endedAt }: StoredSession): Session {
  return {
    id,
    roomName,
    agentName,
    modality,
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}

function heldBy(sessionId: string, userId: string, jobIdentity: string) {
  return and(eq(sessions.id, sessionId), eq(sessions.userId, userId), eq(sessions.leaseHolder, jobIdentity));
}

function leaseEnd(now: Date): Date {
  return new Date(now.getTime() + lifetimes.leaseMs);
}

async function newSessionToken(
  { sessionTokens }: Context,
  claims: Parameters<Context['sessionTokens']['sign']>[0],
): Promise<Renewal> {
  const { token, expiresAt } = await sessionTokens.sign(claims);
  return { sessionToken: token, expiresAt: expiresAt.toISOString() };
}
