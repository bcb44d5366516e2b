import { and, eq, gt, isNull } from 'drizzle-orm';
import { reasonOf } from '../core/errors.ts';
import type { Transaction } from '../db/client.ts';
import { leases } from '../db/schema/leases.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { AgentActor, UserActor } from '../domain/actor.ts';
import { topics } from '../domain/conversation.ts';
import type { LexiconOwner } from '../domain/lexicon.ts';
import { afterCommit } from './after-commit.ts';
import type { Context } from './context.ts';
import { type LexiconRows, tenantRows, userRows } from './lexicon-rows.ts';
import { withActor, withService } from './with-actor.ts';

/** Calls that are told of a change at once; a tenant may have thousands. */
const toldAtOnce = 20;

/** What a change comes to. */
export interface LexiconChange<T> {
  result: T;
  /** Whether anything applies differently now. */
  isChanged: boolean;
}

/** What a change works with, and what it takes to tell of it. */
type ChangeContext = Pick<Context, 'database' | 'cipher' | 'rooms' | 'clock' | 'log'> & {
  actor: UserActor | AgentActor;
};

/** Whose lexicon has changed: a person's, or without one their tenant's. */
interface Concerned {
  tenantId: string;
  userId?: string;
}

/**
 * Changes a lexicon in a transaction of its own, one writer of its owner after another, and then tells the running calls it
 * is for. The actor's right to it has been checked.
 * @throws AppError `not_found` when the user has been removed, and what `work` throws: nothing is changed then.
 */
export function changeLexicon<T>(
  context: ChangeContext,
  owner: LexiconOwner,
  work: (rows: LexiconRows) => Promise<LexiconChange<T>>,
): Promise<T> {
  const { tenantId } = context.actor;
  return owner === 'tenant'
    ? withService(context, { tenantId }, (tx) => change(context, tx, { tenantId }, tenantRows(tx, tenantId), work))
    : withActor(context, (tx) => changeOwnLexicon(context, tx, work));
}

/** As `changeLexicon`, of the actor's user, in a transaction of the actor's. */
export function changeOwnLexicon<T>(
  context: ChangeContext,
  tx: Transaction,
  work: (rows: LexiconRows) => Promise<LexiconChange<T>>,
): Promise<T> {
  const { tenantId, userId } = context.actor;
  const own = { tenantId, userId };
  return change(context, tx, own, userRows(context, tx, own), work);
}

async function change<T>(
  context: ChangeContext,
  tx: Transaction,
  concerned: Concerned,
  rows: LexiconRows,
  work: (rows: LexiconRows) => Promise<LexiconChange<T>>,
): Promise<T> {
  await rows.lock();
  const { result, isChanged } = await work(rows);
  if (isChanged) {
    await rows.touch();
    afterCommit(tx, () => void announce(context, concerned));
  }
  return result;
}

/**
 * Tells the agents of running calls that their lexicon has changed. Never fails: whom it doesn't reach finds the new version
 * in the answer to its next heartbeat.
 */
async function announce(context: ChangeContext, { tenantId, userId }: Concerned): Promise<void> {
  try {
    const isConcerned = userId === undefined ? eq(sessions.tenantId, tenantId) : eq(sessions.userId, userId);
    const calls = await withService(context, { tenantId }, (tx) =>
      tx
        .select({ roomName: sessions.roomName, agentIdentity: leases.holder })
        .from(leases)
        .innerJoin(sessions, eq(sessions.id, leases.sessionId))
        .where(and(isConcerned, isNull(sessions.endedAt), gt(leases.expiresAt, context.clock()))),
    );
    await tell(context, calls);
  } catch (error) {
    context.log.warn({ reason: reasonOf(error) }, 'the calls to tell of a changed lexicon could not be found');
  }
}

interface Call {
  roomName: string;
  agentIdentity: string;
}

async function tell({ rooms, log }: Pick<Context, 'rooms' | 'log'>, calls: Call[]): Promise<void> {
  const waiting = calls.values();
  let missed = 0;
  const tellNext = async () => {
    for (const { roomName, agentIdentity } of waiting) {
      await rooms.tell(roomName, topics.lexicon, agentIdentity).catch(() => {
        missed += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: toldAtOnce }, tellNext));
  if (missed)
    log.warn({ missed, calls: calls.length }, 'calls were not told of a changed lexicon: their heartbeat will');
}
