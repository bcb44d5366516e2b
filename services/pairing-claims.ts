import { and, asc, eq, inArray, isNull, or } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { pairings } from '../db/schema/pairings.ts';
import { type CodeState, type Pairing, type PairingClaim, wrongTriesAllowed } from '../domain/pairing.ts';
import type { Context, CoreContext } from './context.ts';
import { codeIndexesOf } from './pairing-codes.ts';
import { appendEvent } from './pairing-events.ts';
import { removeFromRoom } from './pairing-rooms.ts';
import { codeStateOf, pairingOf, type StoredPairing } from './pairings.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** Why a code that the user's own computer has shown opens nothing. */
const refusals: Record<Exclude<CodeState, 'open'>, string> = {
  claimed: 'The code has been used: ask the computer for a new one',
  locked: 'The code is locked after too many wrong ones: ask the computer for a new one',
  expired: 'The code has expired: ask the computer for a new one',
};

/**
 * Makes the phone that shows a code the pairing's phone, once for each code. A phone that was there before is told, taken out
 * of the room, and not let in again. A wrong code counts against every pairing of the user that waits for one (or the one
 * that is named), and locks its code at the fifth. Somebody else's codes are wrong ones, and their tries count against
 * their own pairings alone, so nobody locks a stranger's.
 * @throws AppError `not_found` for a wrong code, `conflict` for one that was used, is locked or has expired.
 */
export async function claimPairing(context: Context, claim: PairingClaim): Promise<Pairing> {
  requirePermission(context.actor, 'pairings.write');
  const indexes = codeIndexesOf(context, claim.code);
  const outcome = await withActor(context, async (tx) => {
    // In one order, so that claims made at once wait for each other.
    const rows = await tx
      .select()
      .from(pairings)
      .where(
        and(
          or(isNull(pairings.endedAt), inArray(pairings.codeIndex, indexes)),
          claim.id === undefined ? undefined : eq(pairings.id, claim.id),
        ),
      )
      .orderBy(asc(pairings.id))
      .for('no key update');
    const matching = rows.find(({ codeIndex }) => indexes.includes(codeIndex));
    if (!matching) return { refusal: await countWrongTry(context, tx, rows) };
    const state = codeStateOf(matching, context.clock());
    if (state !== 'open') return { refusal: new AppError('conflict', refusals[state]) };
    return { before: matching, claimed: await takePairing(context, tx, matching) };
  });
  // A wrong try is counted, so its transaction was committed.
  if (outcome.refusal) throw outcome.refusal;
  const { before, claimed } = outcome;
  if (before.phoneEpoch > 0) await removeFromRoom(context, claimed, ['phone']);
  return pairingOf(context, claimed);
}

async function takePairing(context: CoreContext, tx: Transaction, { id, phoneEpoch: before }: StoredPairing) {
  const now = context.clock();
  const phoneEpoch = before + 1;
  const isThis = eq(pairings.id, id);
  if (before > 0) await appendEvent(context, tx, isThis, { type: 'taken-over', phoneEpoch });
  await appendEvent(context, tx, isThis, { type: 'paired', phoneEpoch });
  const [claimed] = await tx
    .update(pairings)
    .set({
      codeState: 'claimed',
      phoneEpoch,
      claimedAt: now,
      expiresAt: new Date(now.getTime() + lifetimes.pairingMs),
    })
    .where(isThis)
    .returning();
  return claimed as StoredPairing;
}

async function countWrongTry(context: CoreContext, tx: Transaction, rows: StoredPairing[]): Promise<AppError> {
  const waiting = rows.filter((row) => codeStateOf(row, context.clock()) === 'open');
  for (const { id, wrongTries } of waiting) {
    const isLocked = wrongTries + 1 >= wrongTriesAllowed;
    const isThis = eq(pairings.id, id);
    await tx
      .update(pairings)
      .set({ wrongTries: wrongTries + 1, ...(isLocked && { codeState: 'locked' as const }) })
      .where(isThis);
    if (isLocked) await appendEvent(context, tx, isThis, { type: 'code-locked' });
  }
  return new AppError('not_found', 'There is no such code: look at the computer again');
}
