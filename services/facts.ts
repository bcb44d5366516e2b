import { and, desc, eq, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import { facts } from '../db/schema/facts.ts';
import { profiles } from '../db/schema/profiles.ts';
import { sessions } from '../db/schema/sessions.ts';
import type { Fact, FactState, NewFact } from '../domain/fact.ts';
import { isRefused } from './consents.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { isBehind, type Page, type PageRequest, pageOf } from './pages.ts';
import { requirePermission, sessionNotFound } from './permissions.ts';
import type { StoredFact } from './stored-rows.ts';
import { withActor } from './with-actor.ts';
import { writing } from './writing.ts';

/** What agents remember of the actor's user or propose to, the newest first. */
export async function listFacts(
  context: CoreContext,
  { state, after, limit = sizes.itemsPerPage }: PageRequest & { state?: FactState },
): Promise<Page<Fact>> {
  const { userId } = requirePermission(context.actor, 'facts.read');
  const isInState = state === undefined ? undefined : eq(facts.state, state);
  const rows = await withActor(context, (tx) =>
    tx
      .select()
      .from(facts)
      .where(and(eq(facts.userId, userId), isInState, isBehind(facts.proposedAt, facts.id, after)))
      .orderBy(desc(facts.proposedAt), desc(facts.id))
      .limit(limit + 1),
  );
  return pageOf(
    rows,
    limit,
    ({ proposedAt, id }) => ({ at: proposedAt, id }),
    (row) => factOf(context, row),
  );
}

/**
 * Proposes something to be remembered of the agent's user, from the agent's own session. It is kept once the user agrees. The
 * id is the idempotency key; words that are there already, whatever their case and spaces, change nothing either: then
 * `fact` is what was there, with `created: false`.
 * @throws AppError `forbidden` when the user has refused to be remembered, `conflict` when there are as many facts as there
 * may be or the id is somebody else's, `not_found` when the session is gone.
 */
export async function proposeFact(
  context: CoreContext,
  { id, text }: NewFact,
): Promise<{ fact: Fact; created: boolean }> {
  const { tenantId, userId, sessionId } = requirePermission(context.actor, 'facts.propose');
  return writing(context, { tenantId, userId }, async (tx) => {
    // Facts of one user take turns at their profile.
    await tx.select({ id: profiles.userId }).from(profiles).where(eq(profiles.userId, userId)).for('no key update');
    const [session] = await tx.select().from(sessions).where(eq(sessions.id, sessionId));
    if (!session) throw sessionNotFound();
    if (await isRefused(tx, { userId, purpose: 'memory' })) {
      throw new AppError('forbidden', 'The person has refused to be remembered: keep nothing about them');
    }
    const stored = await tx.select().from(facts).where(eq(facts.userId, userId));
    const known = stored.map((row) => factOf(context, row));
    const same = known.find((fact) => fact.id === id || comparable(fact.text) === comparable(text));
    if (same) return { fact: same, created: false };
    if (known.length >= sizes.facts) {
      throw new AppError('conflict', `There are ${known.length} facts already: forget one first`);
    }
    const [row] = await tx
      .insert(facts)
      .values({
        id,
        tenantId,
        userId,
        sourceSessionId: sessionId,
        agent: session.activeAgent ?? session.agentName,
        text: seal(context, facts.text, id, text),
        state: 'proposed',
        proposedAt: context.clock(),
      })
      .onConflictDoNothing()
      .returning();
    if (!row) throw new AppError('conflict', 'The id belongs to another fact: make a new one');
    return { fact: factOf(context, row), created: true };
  });
}

/**
 * Keeps a fact that the user has agreed to; an agent does so once the user has said yes. Again it changes nothing.
 * @throws AppError `not_found` for one that isn't the user's, or was forgotten.
 */
export async function keepFact(context: CoreContext, { factId }: { factId: string }): Promise<Fact> {
  const owner = requirePermission(context.actor, 'facts.write');
  const now = context.clock().toISOString();
  const [row] = await writing(context, owner, (tx) =>
    tx
      .update(facts)
      .set({ state: 'kept', keptAt: sql`coalesce(${facts.keptAt}, ${now}::timestamptz)` })
      .where(and(eq(facts.id, factId), eq(facts.userId, owner.userId)))
      .returning(),
  );
  if (!row) throw factNotFound();
  return factOf(context, row);
}

/** Deletes a fact, kept or only proposed. @throws AppError `not_found` as `keepFact`. */
export async function forgetFact(context: CoreContext, { factId }: { factId: string }): Promise<void> {
  const owner = requirePermission(context.actor, 'facts.write');
  const forgotten = await writing(context, owner, (tx) =>
    tx
      .delete(facts)
      .where(and(eq(facts.id, factId), eq(facts.userId, owner.userId)))
      .returning({ id: facts.id }),
  );
  if (!forgotten.length) throw factNotFound();
}

/** A stored fact as it is given out. */
export function factOf(context: Pick<CoreContext, 'cipher'>, row: StoredFact): Fact {
  return {
    id: row.id,
    text: open(context, facts.text, row.id, row.text),
    state: row.state,
    agent: row.agent,
    sourceSessionId: row.sourceSessionId,
    proposedAt: row.proposedAt.toISOString(),
    keptAt: row.keptAt?.toISOString() ?? null,
  };
}

function comparable(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

function factNotFound(): AppError {
  return new AppError('not_found', 'There is no such fact');
}
