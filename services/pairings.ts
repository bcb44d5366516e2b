import { and, desc, eq, gt, isNull, type SQL } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { newId, newRoomName } from '../core/ids.ts';
import { lifetimes, sizes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { pairings } from '../db/schema/pairings.ts';
import { profiles } from '../db/schema/profiles.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { UserActor } from '../domain/actor.ts';
import {
  type CodeState,
  type NewPairing,
  type Pairing,
  type PairingEnd,
  type PairingWithCode,
  pairingsPerUser,
  qrPayloadOf,
} from '../domain/pairing.ts';
import type { Context, CoreContext } from './context.ts';
import { defaultAgent, insertSession } from './new-sessions.ts';
import { isBehind, type Page, type PageRequest, pageOf } from './pages.ts';
import { codeIndexOf, newPairingCode } from './pairing-codes.ts';
import { appendEvent, type PublishingContext } from './pairing-events.ts';
import { removeFromRoom } from './pairing-rooms.ts';
import { requirePermission, sessionNotFound } from './permissions.ts';
import type { StoredSession } from './sessions.ts';
import { withActor } from './with-actor.ts';

/** A pairing as stored. */
export type StoredPairing = typeof pairings.$inferSelect;

/**
 * Makes a pairing, with the code that a phone can claim for `lifetimes.pairingCodeMs`: on one of the user's open sessions, or
 * on a new one that begins with the dictation agent. Until it is claimed it lives as long as its code.
 * @throws AppError `not_found` for a session that isn't the user's, `conflict` for one that has ended or is paired already,
 * and when the user has as many pairings or sessions as they may.
 */
export async function createPairing(context: Context, input: NewPairing): Promise<PairingWithCode> {
  const owner = requirePermission(context.actor, 'pairings.write');
  const { tenantId, userId } = owner;
  const id = newId();
  const now = context.clock();
  const code = newCode(context, now);
  const row = await withActor(context, async (tx) => {
    const sessionId = await sessionToPair(context, tx, owner, input);
    await requirePairingAllowance(tx, userId, now);
    const [created] = await tx
      .insert(pairings)
      .values({
        id,
        tenantId,
        userId,
        sessionId,
        ...code.columns,
        expiresAt: code.columns.codeExpiresAt,
        createdAt: now,
      })
      .returning();
    return created as StoredPairing;
  });
  return withCode(context, row, code.text);
}

/** The user's pairings, the newest first; those that have ended are kept for a day. */
export async function listPairings(
  context: CoreContext,
  { after, limit = sizes.itemsPerPage }: PageRequest,
): Promise<Page<Pairing>> {
  const { userId } = requirePermission(context.actor, 'pairings.read');
  const rows = await withActor(context, (tx) =>
    tx
      .select()
      .from(pairings)
      .where(and(eq(pairings.userId, userId), isBehind(pairings.createdAt, pairings.id, after)))
      .orderBy(desc(pairings.createdAt), desc(pairings.id))
      .limit(limit + 1),
  );
  return pageOf(
    rows,
    limit,
    ({ createdAt, id }) => ({ at: createdAt, id }),
    (row) => pairingOf(context, row),
  );
}

/** One pairing. @throws AppError `not_found` for one that isn't the user's. */
export async function getPairing(context: CoreContext, { pairingId }: { pairingId: string }): Promise<Pairing> {
  requirePermission(context.actor, 'pairings.read');
  const [row] = await withActor(context, (tx) => tx.select().from(pairings).where(eq(pairings.id, pairingId)));
  if (!row) throw pairingNotFound();
  return pairingOf(context, row);
}

/**
 * Makes a new code for a pairing, for the first phone or for one that takes over; the code before opens nothing any more.
 * @throws AppError `not_found` for a pairing that isn't the user's, `conflict` for one that has ended.
 */
export async function renewPairingCode(
  context: CoreContext,
  { pairingId }: { pairingId: string },
): Promise<PairingWithCode> {
  requirePermission(context.actor, 'pairings.write');
  const now = context.clock();
  const code = newCode(context, now);
  const row = await withActor(context, async (tx) => {
    const { claimedAt, expiresAt } = await lockLivePairing(tx, pairingId, now);
    const [renewed] = await tx
      .update(pairings)
      .set({ ...code.columns, wrongTries: 0, expiresAt: claimedAt ? expiresAt : code.columns.codeExpiresAt })
      .where(eq(pairings.id, pairingId))
      .returning();
    return renewed as StoredPairing;
  });
  return withCode(context, row, code.text);
}

/**
 * Ends a pairing: both ends are told, and taken out of the room. The session stays. Once more changes nothing.
 * @throws AppError `not_found` for a pairing that isn't the user's.
 */
export async function endPairing(context: Context, { pairingId }: { pairingId: string }): Promise<Pairing> {
  requirePermission(context.actor, 'pairings.write');
  const { row, hasEndedNow } = await withActor(context, async (tx) => {
    const before = await lockPairing(tx, pairingId);
    if (before.endedAt) return { row: before, hasEndedNow: false };
    return { row: await endLocked(context, tx, pairingId, 'unpaired'), hasEndedNow: true };
  });
  if (hasEndedNow) await removeFromRoom(context, row, ['computer', 'phone']);
  return pairingOf(context, row);
}

/** Ends a live pairing whose row is locked, after its last event. */
export async function endLocked(
  context: PublishingContext,
  tx: Transaction,
  pairingId: string,
  reason: PairingEnd,
): Promise<StoredPairing> {
  await appendEvent(context, tx, eq(pairings.id, pairingId), { type: 'ended', reason });
  const [ended] = await tx
    .update(pairings)
    .set({ endedAt: context.clock(), endReason: reason })
    .where(eq(pairings.id, pairingId))
    .returning();
  return ended as StoredPairing;
}

/** A pairing's row, which nobody else changes until the end of the transaction. @throws AppError `not_found` */
export async function lockPairing(tx: Transaction, pairingId: string): Promise<StoredPairing> {
  const [pairing] = await tx.select().from(pairings).where(eq(pairings.id, pairingId)).for('no key update');
  if (!pairing) throw pairingNotFound();
  return pairing;
}

/** As `lockPairing`, of one that lives. @throws AppError `conflict` for one that has ended. */
export async function lockLivePairing(tx: Transaction, pairingId: string, now: Date): Promise<StoredPairing> {
  const pairing = await lockPairing(tx, pairingId);
  if (isOver(pairing, now)) throw new AppError('conflict', 'The pairing has ended: make a new one');
  return pairing;
}

/** Whether a pairing has ended, or would have if the job that ends pairings had come by. */
export function isOver({ endedAt, expiresAt }: StoredPairing, now: Date): boolean {
  return endedAt !== null || expiresAt <= now;
}

/** Condition: neither ended nor past its time. */
export function isLive(now: Date): SQL | undefined {
  return and(isNull(pairings.endedAt), gt(pairings.expiresAt, now));
}

/** A stored pairing as it is given out. */
export function pairingOf({ clock }: Pick<CoreContext, 'clock'>, row: StoredPairing): Pairing {
  return {
    id: row.id,
    sessionId: row.sessionId,
    codeState: codeStateOf(row, clock()),
    codeExpiresAt: row.codeExpiresAt.toISOString(),
    phoneEpoch: row.phoneEpoch,
    lastSequence: row.lastSequence,
    createdAt: row.createdAt.toISOString(),
    claimedAt: row.claimedAt?.toISOString() ?? null,
    expiresAt: row.expiresAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
    endReason: row.endReason,
  };
}

/** What has become of a pairing's newest code. */
export function codeStateOf(row: StoredPairing, now: Date): CodeState {
  const isPast = row.codeExpiresAt <= now || isOver(row, now);
  return row.codeState === 'open' && isPast ? 'expired' : row.codeState;
}

/** The one answer for a pairing that doesn't exist and for one that somebody else has. */
export function pairingNotFound(): AppError {
  return new AppError('not_found', 'There is no such pairing');
}

function newCode(context: Pick<CoreContext, 'cipher'>, now: Date) {
  const text = newPairingCode();
  const codeExpiresAt = new Date(now.getTime() + lifetimes.pairingCodeMs);
  return { text, columns: { codeIndex: codeIndexOf(context, text), codeState: 'open' as const, codeExpiresAt } };
}

function withCode(context: Pick<CoreContext, 'clock'>, row: StoredPairing, code: string): PairingWithCode {
  return { pairing: pairingOf(context, row), code, qrPayload: qrPayloadOf(row.id, code) };
}

async function sessionToPair(
  context: Context,
  tx: Transaction,
  owner: UserActor,
  { sessionId, language }: NewPairing,
): Promise<string> {
  if (sessionId === undefined) {
    const created = await insertSession(context, tx, owner, {
      roomName: newRoomName(),
      agentName: defaultAgent(context.settings.agentNames),
      modality: 'voice',
      appMetadata: JSON.stringify({ agent: 'dictation', language }),
    });
    return (created as StoredSession).id;
  }
  // Two pairings of one session wait for each other here.
  const [session] = await tx.select().from(sessions).where(eq(sessions.id, sessionId)).for('no key update');
  if (!session) throw sessionNotFound();
  if (session.endedAt) throw new AppError('conflict', 'The session has ended: get a token for its room first');
  const [paired] = await tx
    .select()
    .from(pairings)
    .where(and(eq(pairings.sessionId, sessionId), isNull(pairings.endedAt)))
    .for('no key update');
  if (paired && !isOver(paired, context.clock())) {
    throw new AppError('conflict', 'The session is paired already: ask for a new code of its pairing, or end that');
  }
  if (paired) await endLocked(context, tx, paired.id, 'expired');
  return sessionId;
}

async function requirePairingAllowance(tx: Transaction, userId: string, now: Date): Promise<void> {
  // Pairings made at once wait for each other here, so that each is counted by the next.
  await tx.select({ userId: profiles.userId }).from(profiles).where(eq(profiles.userId, userId)).for('no key update');
  const live = await tx.$count(pairings, and(eq(pairings.userId, userId), isLive(now)));
  if (live >= pairingsPerUser) {
    throw new AppError('conflict', `You have ${pairingsPerUser} pairings, which is all you may: end one first`);
  }
}
