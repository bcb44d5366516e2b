import { and, desc, eq, lt } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { notes } from '../db/schema/notes.ts';
import { sessions } from '../db/schema/sessions.ts';
import { summaries } from '../db/schema/summaries.ts';
import { turns } from '../db/schema/turns.ts';
import type { JobPayload } from '../domain/job.ts';
import { plainSummary, type SaidTurn, type Summarizer, type Summary, summaryMaterial } from '../domain/summary.ts';
import { isRefused } from './consents.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { requirePermission, requireSession } from './permissions.ts';
import type { StoredSession } from './sessions.ts';
import type { StoredSummary } from './stored-rows.ts';
import { withActor } from './with-actor.ts';

/**
 * What a session was about, once a job has written it down.
 * @throws AppError `not_found` for a session the actor may not see, and for one without a summary.
 */
export async function getSummary(context: CoreContext, { sessionId }: { sessionId: string }): Promise<Summary> {
  requirePermission(context.actor, 'summaries.read');
  requireSession(context.actor, sessionId);
  const [row] = await withActor(context, (tx) =>
    tx.select().from(summaries).where(eq(summaries.sourceSessionId, sessionId)),
  );
  if (!row) throw new AppError('not_found', 'There is no such session, or no summary of it');
  return summaryOf(context, row);
}

/** Has a session that ends summed up, in the transaction that ends it, which must be the service's. */
export async function queueSummary(
  { queue }: Pick<CoreContext, 'queue'>,
  tx: Transaction,
  { id: sessionId, tenantId, userId }: { id: string; tenantId: string; userId: string },
): Promise<void> {
  await queue.enqueue(tx, 'summarize-session', { sessionId, tenantId, userId });
}

/**
 * Writes down what a session was about. Nothing is done without a summarizer, for a session that is gone, has too few turns,
 * holds a dictated note (which is about others) or was summed up to its end already, and for a person who has refused to be
 * remembered. For the service itself.
 * @throws AppError `unavailable` when no model answers.
 */
export async function summarizeSession(
  context: CoreContext & { summarizer?: Summarizer },
  { sessionId }: JobPayload<'summarize-session'>,
): Promise<void> {
  requirePermission(context.actor, 'summaries.write');
  if (!context.summarizer) return;
  const material = await materialOf(context, sessionId);
  if (!material) return;
  // Outside of any transaction: a model takes seconds.
  const { text, model } = await context.summarizer.summarize(material.said);
  await storeSummary(context, { ...material, text: plainSummary(text), model });
}

/** A stored summary as it is given out. */
export function summaryOf(context: Pick<CoreContext, 'cipher'>, row: StoredSummary): Summary {
  return {
    sessionId: row.sourceSessionId,
    text: open(context, summaries.text, row.sourceSessionId, row.text),
    throughPosition: row.throughPosition,
    model: row.model,
    writtenAt: row.writtenAt.toISOString(),
  };
}

interface Material {
  session: StoredSession;
  said: SaidTurn[];
  throughPosition: number;
}

function materialOf(context: CoreContext, sessionId: string): Promise<Material | undefined> {
  return withActor(context, async (tx) => {
    const [session] = await tx.select().from(sessions).where(eq(sessions.id, sessionId));
    if (!session || (await isRefused(tx, { userId: session.userId, purpose: 'memory' }))) return undefined;
    const ofPerson = and(eq(turns.sessionId, sessionId), eq(turns.speaker, 'user'));
    if ((await tx.$count(turns, ofPerson)) < sizes.summaryFewestTurns) return undefined;
    if (await tx.$count(notes, eq(notes.sessionId, sessionId))) return undefined;
    const rows = await tx
      .select({ id: turns.id, speaker: turns.speaker, text: turns.text, position: turns.position })
      .from(turns)
      .where(eq(turns.sessionId, sessionId))
      .orderBy(desc(turns.position))
      .limit(sizes.summaryTurns);
    const throughPosition = Math.max(...rows.map(({ position }) => position));
    const [summary] = await tx.select().from(summaries).where(eq(summaries.sourceSessionId, sessionId));
    if (summary && summary.throughPosition >= throughPosition) return undefined;
    const said = rows.toReversed().map(({ id, speaker, text }) => ({
      speaker,
      text: open(context, turns.text, id, text),
    }));
    return { session, said: summaryMaterial(said), throughPosition };
  });
}

async function storeSummary(
  context: CoreContext,
  { session, text, throughPosition, model }: Material & { text: string; model: string },
): Promise<void> {
  const { id: sourceSessionId, tenantId, userId } = session;
  const sealed = seal(context, summaries.text, sourceSessionId, text);
  const changed = { text: sealed, throughPosition, model, writtenAt: context.clock() };
  await context.cache.write({ tenantId, userId }, () =>
    withActor(context, async (tx) => {
      // Locked it stays; what was erased meanwhile gets no summary.
      const isThere = tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, sourceSessionId));
      if (!(await isThere.for('key share')).length) return;
      await tx
        .insert(summaries)
        .values({ sourceSessionId, tenantId, userId, ...changed })
        .onConflictDoUpdate({
          target: summaries.sourceSessionId,
          set: changed,
          setWhere: lt(summaries.throughPosition, throughPosition),
        });
    }),
  );
}
