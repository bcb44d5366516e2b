import { setTimeout as sleep } from 'node:timers/promises';
import { and, asc, eq, gt, inArray, lte, type SQL } from 'drizzle-orm';
import { lifetimes } from '../core/limits.ts';
import type { Transaction } from '../db/client.ts';
import { reminders } from '../db/schema/reminders.ts';
import { users } from '../db/schema/users.ts';
import { open } from './fields.ts';
import { requirePermission } from './permissions.ts';
import type { DueReminder, ReminderSender, SenderContext } from './reminder-senders.ts';
import { type StoredReminder, settleReminder } from './reminders.ts';
import { withActor } from './with-actor.ts';

/** How reminders are delivered. */
interface DeliveryOptions {
  /** Ways to people, in the order in which they are tried. */
  senders: readonly ReminderSender[];
  /** How long somebody who was offered a reminder has to say that they have passed it on. */
  acknowledgementMs?: number;
  /** Reminders of one transaction. */
  rowsPerBatch?: number;
}

const defaultRowsPerBatch = 50;
const pollMs = 500;

/** How many reminders went which way; those offered and passed on are counted by who noted them. */
export type Delivered = Record<string, number>;

/** A reminder that somebody was offered, and the sender to go on with if they don't pass it on. */
interface Offer {
  id: string;
  dueAt: Date;
  next: number;
}

/**
 * Delivers what is due, each due time once: what it queues and that it is done are one transaction. Several processes share
 * reminders out. Ended half-way it has only less to do the next time; what was offered is then offered again, and whoever is
 * offered it twice passes it on once.
 * @returns by channel, `missed` for those whom no way leads to.
 * @throws AppError `unavailable` when the database is away.
 */
export async function deliverDueReminders(context: SenderContext, options: DeliveryOptions): Promise<Delivered> {
  requirePermission(context.actor, 'reminders.deliver');
  const delivery = { context, ...options, delivered: {} };
  let offers = await deliverAll(delivery);
  while (offers.length) {
    const left = await waitForAcknowledgement(delivery, offers);
    offers = [];
    for (const offer of left) {
      const isSame = and(eq(reminders.id, offer.id), eq(reminders.dueAt, offer.dueAt));
      offers.push(...(await deliverBatch(delivery, isSame, offer.next)).offers);
    }
  }
  return delivery.delivered;
}

type Delivery = DeliveryOptions & { context: SenderContext; delivered: Delivered };

async function deliverAll(delivery: Delivery): Promise<Offer[]> {
  const isDue = lte(reminders.dueAt, delivery.context.clock());
  const all: Offer[] = [];
  for (let after: string | undefined; ; ) {
    const isNext = after === undefined ? undefined : gt(reminders.id, after);
    const { offers, last } = await deliverBatch(delivery, and(isDue, isNext), 0);
    all.push(...offers);
    if (last === undefined) return all;
    after = last;
  }
}

/** One short transaction. `last` is where the next batch begins; undefined when there is nothing left. */
async function deliverBatch(
  { context, senders, rowsPerBatch = defaultRowsPerBatch, delivered }: Delivery,
  condition: SQL | undefined,
  first: number,
): Promise<{ offers: Offer[]; last: string | undefined }> {
  const { offers, channels, last } = await withActor(context, async (tx) => {
    // The user as well: whoever is being erased is passed over, and nobody is erased between here and the mail.
    const rows = await tx
      .select({ row: reminders, disabledAt: users.disabledAt })
      .from(reminders)
      .innerJoin(users, eq(users.id, reminders.userId))
      .where(condition)
      .orderBy(asc(reminders.id))
      .limit(rowsPerBatch)
      .for('no key update', { of: [reminders, users], skipLocked: true });
    const offers: Offer[] = [];
    const channels: string[] = [];
    for (const { row, disabledAt } of rows) {
      const offered = await send(context, tx, row, disabledAt ? [] : senders, first);
      if (typeof offered === 'number') offers.push({ id: row.id, dueAt: row.dueAt as Date, next: offered + 1 });
      else channels.push(offered);
    }
    return { offers, channels, last: rows.at(-1)?.row.id };
  });
  for (const channel of channels) delivered[channel] = (delivered[channel] ?? 0) + 1;
  return { offers, last };
}

/** @returns the channel it went by, `missed`, or the index of the sender that has offered it to somebody. */
async function send(
  context: SenderContext,
  tx: Transaction,
  row: StoredReminder,
  senders: readonly ReminderSender[],
  first: number,
): Promise<string | number> {
  const reminder = openedReminder(context, row);
  for (let index = first; reminder && index < senders.length; index += 1) {
    const sender = senders[index] as ReminderSender;
    const outcome = await sender.send(context, tx, reminder);
    if (outcome === 'offered') return index;
    if (outcome === 'unreachable') continue;
    await settleReminder(context, tx, row, sender.channel);
    return sender.channel;
  }
  await settleReminder(context, tx, row, null);
  return 'missed';
}

/** Null for a text that can't be opened: one whose key is gone must not keep the others from being delivered. */
function openedReminder(context: SenderContext, row: StoredReminder): DueReminder | null {
  try {
    const text = open(context, reminders.text, row.id, row.text);
    return { userId: row.userId, text, dueAt: row.dueAt as Date, timeZone: row.timeZone };
  } catch {
    context.log.error({ reminderId: row.id }, 'the text of a reminder can not be opened: it is missed');
    return null;
  }
}

/** Waits until all of them were passed on, or for as long as that may take. @returns those that were not. */
async function waitForAcknowledgement(
  { context, acknowledgementMs = lifetimes.reminderOfferMs }: Delivery,
  offers: Offer[],
): Promise<Offer[]> {
  const deadlineMs = performance.now() + acknowledgementMs;
  const dueAts = new Map(offers.map((offer) => [offer.id, offer.dueAt.getTime()]));
  for (;;) {
    const rows = await withActor(context, (tx) =>
      tx
        .select({ id: reminders.id, dueAt: reminders.dueAt })
        .from(reminders)
        .where(inArray(reminders.id, [...dueAts.keys()])),
    );
    const left = new Set(rows.filter(({ id, dueAt }) => dueAt?.getTime() === dueAts.get(id)).map(({ id }) => id));
    const remainingMs = deadlineMs - performance.now();
    if (!left.size || remainingMs <= 0) return offers.filter(({ id }) => left.has(id));
    await sleep(Math.min(pollMs, remainingMs));
  }
}
