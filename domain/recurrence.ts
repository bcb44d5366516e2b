import { instantOf, localTimeAt, localTimeOf, wallMsOf } from './local-time.ts';
import type { ReminderRepeat } from './reminder.ts';

/** When something comes: first at a time on the wall of a zone, then again by the calendar of that wall. */
export interface Recurrence {
  /** `2026-11-21T09:00`; recurrences keep its clock, and the day of its month where a month has it. */
  firstLocalTime: string;
  /** IANA name. */
  timeZone: string;
  /** Null for what comes once. */
  repeat: ReminderRepeat | null;
}

const dayMs = 86_400_000;
/** A change of clocks moves a moment by a day at most: enough recurrences before the one that is looked for. */
const margin = 3;

/**
 * The first moment of a recurrence behind another moment, however many have passed until then; null when there is none.
 * @throws RangeError for a zone that this runtime doesn't know.
 */
export function nextOccurrence({ firstLocalTime, timeZone, repeat }: Recurrence, after: Date): Date | null {
  if (repeat === null) {
    const once = instantOf(firstLocalTime, timeZone);
    return once > after ? once : null;
  }
  const firstMs = wallMsOf(firstLocalTime);
  const afterMs = wallMsOf(localTimeOf(after, timeZone));
  for (let index = Math.max(0, countOf[repeat](firstMs, afterMs) - margin); ; index += 1) {
    const wallMs = wallMsAt[repeat](firstMs, index);
    if (repeat === 'weekdays' && isWeekend(wallMs)) continue;
    const at = instantOf(localTimeAt(wallMs), timeZone);
    if (at > after) return at;
  }
}

type Calendar = (firstMs: number, index: number) => number;

/** The recurrence of an index on the wall, 0 for the first one. */
const wallMsAt: Record<ReminderRepeat, Calendar> = {
  daily: (firstMs, index) => firstMs + index * dayMs,
  weekdays: (firstMs, index) => firstMs + index * dayMs,
  weekly: (firstMs, index) => firstMs + index * 7 * dayMs,
  monthly: monthsLater,
  yearly: (firstMs, index) => monthsLater(firstMs, index * 12),
};

/** About how many recurrences there are from the first one to another time on the wall. */
const countOf: Record<ReminderRepeat, Calendar> = {
  daily: daysBetween,
  weekdays: daysBetween,
  weekly: (firstMs, untilMs) => Math.floor(daysBetween(firstMs, untilMs) / 7),
  monthly: monthsBetween,
  yearly: (firstMs, untilMs) => Math.floor(monthsBetween(firstMs, untilMs) / 12),
};

function daysBetween(firstMs: number, untilMs: number): number {
  return Math.floor((untilMs - firstMs) / dayMs);
}

function monthsBetween(firstMs: number, untilMs: number): number {
  const [first, until] = [new Date(firstMs), new Date(untilMs)];
  return (until.getUTCFullYear() - first.getUTCFullYear()) * 12 + until.getUTCMonth() - first.getUTCMonth();
}

/** The same day and time of another month, or the last day of a month that is too short for it. */
function monthsLater(firstMs: number, months: number): number {
  const first = new Date(firstMs);
  const [year, month] = [first.getUTCFullYear(), first.getUTCMonth() + months];
  // Day 0 is the last one of the month before.
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(first.getUTCDate(), lastDay), first.getUTCHours(), first.getUTCMinutes());
}

function isWeekend(wallMs: number): boolean {
  const day = new Date(wallMs).getUTCDay();
  return day === 0 || day === 6;
}
