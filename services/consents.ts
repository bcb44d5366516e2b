import { and, desc, eq, max, notExists, sql } from 'drizzle-orm';
import { alias, QueryBuilder } from 'drizzle-orm/pg-core';
import { newId } from '../core/ids.ts';
import { sizes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { consents } from '../db/schema/consents.ts';
import { profiles } from '../db/schema/profiles.ts';
import type { Consent, ConsentPurpose, NewConsent } from '../domain/consent.ts';
import type { CoreContext } from './context.ts';
import { isBehind, type Page, type PageRequest, pageOf } from './pages.ts';
import { requirePermission, userNotFound } from './permissions.ts';
import { withActor } from './with-actor.ts';
import { writing } from './writing.ts';

type StoredConsent = typeof consents.$inferSelect;

/** What the actor's user decided, the newest first: the decision that counts of each purpose, or every one there was. */
export async function listConsents(
  context: CoreContext,
  { history = false, after, limit = sizes.itemsPerPage }: PageRequest & { history?: boolean },
): Promise<Page<Consent>> {
  const { userId } = requirePermission(context.actor, 'consents.read');
  const rows = await withActor(context, (tx) =>
    tx
      .select()
      .from(consents)
      .where(
        and(
          eq(consents.userId, userId),
          history ? undefined : isNewest(),
          isBehind(consents.decidedAt, consents.id, after),
        ),
      )
      .orderBy(desc(consents.decidedAt), desc(consents.id))
      .limit(limit + 1),
  );
  return pageOf(rows, limit, ({ decidedAt, id }) => ({ at: decidedAt, id }), consentOf);
}

/**
 * Keeps a decision, later than every other of its purpose: on a machine whose clock is behind it would not count otherwise.
 * @throws AppError `not_found` when the user has been removed.
 */
export async function recordConsent(
  context: CoreContext,
  { purpose, granted, policyVersion }: NewConsent,
): Promise<Consent> {
  const { tenantId, userId } = requirePermission(context.actor, 'consents.write');
  const isOfPurpose = and(eq(consents.userId, userId), eq(consents.purpose, purpose));
  return writing(context, { tenantId, userId }, async (tx) => {
    // Decisions of one user take turns at their profile.
    const ofUser = eq(profiles.userId, userId);
    const [user] = await tx.select({ userId: profiles.userId }).from(profiles).where(ofUser).for('no key update');
    if (!user) throw userNotFound();
    const [last] = await tx
      .select({ at: max(consents.decidedAt) })
      .from(consents)
      .where(isOfPurpose);
    const { at: lastAt } = last as { at: Date | null };
    const earliestMs = lastAt ? lastAt.getTime() + 1 : 0;
    const decidedAt = new Date(Math.max(context.clock().getTime(), earliestMs));
    const [row] = await tx
      .insert(consents)
      .values({ id: newId(), tenantId, userId, purpose, granted, policyVersion, decidedAt })
      .returning();
    return consentOf(row as StoredConsent);
  });
}

/** Whether a user has explicitly refused a purpose: who never decided has not. */
export async function isRefused(
  tx: Transaction,
  { userId, purpose }: { userId: string; purpose: ConsentPurpose },
): Promise<boolean> {
  const [last] = await tx
    .select({ granted: consents.granted })
    .from(consents)
    .where(and(eq(consents.userId, userId), eq(consents.purpose, purpose)))
    .orderBy(desc(consents.decidedAt))
    .limit(1);
  return last?.granted === false;
}

/** Condition: no later decision of the same user and purpose. */
function isNewest() {
  const newer = alias(consents, 'newer');
  const later = new QueryBuilder()
    .select({ id: newer.id })
    .from(newer)
    .where(
      and(
        eq(newer.userId, consents.userId),
        eq(newer.purpose, consents.purpose),
        sql`${newer.decidedAt} > ${consents.decidedAt}`,
      ),
    );
  return notExists(later);
}

function consentOf({ id, purpose, granted, policyVersion, decidedAt }: StoredConsent): Consent {
  return { id, purpose, granted, policyVersion, decidedAt: decidedAt.toISOString() };
}
