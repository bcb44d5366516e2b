import { and, asc, eq, gt, max } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import { turns } from '../db/schema/turns.ts';
import type { Turn } from '../domain/conversation.ts';
import type { Context } from './context.ts';
import { requireActor, requireSession, sessionNotFound } from './permissions.ts';
import { withActor } from './with-actor.ts';

/**
 * Adds a turn to the end of the agent's session. The turn's id is the idempotency key: the same one again gives back what
 * was stored the first time, with `created: false`.
 * @throws AppError `conflict` when the id belongs to another session, `not_found` for a session that isn't the agent's.
 */
export async function appendTurn(
  context: Context,
  { sessionId, turn }: { sessionId: string; turn: Omit<Turn, 'position'> },
): Promise<{ turn: Turn; created: boolean }> {
  const { userId } = requireActor(context.actor, 'agent');
  requireSession(context.actor, sessionId);

  return withActor(context, async (tx) => {
    // Appends to one session take turns at its row, so positions have neither holes nor doubles.
    const [session] = await tx
      .select({ id: sessions.id })
      .from(sessions)
      .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId)))
      .for('no key update');
    if (!session) throw sessionNotFound();

    const ofSession = eq(turns.sessionId, sessionId);
    const [stored] = await tx
      .select()
      .from(turns)
      .where(and(eq(turns.id, turn.id), ofSession));
    if (stored) return { turn: turnOf(stored), created: false };

    const [last] = await tx
      .select({ position: max(turns.position) })
      .from(turns)
      .where(ofSession);
    const [inserted] = await tx
      .insert(turns)
      .values({
        ...turn,
        sessionId,
        userId,
        position: (last?.position ?? 0) + 1,
        saidAt: new Date(turn.saidAt),
      })
      .onConflictDoNothing({ target: turns.id })
      .returning();
    if (!inserted) throw new AppError('conflict', 'The turn id is taken: choose a new random one');
    return { turn: turnOf(inserted), created: true };
  });
}

/**
 * The turns of a session in order, at most `limit` of those behind position `after`.
 * @throws AppError `not_found` for a session the actor may not see.
 */
export async function listTurns(
  context: Context,
  { sessionId, after = 0, limit = sizes.turnsPerPage }: { sessionId: string; after?: number; limit?: number },
): Promise<Turn[]> {
  const { userId } = requireActor(context.actor, 'user', 'agent');
  requireSession(context.actor, sessionId);

  return withActor(context, async (tx) => {
    const [session] = await tx
      .select({ id: sessions.id })
      .from(sessions)
      .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId)));
    if (!session) throw sessionNotFound();
    const rows = await tx
      .select()
      .from(turns)
      .where(and(eq(turns.sessionId, sessionId), eq(turns.userId, userId), gt(turns.position, after)))
      .orderBy(asc(turns.position))
      .limit(limit);
    return rows.map(turnOf);
  });
}

function turnOf(row: typeof turns.$inferSelect): Turn {
  const { sessionId: _sessionId, userId: _userId, saidAt, ...turn } = row;
  return { ...turn, saidAt: saidAt.toISOString() };
}
