import { and, eq, inArray, isNotNull } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { pairings } from '../db/schema/pairings.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { Pairing, PairingTokenRequest } from '../domain/pairing.ts';
import type { TokenResponse } from '../domain/token.ts';
import type { Context, CoreContext } from './context.ts';
import { appendEvent } from './pairing-events.ts';
import { endLocked, isLive, isOver, lockLivePairing, lockPairing, pairingOf, type StoredPairing } from './pairings.ts';
import { requirePermission } from './permissions.ts';
import type { StoredSession } from './sessions.ts';
import { issueToken } from './tokens.ts';
import { withActor } from './with-actor.ts';

/** One end of a pairing; a phone says which one it is. */
export type PairingPlace = { pairingId: string } & PairingTokenRequest;

/**
 * An end connects: the other one is told, and the pairing lives on. One that has ended is given back as it is, so that its
 * last events can be read.
 * @throws AppError `not_found` for a pairing that isn't the user's, `conflict` for a phone that another one has taken over from.
 */
export async function enterPairing(context: CoreContext, place: PairingPlace): Promise<Pairing> {
  requirePermission(context.actor, 'pairings.write');
  const row = await withActor(context, async (tx) => {
    const pairing = await lockPairing(tx, place.pairingId);
    requireCurrentPhone(pairing, place);
    if (pairing.endedAt) return pairing;
    if (isOver(pairing, context.clock())) return endLocked(context, tx, pairing.id, 'expired');
    await appendEvent(context, tx, eq(pairings.id, pairing.id), { type: `${place.end}-connected` });
    await prolong(context, tx, pairing.id);
    return lockPairing(tx, pairing.id);
  });
  return pairingOf(context, row);
}

/** An end is gone: the other one is told. The pairing lives on for as long as it may without being heard of. */
export async function leavePairing(
  context: CoreContext,
  { pairingId, end }: Pick<PairingPlace, 'pairingId' | 'end'>,
): Promise<void> {
  requirePermission(context.actor, 'pairings.write');
  await withActor(context, async (tx) => {
    await appendEvent(context, tx, eq(pairings.id, pairingId), { type: `${end}-disconnected` });
    await prolong(context, tx, pairingId);
  });
}

/** An end that stays connected is heard of: the pairing lives on. */
export async function keepPairing(context: CoreContext, { pairingId }: { pairingId: string }): Promise<void> {
  requirePermission(context.actor, 'pairings.write');
  await withActor(context, (tx) => prolong(context, tx, pairingId));
}

/**
 * The sequence of the newest event of each pairing, of those that there are.
 * @param input.ids whosever they are: the service asks for the sockets it serves
 */
export async function watchPairings(
  context: CoreContext,
  { ids }: { ids: readonly string[] },
): Promise<Map<string, number>> {
  requirePermission(context.actor, 'pairings.watch');
  const rows = await withActor(context, (tx) =>
    tx
      .select({ id: pairings.id, lastSequence: pairings.lastSequence })
      .from(pairings)
      .where(inArray(pairings.id, [...ids])),
  );
  return new Map(rows.map(({ id, lastSequence }) => [id, lastSequence]));
}

/**
 * A token for an end to join the room: the phone speaks there as the user, the computer listens under a name of its own.
 * @throws AppError `not_found` for a pairing that isn't the user's, `conflict` for one that has ended or a phone that another
 * one has taken over from.
 */
export async function issuePairingToken(context: Context, place: PairingPlace): Promise<TokenResponse> {
  requirePermission(context.actor, 'pairings.write');
  const [session] = await withActor(context, async (tx) => {
    const pairing = await lockLivePairing(tx, place.pairingId, context.clock());
    requireCurrentPhone(pairing, place);
    return tx.select().from(sessions).where(eq(sessions.id, pairing.sessionId));
  });
  const { roomName } = session as StoredSession;
  return issueToken(context, { room_name: roomName }, place.end === 'computer' ? 'listener' : 'speaker');
}

function requireCurrentPhone(pairing: StoredPairing, place: PairingPlace): void {
  if (place.end === 'phone' && place.phoneEpoch !== pairing.phoneEpoch) {
    throw new AppError('conflict', 'This is not the phone that has the pairing: claim a new code');
  }
}

/** Until it is claimed, a pairing lives as long as its code. */
async function prolong({ clock }: CoreContext, tx: Transaction, pairingId: string): Promise<void> {
  const now = clock();
  await tx
    .update(pairings)
    .set({ expiresAt: new Date(now.getTime() + lifetimes.pairingMs) })
    .where(and(eq(pairings.id, pairingId), isLive(now), isNotNull(pairings.claimedAt)));
}
