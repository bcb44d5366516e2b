import { and, asc, eq, gt, max } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { sessions } from '../db/schema/sessions.ts';
import { turns } from '../db/schema/turns.ts';
import type { StoredNewTurn, Turn } from '../domain/conversation.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { publishToPairing } from './pairing-events.ts';
import { requirePermission, requireSession, sessionNotFound } from './permissions.ts';
import type { StoredTurn } from './stored-rows.ts';
import { withActor } from './with-actor.ts';
import { writing } from './writing.ts';

/**
 * Adds a turn to the agent's session: at its `position`, so that turns which arrive out of order come out right, or else at
 * the end. The turn's id is the idempotency key: the same one again gives back what was stored the first time, with
 * `created: false`.
 * @throws AppError `conflict` when the id belongs to another session or the position to another turn, `not_found` for a
 * session that isn't the agent's.
 */
export async function appendTurn(
  context: CoreContext,
  { sessionId, turn }: { sessionId: string; turn: StoredNewTurn },
): Promise<{ turn: Turn; created: boolean }> {
  const { tenantId, userId } = requirePermission(context.actor, 'turns.append');
  requireSession(context.actor, sessionId);

  return writing(context, { tenantId, userId }, async (tx) => {
    // Appends to one session take turns at its row, so positions have no doubles.
    const locked = tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, sessionId)).for('no key update');
    const ofSession = eq(turns.sessionId, sessionId);
    const isSame = and(eq(turns.id, turn.id), ofSession);
    const last = tx
      .select({ position: max(turns.position) })
      .from(turns)
      .where(ofSession);
    if (!(await locked).length) throw sessionNotFound();
    const [[stored], [end]] = await Promise.all([tx.select().from(turns).where(isSame), last]);
    if (stored) return { turn: turnOf(context, stored), created: false };

    const [inserted] = await tx
      .insert(turns)
      .values({
        ...turn,
        tenantId,
        sessionId,
        userId,
        text: seal(context, turns.text, turn.id, turn.text),
        raw: seal(context, turns.raw, turn.id, turn.raw),
        position: turn.position ?? (end?.position ?? 0) + 1,
        saidAt: new Date(turn.saidAt),
      })
      .onConflictDoNothing()
      .returning();
    if (inserted) {
      const appended = turnOf(context, inserted);
      await publishToPairing(context, tx, sessionId, { type: 'turn', turn: appended });
      return { turn: appended, created: true };
    }
    throw turn.position === null
      ? new AppError('conflict', 'The turn id is taken: choose a new random one')
      : new AppError('conflict', `The turn id or position ${turn.position} is taken by another turn`);
  });
}

/**
 * The turns of a session in order, at most `limit` of those behind position `after`.
 * @throws AppError `not_found` for a session the actor may not see.
 */
export async function listTurns(
  context: CoreContext,
  { sessionId, after = 0, limit = sizes.turnsPerPage }: { sessionId: string; after?: number; limit?: number },
): Promise<Turn[]> {
  requirePermission(context.actor, 'turns.read');
  requireSession(context.actor, sessionId);

  return withActor(context, async (tx) => {
    const [[session], rows] = await Promise.all([
      tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, sessionId)),
      tx
        .select()
        .from(turns)
        .where(and(eq(turns.sessionId, sessionId), gt(turns.position, after)))
        .orderBy(asc(turns.position))
        .limit(limit),
    ]);
    if (!session) throw sessionNotFound();
    return rows.map((row) => turnOf(context, row));
  });
}

/** A stored turn as it is given out. */
export function turnOf(context: Pick<CoreContext, 'cipher'>, row: StoredTurn): Turn {
  const { id, position, speaker, agent, edits, interrupted, latency } = row;
  return {
    id,
    speaker,
    agent,
    text: open(context, turns.text, id, row.text),
    raw: open(context, turns.raw, id, row.raw),
    edits,
    interrupted,
    latency,
    saidAt: row.saidAt.toISOString(),
    position,
  };
}
