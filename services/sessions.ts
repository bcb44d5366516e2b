import { and, eq, isNull, lte, or } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import { type Claim, participantIdentityOf, type Renewal, type Session } from '../domain/session.ts';
import type { Context } from './context.ts';
import { requireActor, requireSession, sessionNotFound } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** A session with its lease and dispatch bookkeeping, as stored. */
export type StoredSession = typeof sessions.$inferSelect;

/**
 * Gives the session of the job's room to the job, for `lifetimes.leaseMs`. One live job per session: the same job may
 * claim again, another one may once the lease has run out or was released. Opens an ended session again.
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
      .set({ leaseHolder: jobIdentity, leaseUntil: leaseEnd(now), endedAt: null })
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
 * Gives the lease back, so that another job can claim the session at once; does nothing when the job no longer holds it.
 * @throws AppError `not_found` for a session that isn't the agent's.
 */
export async function releaseSession(context: Context, { sessionId }: { sessionId: string }): Promise<void> {
  const { userId, jobIdentity } = requireActor(context.actor, 'agent');
  requireSession(context.actor, sessionId);
  await withActor(context, (tx) =>
    tx
      .update(sessions)
      .set({ leaseHolder: null, leaseUntil: null })
      .where(heldBy(sessionId, userId, jobIdentity)),
  );
}

/** Whether a job holds the session at this time. */
export function hasLiveLease(session: StoredSession, now: Date): boolean {
  return session.leaseUntil !== null && session.leaseUntil > now;
}

/** What a dispatch carries to its job: the app's own keys and our modality. */
export function dispatchMetadataOf({ appMetadata, modality }: StoredSession): string {
  return JSON.stringify({ ...appMetadata, modality });
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
