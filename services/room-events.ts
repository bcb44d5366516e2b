import { and, eq, gt, isNull } from 'drizzle-orm';
import { sessions } from '../db/schema/sessions.ts';
import { participantIdentityOf } from '../domain/session.ts';
import type { Context } from './context.ts';
import { loseJob } from './continuity.ts';
import { acceptedBy } from './dispatches.ts';
import { requirePermission } from './permissions.ts';
import type { StoredSession } from './sessions.ts';
import { withActor } from './with-actor.ts';

/** Somebody came to a room, or is gone from it. */
export interface RoomEvent {
  roomName: string;
  identity: string;
  change: 'joined' | 'left';
}

/**
 * Follows what a LiveKit server tells of a room, for what would be found later without: a person who came is looked after as soon
 * as their dispatch may be lost, and an agent that is gone while its person is there is lost, unless its job is heard of in
 * time. Told twice is as told once.
 * @param wait resolves when a job that has left its room has given its session back, or never will
 * @throws AppError `unavailable` when LiveKit or the database can't be asked.
 */
export async function followRoom(
  context: Context,
  { event: { roomName, identity, change }, wait }: { event: RoomEvent; wait: () => Promise<void> },
): Promise<void> {
  requirePermission(context.actor, 'dispatches.watch');
  const session = await openSessionOf(context, roomName);
  if (!session) return;
  const person = participantIdentityOf(session.userId);
  if (change === 'joined') {
    if (identity === person) await lookSoonAfter(context, session);
    return;
  }
  const isThere = (await context.rooms.participants(roomName)).some((participant) => participant.identity === person);
  if (!isThere) return;
  const { id: sessionId, tenantId, userId } = session;
  const job = { kind: 'agent', tenantId, userId, sessionId, jobIdentity: identity } as const;
  await loseJob({ ...context, actor: job }, { sessionId, wait });
}

async function openSessionOf(context: Context, roomName: string): Promise<StoredSession | undefined> {
  const isOpen = and(eq(sessions.roomName, roomName), isNull(sessions.endedAt));
  const [session] = await withActor(context, (tx) => tx.select().from(sessions).where(isOpen));
  return session;
}

async function lookSoonAfter(context: Context, { id }: StoredSession): Promise<void> {
  const dispatchCheckAt = acceptedBy(context.clock());
  const isLater = and(eq(sessions.id, id), gt(sessions.dispatchCheckAt, dispatchCheckAt));
  await withActor(context, (tx) => tx.update(sessions).set({ dispatchCheckAt }).where(isLater));
}
