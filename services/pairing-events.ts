import { and, asc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm';
import { newId } from '../core/ids.ts';
import type { Transaction } from '../db/client.ts';
import { pairingEvents } from '../db/schema/pairing-events.ts';
import { pairings } from '../db/schema/pairings.ts';
import { type PairingEvent, pairingEventSchema } from '../domain/pairing.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** What writing an event needs of a context. */
export type PublishingContext = Pick<CoreContext, 'cipher' | 'clock' | 'pairingBus'>;

/** Events that are read at once. */
const eventsPerRead = 100;

/** An event with its place among those of its pairing. */
export interface SequencedEvent {
  sequence: number;
  event: PairingEvent;
}

/** A part of a pairing's events. */
export interface EventsRead {
  /** In order, without holes. */
  events: SequencedEvent[];
  /** Whether they follow the one that was asked for: false when those in between are kept no longer. */
  isComplete: boolean;
  /** Sequence of the newest event there was. */
  lastSequence: number;
}

/**
 * Tells both ends of the pairing that a session has, where it has one. Part of the transaction that makes what is told: the
 * event is there when that is committed, and not otherwise. Lock the session or its note before, never after.
 */
export async function publishToPairing(
  context: PublishingContext,
  tx: Transaction,
  sessionId: string,
  event: PairingEvent,
): Promise<void> {
  await appendEvent(context, tx, eq(pairings.sessionId, sessionId), event);
}

/** Adds an event to the live pairing of a condition; does nothing where there is none. */
export async function appendEvent(
  context: PublishingContext,
  tx: Transaction,
  condition: SQL | undefined,
  event: PairingEvent,
): Promise<void> {
  // The row stays locked until the end, so that events become visible in the order of their sequences.
  const [pairing] = await tx
    .update(pairings)
    .set({ lastSequence: sql`${pairings.lastSequence} + 1` })
    .where(and(condition, isNull(pairings.endedAt)))
    .returning();
  if (!pairing) return;
  const { id: pairingId, tenantId, userId, sessionId, lastSequence: sequence } = pairing;
  const id = newId();
  await tx.insert(pairingEvents).values({
    id,
    pairingId,
    tenantId,
    userId,
    sessionId,
    sequence,
    event: seal(context, pairingEvents.event, id, JSON.stringify(event)),
    createdAt: context.clock(),
  });
  await context.pairingBus.announce(tx, pairingId);
}

/** The events of a pairing behind `after`, the oldest first, at most a hundred. An ended pairing has them for a while too. */
export async function readPairingEvents(
  context: CoreContext,
  { pairingId, after }: { pairingId: string; after: number },
): Promise<EventsRead> {
  requirePermission(context.actor, 'pairings.read');
  return withActor(context, async (tx) => {
    // The end is read first: what is written between the two is then read too.
    const [pairing] = await tx
      .select({ lastSequence: pairings.lastSequence })
      .from(pairings)
      .where(eq(pairings.id, pairingId));
    const rows = await tx
      .select()
      .from(pairingEvents)
      .where(and(eq(pairingEvents.pairingId, pairingId), gt(pairingEvents.sequence, after)))
      .orderBy(asc(pairingEvents.sequence))
      .limit(eventsPerRead);
    const lastSequence = pairing?.lastSequence ?? 0;
    const next = rows[0]?.sequence ?? lastSequence + 1;
    return {
      events: rows.map(({ id, sequence, event }) => ({
        sequence,
        event: pairingEventSchema.parse(JSON.parse(open(context, pairingEvents.event, id, event))),
      })),
      isComplete: next === after + 1,
      lastSequence,
    };
  });
}
