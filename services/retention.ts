import { and, eq, inArray, isNull, lt, lte, type SQL } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { auditLog } from '../db/schema/audit-log.ts';
import { facts } from '../db/schema/facts.ts';
import { leases } from '../db/schema/leases.ts';
import { magicLinks } from '../db/schema/magic-links.ts';
import { notes } from '../db/schema/notes.ts';
import { pairingEvents } from '../db/schema/pairing-events.ts';
import { pairings } from '../db/schema/pairings.ts';
import { refreshTokens } from '../db/schema/refresh-tokens.ts';
import { reminders } from '../db/schema/reminders.ts';
import { summaries } from '../db/schema/summaries.ts';
import { tenants } from '../db/schema/tenants.ts';
import { turns } from '../db/schema/turns.ts';
import { userExports } from '../db/schema/user-exports.ts';
import { tenantSettingsSchema } from '../domain/tenant.ts';
import type { CoreContext } from './context.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

/** How much one transaction removes. */
interface Batches {
  rowsPerBatch?: number;
}

const defaultRowsPerBatch = 1_000;
const dayMs = 86_400_000;

/** How many rows a purge removed, by what they were. */
export type Purged = Record<
  'turns' | 'notes' | 'summaries' | 'facts' | 'reminders' | 'auditRows' | 'magicLinks' | 'refreshTokens' | 'exports',
  number
>;

/**
 * Removes what is past its time: turns, notes that were not changed since, summaries, facts nobody agreed to, reminders that
 * came for the last time, and audit rows, older than their tenant keeps them; of all tenants the sign-in links, refresh tokens and
 * exports that nobody can use any more. In short transactions; what was removed before a failure stays so, and the next purge goes on.
 * @throws AppError `unavailable` when the database is away.
 */
export async function purgeExpired(context: CoreContext, batches: Batches = {}): Promise<Purged> {
  requirePermission(context.actor, 'retention.purge');
  const now = context.clock().getTime();
  const before = (ms: number) => new Date(now - ms);
  const purged = { turns: 0, notes: 0, summaries: 0, facts: 0, reminders: 0, auditRows: 0 };
  for (const { tenantId, turnsDays, auditDays } of await retentionByTenant(context)) {
    if (turnsDays !== undefined) {
      const last = before(turnsDays * dayMs);
      const isOld = and(eq(turns.tenantId, tenantId), lt(turns.saidAt, last));
      purged.turns += await purgeWords(context, turns, turns.id, isOld, batches);
      const isOldNote = and(eq(notes.tenantId, tenantId), lt(notes.updatedAt, last));
      purged.notes += await removeRows(context, notes, notes.sessionId, isOldNote, batches);
      const isOldSummary = and(eq(summaries.tenantId, tenantId), lt(summaries.writtenAt, last));
      purged.summaries += await purgeWords(context, summaries, summaries.sourceSessionId, isOldSummary, batches);
      const isForgotten = and(eq(facts.tenantId, tenantId), eq(facts.state, 'proposed'), lt(facts.proposedAt, last));
      purged.facts += await removeRows(context, facts, facts.id, isForgotten, batches);
      const isOver = and(eq(reminders.tenantId, tenantId), isNull(reminders.dueAt), lt(reminders.deliveredAt, last));
      purged.reminders += await removeRows(context, reminders, reminders.id, isOver, batches);
    }
    if (auditDays !== undefined) {
      const isOld = and(eq(auditLog.tenantId, tenantId), lt(auditLog.at, before(auditDays * dayMs)));
      purged.auditRows += await removeRows(context, auditLog, auditLog.id, isOld, batches);
    }
  }
  const { spentSecretMs } = lifetimes;
  return {
    ...purged,
    magicLinks: await removeRows(
      context,
      magicLinks,
      magicLinks.id,
      lt(magicLinks.expiresAt, before(spentSecretMs)),
      batches,
    ),
    refreshTokens: await removeRows(
      context,
      refreshTokens,
      refreshTokens.id,
      lt(refreshTokens.expiresAt, before(spentSecretMs)),
      batches,
    ),
    exports: await removeRows(context, userExports, userExports.id, lte(userExports.expiresAt, before(0)), batches),
  };
}

/**
 * Removes the leases of jobs that can't come back: a job may renew one that has run out as long as its session token is
 * valid, and that ends later.
 * @returns how many.
 */
export async function expireLeases(context: CoreContext, batches: Batches = {}): Promise<number> {
  requirePermission(context.actor, 'retention.purge');
  const latest = new Date(context.clock().getTime() - lifetimes.sessionTokenSeconds * 1_000);
  return removeRows(context, leases, leases.sessionId, lt(leases.expiresAt, latest), batches);
}

/**
 * Removes what is left of pairings: events so old that no end can have waited for them, and pairings that ended a day ago.
 * @returns how many rows.
 */
export async function removeSpentPairings(context: CoreContext, batches: Batches = {}): Promise<number> {
  requirePermission(context.actor, 'pairings.expire');
  const now = context.clock().getTime();
  const isOldEvent = lt(pairingEvents.createdAt, new Date(now - lifetimes.pairingMs));
  const hasEnded = lt(pairings.endedAt, new Date(now - lifetimes.endedPairingMs));
  const events = await removeRows(context, pairingEvents, pairingEvents.id, isOldEvent, batches);
  return events + (await removeRows(context, pairings, pairings.id, hasEnded, batches));
}

async function retentionByTenant(context: CoreContext) {
  const rows = await withActor(context, (tx) =>
    tx.select({ tenantId: tenants.id, settings: tenants.settings }).from(tenants),
  );
  return rows.map(({ tenantId, settings }) => ({ tenantId, ...tenantSettingsSchema.parse(settings).retention }));
}

/** Removes rows that the cache may hold, and has it forget whose they were. */
function purgeWords(
  context: CoreContext,
  table: typeof turns | typeof summaries,
  key: PgColumn,
  isOld: SQL | undefined,
  batches: Batches,
): Promise<number> {
  return inBatches(batches, async (rowsPerBatch) => {
    const removed = await withActor(context, (tx) =>
      tx
        .delete(table)
        .where(inArray(key, someOf(tx, table, key, isOld, rowsPerBatch)))
        .returning({ tenantId: table.tenantId, userId: table.userId }),
    );
    const owners = new Map(removed.map((owner) => [owner.userId, owner]));
    for (const owner of owners.values()) await context.cache.forget(owner);
    return removed.length;
  });
}

function removeRows(
  context: CoreContext,
  table: PgTable,
  key: PgColumn,
  isOver: SQL | undefined,
  batches: Batches,
): Promise<number> {
  return inBatches(batches, async (rowsPerBatch) => {
    const removed = await withActor(context, (tx) =>
      tx
        .delete(table)
        .where(inArray(key, someOf(tx, table, key, isOver, rowsPerBatch)))
        .returning({ key }),
    );
    return removed.length;
  });
}

function someOf(tx: Transaction, table: PgTable, key: PgColumn, condition: SQL | undefined, limit: number) {
  return tx.select({ key }).from(table).where(condition).limit(limit);
}

async function inBatches(
  { rowsPerBatch = defaultRowsPerBatch }: Batches,
  remove: (rowsPerBatch: number) => Promise<number>,
): Promise<number> {
  let total = 0;
  for (;;) {
    const removed = await remove(rowsPerBatch);
    total += removed;
    if (removed < rowsPerBatch) return total;
  }
}
