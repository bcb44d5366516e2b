import { and, asc, gt, isNull, lte } from 'drizzle-orm';
import { pairings } from '../db/schema/pairings.ts';
import type { CoreContext } from './context.ts';
import { removeFromRoom } from './pairing-rooms.ts';
import { endLocked, isOver, lockPairing, type StoredPairing } from './pairings.ts';
import { requirePermission } from './permissions.ts';
import type { Rooms } from './rooms.ts';
import { withActor } from './with-actor.ts';

/** Pairings that are looked up at once. */
const pairingsPerBatch = 100;

/**
 * Ends every pairing that nobody was heard of in until its time; both ends are told, and taken out of the room. Twice, or in
 * several processes at once, is the same as once.
 * @returns how many were ended.
 */
export async function expirePairings(context: CoreContext & { rooms: Rooms }): Promise<number> {
  requirePermission(context.actor, 'pairings.expire');
  let ended = 0;
  let after: string | undefined;
  for (;;) {
    const batch = await nextDue(context, after);
    if (!batch.length) return ended;
    for (const { id } of batch) {
      const row = await endIfOver(context, id);
      if (!row) continue;
      ended += 1;
      await removeFromRoom(context, row, ['computer', 'phone']);
    }
    after = batch.at(-1)?.id;
  }
}

function nextDue(context: CoreContext, after: string | undefined) {
  const isNext = after === undefined ? undefined : gt(pairings.id, after);
  return withActor(context, (tx) =>
    tx
      .select({ id: pairings.id })
      .from(pairings)
      .where(and(isNull(pairings.endedAt), lte(pairings.expiresAt, context.clock()), isNext))
      .orderBy(asc(pairings.id))
      .limit(pairingsPerBatch),
  );
}

/** One of them may have been heard of or ended meanwhile. */
function endIfOver(context: CoreContext, id: string): Promise<StoredPairing | null> {
  return withActor(context, async (tx) => {
    const row = await lockPairing(tx, id);
    const isDue = row.endedAt === null && isOver(row, context.clock());
    return isDue ? endLocked(context, tx, id, 'expired') : null;
  });
}
