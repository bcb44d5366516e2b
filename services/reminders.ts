import { and, desc, eq, isNotNull, isNull, lte, type SQL, sql } from 'drizzle-orm';
import { AppError } from '../core/errors.ts';
import { sizes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { profiles } from '../db/schema/profiles.ts';
import { reminders } from '../db/schema/reminders.ts';
import { isTimeZone } from '../domain/local-time.ts';
import { nextOccurrence } from '../domain/recurrence.ts';
import type { NewReminder, Reminder, ReminderChannel, ReminderFilter } from '../domain/reminder.ts';
import type { CoreContext } from './context.ts';
import { open, seal } from './fields.ts';
import { isBehind, type Page, type PageRequest, pageOf } from './pages.ts';
import { requirePermission } from './permissions.ts';
import { withActor } from './with-actor.ts';

export type StoredReminder = typeof reminders.$inferSelect;

/**
 * Keeps what the actor's user wants to be reminded of. The reminder's id is the idempotency key: the same one again gives back
 * what was stored the first time, with `created: false`.
 * @throws AppError `invalid_input` naming `timeZone` when there is no such zone, and `at` when nothing comes after now;
 * `conflict` when as many are due as there may be, or the id is taken; `not_found` when the user has been removed.
 */
export async function createReminder(
  context: CoreContext,
  { id, text, at: firstLocalTime, timeZone, repeat }: NewReminder,
): Promise<{ reminder: Reminder; created: boolean }> {
  const { tenantId, userId } = requirePermission(context.actor, 'reminders.write');
  if (!isTimeZone(timeZone)) throw AppError.field('timeZone', 'is no IANA time zone such as Europe/Amsterdam');
  const now = context.clock();
  return withActor(context, async (tx) => {
    // Reminders made at once wait for each other here, so that each is counted by the next.
    await tx.select({ userId: profiles.userId }).from(profiles).where(eq(profiles.userId, userId)).for('no key update');
    const [stored] = await tx.select().from(reminders).where(eq(reminders.id, id));
    if (stored) return { reminder: reminderOf(context, stored), created: false };

    const dueAt = nextOccurrence({ firstLocalTime, timeZone, repeat }, now);
    if (!dueAt) throw AppError.field('at', 'is past in that time zone: choose a later one');
    await requireAllowance(tx, userId);
    const [inserted] = await tx
      .insert(reminders)
      .values({
        id,
        tenantId,
        userId,
        text: seal(context, reminders.text, id, text),
        firstLocalTime,
        timeZone,
        repeat,
        dueAt,
        createdAt: now,
      })
      .onConflictDoNothing()
      .returning();
    if (!inserted) throw new AppError('conflict', 'The reminder id is taken: choose a new random one');
    return { reminder: reminderOf(context, inserted), created: true };
  });
}

async function requireAllowance(tx: Transaction, userId: string): Promise<void> {
  const pending = await tx.$count(reminders, and(eq(reminders.userId, userId), isNotNull(reminders.dueAt)));
  if (pending < sizes.reminders) return;
  throw new AppError(
    'conflict',
    `You have ${sizes.reminders} reminders to come, which is all you may: cancel one first`,
  );
}

/** The user's reminders, those made last first. */
export async function listReminders(
  context: CoreContext,
  { only, after, limit = sizes.itemsPerPage }: PageRequest & { only?: ReminderFilter },
): Promise<Page<Reminder>> {
  const { userId } = requirePermission(context.actor, 'reminders.read');
  const isOfUser = eq(reminders.userId, userId);
  const isNext = isBehind(reminders.createdAt, reminders.id, after);
  const rows = await withActor(context, (tx) =>
    tx
      .select()
      .from(reminders)
      .where(and(isOfUser, only && conditions[only](context.clock()), isNext))
      .orderBy(desc(reminders.createdAt), desc(reminders.id))
      .limit(limit + 1),
  );
  return pageOf(
    rows,
    limit,
    ({ createdAt, id }) => ({ at: createdAt, id }),
    (row) => reminderOf(context, row),
  );
}

const conditions: Record<ReminderFilter, (now: Date) => SQL> = {
  pending: () => isNotNull(reminders.dueAt),
  due: (now) => lte(reminders.dueAt, now),
  over: () => isNull(reminders.dueAt),
};

/** One reminder. @throws AppError `not_found` for one that isn't the user's. */
export async function getReminder(context: CoreContext, { reminderId }: { reminderId: string }): Promise<Reminder> {
  requirePermission(context.actor, 'reminders.read');
  const [row] = await withActor(context, (tx) => tx.select().from(reminders).where(eq(reminders.id, reminderId)));
  if (!row) throw reminderNotFound();
  return reminderOf(context, row);
}

/** Removes a reminder: it comes no more. @throws AppError `not_found` as `getReminder`. */
export async function cancelReminder(context: CoreContext, { reminderId }: { reminderId: string }): Promise<void> {
  requirePermission(context.actor, 'reminders.write');
  const removed = await withActor(context, (tx) =>
    tx.delete(reminders).where(eq(reminders.id, reminderId)).returning({ id: reminders.id }),
  );
  if (!removed.length) throw reminderNotFound();
}

/**
 * Notes that the actor, an agent in a call, has told its person of a reminder that was due. Said again, or after it went out by
 * other means, it changes nothing.
 * @throws AppError `not_found` for one that isn't the person's.
 */
export async function noteToldReminder(
  context: CoreContext,
  { reminderId, dueAt }: { reminderId: string; dueAt: Date },
): Promise<Reminder> {
  requirePermission(context.actor, 'reminders.tell');
  return withActor(context, async (tx) => {
    const [row] = await tx.select().from(reminders).where(eq(reminders.id, reminderId)).for('no key update');
    if (!row) throw reminderNotFound();
    const isDue = row.dueAt?.getTime() === dueAt.getTime() && dueAt <= context.clock();
    return reminderOf(context, isDue ? await settleReminder(context, tx, row, 'room') : row);
  });
}

/**
 * Ends a due time of a reminder that the transaction has locked, and sets the next one: recurrences that were missed meanwhile
 * come once. @param channel how it got to the person; null when there was no way
 */
export async function settleReminder(
  { clock }: Pick<CoreContext, 'clock'>,
  tx: Transaction,
  row: StoredReminder,
  channel: ReminderChannel | null,
): Promise<StoredReminder> {
  const now = clock();
  const [settled] = await tx
    .update(reminders)
    .set({
      dueAt: row.repeat && nextOccurrence(row, now),
      deliveredAt: now,
      deliveredBy: channel,
      version: sql`${reminders.version} + 1`,
    })
    .where(eq(reminders.id, row.id))
    .returning();
  return settled as StoredReminder;
}

/** A stored reminder as it is given out. */
export function reminderOf(context: Pick<CoreContext, 'cipher'>, row: StoredReminder): Reminder {
  return {
    id: row.id,
    text: open(context, reminders.text, row.id, row.text),
    at: row.firstLocalTime,
    timeZone: row.timeZone,
    repeat: row.repeat,
    dueAt: row.dueAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    deliveredAt: row.deliveredAt?.toISOString() ?? null,
    deliveredBy: row.deliveredBy,
    missed: row.deliveredAt !== null && row.deliveredBy === null,
  };
}

function reminderNotFound(): AppError {
  return new AppError('not_found', 'There is no such reminder');
}
