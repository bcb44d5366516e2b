import { and, asc, eq, gt, inArray, isNull, lte, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { sessions } from '../db/schema/sessions.ts';
import {
  type CallEnding,
  type Checkpoint,
  type Claim,
  participantIdentityOf,
  type Renewal,
  type Session,
} from '../domain/session.ts';
import type { Context, CoreContext } from './context.ts';
import { open } from './fields.ts';
import {
  cutLease,
  dropLease,
  dropLeasesOf,
  isWithoutLease,
  lastLeaseEnd,
  leaseEndOf,
  prolongLease,
  takeLease,
} from './leases.ts';
import { lexiconVersionOf } from './lexicon-rows.ts';
import { requirePermission, requireSession, sessionNotFound } from './permissions.ts';
import type { Rooms } from './rooms.ts';
import type { ShownSession } from './stored-rows.ts';
import { queueSummary } from './summaries.ts';
import { settingsOfTenant } from './tenants.ts';
import { withActor, withService } from './with-actor.ts';

/** Sessions LiveKit is asked about at once. */
const sessionsPerBatch = 100;

/** A session as stored. */
export type StoredSession = typeof sessions.$inferSelect;

/** A session whose job has just given its lease back. */
export type ReleasedSession = StoredSession & { /** When the lease would have run out. */ leaseExpiresAt: Date };

/**
 * Gives the session of the job's room to the job, for `lifetimes.leaseMs`. One live job per session: the same job may
 * claim again, another one may once the lease has run out or was released. Opens an ended session again, and has the
 * watchdog look after it as soon as the lease is over. Says where the call is to go on whose job was lost.
 * @throws AppError `not_found` when the room is no session's, `conflict` while another job's lease lives.
 */
export async function claimSession(context: Context): Promise<Claim> {
  const { roomName, jobIdentity } = requirePermission(context.actor, 'sessions.claim');
  const now = context.clock();
  const [session, { vendors }, resume] = await withActor(context, async (tx) => {
    const [claimed] = await tx
      .update(sessions)
      .set({
        endedAt: null,
        dispatchCheckAt: now,
        agentExpectedUntil: new Date(now.getTime() + context.settings.agentJoinTimeoutMs),
        version: sql`${sessions.version} + (${sessions.endedAt} is not null)::int`,
      })
      .where(eq(sessions.roomName, roomName))
      .returning();
    if (!claimed) throw sessionNotFound();
    const resume = await resumptionOf(tx, claimed, now);
    if (!(await takeLease(tx, claimed, jobIdentity, now))) {
      throw new AppError('conflict', 'Another job serves this session');
    }
    return [claimed, await settingsOfTenant(tx, claimed.tenantId), resume] as const;
  });
  const { id: sessionId, tenantId, userId } = session;
  await context.cache.forget({ tenantId, userId });
  return {
    session: sessionOf(context, session),
    participantIdentity: participantIdentityOf(userId),
    vendors,
    resume,
    ...(await newSessionToken(context, { sessionId, tenantId, userId, jobIdentity })),
  };
}

/**
 * A job's heartbeat: prolongs its lease, gives it the next session token and says which lexicon applies. A lease that has
 * run out is still the job's while nobody else took the session.
 * @throws AppError `conflict` when the job has lost the session, `not_found` for a session that isn't the agent's.
 */
export async function renewSession(context: Context, { sessionId }: { sessionId: string }): Promise<Renewal> {
  const { kind: _kind, ...claims } = requirePermission(context.actor, 'sessions.hold');
  requireSession(context.actor, sessionId);
  const holder = { sessionId, holder: claims.jobIdentity };
  const [isHeld, lexiconVersion] = await withActor(context, (tx) =>
    Promise.all([prolongLease(tx, holder, context.clock()), lexiconVersionOf(tx, claims.userId)]),
  );
  if (!isHeld) throw new AppError('conflict', 'The session belongs to another job now: end this one');
  return { ...(await newSessionToken(context, claims)), lexiconVersion: String(lexiconVersion) };
}

/**
 * Gives the lease back, so that another job can claim the session at once. A call that is not over goes on there as if this
 * job had been lost.
 * @returns the session as the job held it, or null when it no longer did.
 * @throws AppError `not_found` for a session that isn't the agent's.
 */
export async function releaseSession(
  context: CoreContext,
  { sessionId, ending }: { sessionId: string; ending: CallEnding },
): Promise<ReleasedSession | null> {
  const agent = requirePermission(context.actor, 'sessions.hold');
  requireSession(agent, sessionId);
  const holder = { sessionId, holder: agent.jobIdentity };
  // As the service, which alone may queue.
  return withService(context, agent, async (tx) => {
    // Locked like everywhere else: the session before its lease.
    const [session] = await tx.select().from(sessions).where(eq(sessions.id, sessionId)).for('no key update');
    const leaseExpiresAt = session && (await leaseEndOf(tx, holder));
    if (!leaseExpiresAt) return null;
    if (ending === 'person-left') {
      await dropLease(tx, holder);
      await tx.update(sessions).set({ activeAgent: null }).where(eq(sessions.id, sessionId));
      // It ends later, or never where the person comes back: what was said until here is known to their next call.
      await queueSummary(context, tx, session);
    } else {
      await cutLease(tx, holder, leaseExpiresAt, context.clock());
    }
    return { ...session, leaseExpiresAt };
  });
}

/**
 * Ends every open session that has neither a valid token nor a live lease nor a room: nobody can come back to it without
 * a new token, which opens it again. Twice, or in several processes at once, is the same as once.
 * @returns how many were ended.
 * @throws AppError `unavailable` when LiveKit or the database can't be asked; what was ended until then stays so.
 */
export async function endAbandonedSessions(context: CoreContext & { rooms: Rooms }): Promise<number> {
  requirePermission(context.actor, 'sessions.end-abandoned');
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

/** What a dispatch carries to its job: the app's own keys and our modality. */
export function dispatchMetadataOf(context: Pick<CoreContext, 'cipher'>, session: StoredSession): string {
  const appMetadata = open(context, sessions.appMetadata, session.id, session.appMetadata);
  return JSON.stringify({ ...(appMetadata === null ? {} : JSON.parse(appMetadata)), modality: session.modality });
}

/** A stored session as it is given out. */
export function sessionOf(context: Pick<CoreContext, 'cipher'>, row: ShownSession): Session {
  return {
    id: row.id,
    roomName: row.roomName,
    agentName: row.agentName,
    modality: row.modality,
    title: open(context, sessions.title, row.id, row.title),
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
    version: row.version,
  };
}

/** Where a call goes on whose last job did not give its lease back; undefined leases are of calls that have ended. */
async function resumptionOf(tx: Transaction, session: StoredSession, now: Date): Promise<Checkpoint | null> {
  const { id, activeAgent: agent } = session;
  const heldUntil = agent && (await lastLeaseEnd(tx, id));
  return heldUntil && now.getTime() - heldUntil.getTime() < lifetimes.resumeMs ? { agent } : null;
}

function nextUnheld(context: CoreContext, after: string | undefined) {
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
async function endUnheld(context: CoreContext, ids: string[]): Promise<number> {
  const now = context.clock();
  const ended = await withActor(context, async (tx) => {
    const rows = await tx
      .update(sessions)
      .set({ endedAt: now, version: sql`${sessions.version} + 1` })
      .where(and(inArray(sessions.id, ids), isUnheld(now)))
      .returning({ id: sessions.id, tenantId: sessions.tenantId, userId: sessions.userId });
    await dropLeasesOf(
      tx,
      rows.map(({ id }) => id),
    );
    for (const session of rows) await queueSummary(context, tx, session);
    return rows;
  });
  await Promise.all(ended.map((session) => context.cache.forget(session)));
  return ended.length;
}

async function newSessionToken(
  { sessionTokens }: Context,
  claims: Parameters<Context['sessionTokens']['sign']>[0],
): Promise<Pick<Renewal, 'sessionToken' | 'expiresAt'>> {
  const { token, expiresAt } = await sessionTokens.sign(claims);
  return { sessionToken: token, expiresAt: expiresAt.toISOString() };
}
