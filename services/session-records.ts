import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { newRoomName } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { NewSession, Session, SessionChanges } from '../domain/session.ts';
import type { Context, CoreContext } from './context.ts';
import { seal } from './fields.ts';
import { dropLeasesOf } from './leases.ts';
import { defaultAgent, insertSession } from './new-sessions.ts';
import { isBehind, type Page, type PageRequest, pageOf } from './pages.ts';
import { requirePermission, requireSession, sessionNotFound } from './permissions.ts';
import { type StoredSession, sessionOf } from './sessions.ts';
import { queueSummary } from './summaries.ts';
import { type IfVersions, requireVersion } from './versions.ts';
import { withActor, withService } from './with-actor.ts';
import { writing } from './writing.ts';

/**
 * Makes a session of the user without a token; `issueToken` for its room gives one.
 * @throws AppError `invalid_input` naming `agentName` when there is no such agent, `conflict` when the user has as many open
 * sessions as the tenant allows.
 */
export async function createSession(context: Context, { agentName, modality, title }: NewSession): Promise<Session> {
  const owner = requirePermission(context.actor, 'sessions.write');
  const { agentNames } = context.settings;
  if (agentName !== undefined && !agentNames.includes(agentName)) {
    throw AppError.field('agentName', `is not one of: ${agentNames.join(', ')}`);
  }
  const draft = { roomName: newRoomName(), agentName: agentName ?? defaultAgent(agentNames), modality, title };
  const created = await withActor(context, (tx) => insertSession(context, tx, owner, draft));
  return sessionOf(context, created as StoredSession);
}

/** The actor's sessions, the newest first: an agent's is its own alone. */
export async function listSessions(
  context: CoreContext,
  {
    open,
    after,
    limit = sizes.itemsPerPage,
  }: PageRequest & { /** Only open ones, or only ended ones. */ open?: boolean },
): Promise<Page<Session>> {
  const { userId } = requirePermission(context.actor, 'sessions.read');
  const isOpen = open === undefined ? undefined : open ? isNull(sessions.endedAt) : isNotNull(sessions.endedAt);
  const rows = await withActor(context, (tx) =>
    tx
      .select()
      .from(sessions)
      .where(and(eq(sessions.userId, userId), isOpen, isBehind(sessions.createdAt, sessions.id, after)))
      .orderBy(desc(sessions.createdAt), desc(sessions.id))
      .limit(limit + 1),
  );
  return pageOf(
    rows,
    limit,
    ({ createdAt, id }) => ({ at: createdAt, id }),
    (row) => sessionOf(context, row),
  );
}

/** One session. @throws AppError `not_found` for one the actor may not see. */
export async function getSession(context: CoreContext, { sessionId }: { sessionId: string }): Promise<Session> {
  requirePermission(context.actor, 'sessions.read');
  requireSession(context.actor, sessionId);
  const [row] = await withActor(context, (tx) => tx.select().from(sessions).where(eq(sessions.id, sessionId)));
  if (!row) throw sessionNotFound();
  return sessionOf(context, row);
}

/**
 * Changes the fields that are given.
 * @throws AppError `precondition_failed` when the session has another version by now, `not_found` for one that isn't the
 * user's.
 */
export async function updateSession(
  context: CoreContext,
  { sessionId, changes, ifVersions }: { sessionId: string; changes: SessionChanges } & IfVersions,
): Promise<Session> {
  const owner = requirePermission(context.actor, 'sessions.write');
  const { title } = changes;
  return writing(context, owner, async (tx) => {
    const { version } = await lockSession(tx, sessionId, owner);
    requireVersion(version, ifVersions);
    const [row] = await tx
      .update(sessions)
      .set({
        ...(title === undefined ? {} : { title: seal(context, sessions.title, sessionId, title) }),
        version: sql`${sessions.version} + 1`,
      })
      .where(eq(sessions.id, sessionId))
      .returning();
    return sessionOf(context, row as StoredSession);
  });
}

/**
 * Ends a session; its agent loses the lease and leaves. Ending it again changes nothing. A token for its room, or an agent
 * that claims it, opens it again.
 * @throws AppError `not_found` for a session that isn't the user's.
 */
export async function endSession(context: CoreContext, { sessionId }: { sessionId: string }): Promise<Session> {
  const owner = requirePermission(context.actor, 'sessions.write');
  // As the service, which alone may queue.
  const end = async (tx: Transaction) => {
    const before = await lockSession(tx, sessionId, owner);
    if (before.endedAt) return sessionOf(context, before);
    const [[row]] = await Promise.all([
      tx
        .update(sessions)
        .set({ endedAt: context.clock(), version: sql`${sessions.version} + 1` })
        .where(eq(sessions.id, sessionId))
        .returning(),
      dropLeasesOf(tx, [sessionId]),
      queueSummary(context, tx, before),
    ]);
    return sessionOf(context, row as StoredSession);
  };
  return context.cache.write(owner, () => withService(context, owner, end));
}

async function lockSession(tx: Transaction, sessionId: string, { userId }: { userId: string }): Promise<StoredSession> {
  const isOwn = and(eq(sessions.id, sessionId), eq(sessions.userId, userId));
  const [session] = await tx.select().from(sessions).where(isOwn).for('no key update');
  if (!session) throw sessionNotFound();
  return session;
}
