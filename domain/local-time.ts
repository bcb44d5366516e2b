import { z } from 'zod';

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Date and time as a clock on a wall shows them, `2026-11-21T09:00`, without the zone the wall is in. */
export const localTimeSchema = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/, 'needs a date and time such as 2026-11-21T09:00')
  .refine(isOnCalendar, 'is no date and time from 1970 to 2999')
  .describe('Date and time on the wall, such as `2026-11-21T09:00`.');

/** Whether this is the name of a zone of the IANA time zone database, as far as this runtime knows it. */
export function isTimeZone(name: string): boolean {
  // An offset is no zone: it can't tell when clocks change.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    clockOf(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The moment at which clocks of a zone show this time. One that a change of clocks skips is moved forward by as much as they
 * skip; of one that they show twice it is the first.
 * @throws RangeError for a zone that `isTimeZone` doesn't know.
 */
export function instantOf(localTime: string, timeZone: string): Date {
  const wallMs = wallMsOf(localTime);
  // No zone changes its clocks twice within two days: these are its offsets on both sides of a change.
  const before = offsetMsAt(wallMs - dayMs, timeZone);
  const after = offsetMsAt(wallMs + dayMs, timeZone);
  const shown = [wallMs - before, wallMs - after].filter((ms) => ms + offsetMsAt(ms, timeZone) === wallMs);
  return new Date(shown.length ? Math.min(...shown) : wallMs - before);
}

/** What clocks of a zone show at a moment. @throws RangeError as `instantOf`. */
export function localTimeOf(at: Date, timeZone: string): string {
  return localTimeAt(at.getTime() + offsetMsAt(at.getTime(), timeZone));
}

/** A local time as milliseconds, as if the wall were in UTC: for counting on the calendar. */
export function wallMsOf(localTime: string): number {
  return Date.parse(`${localTime}Z`);
}

/** The reverse of `wallMsOf`, to the minute. */
export function localTimeAt(wallMs: number): string {
  return new Date(Math.floor(wallMs / minuteMs) * minuteMs).toISOString().slice(0, 16);
}

function isOnCalendar(localTime: string): boolean {
  const wallMs = wallMsOf(localTime);
  const year = new Date(wallMs).getUTCFullYear();
  // Date takes the 31st of a short month for the 1st of the next one.
  return year >= 1970 && year <= 2999 && localTimeAt(wallMs) === localTime;
}

/** How far clocks of a zone are ahead of UTC at a moment. */
function offsetMsAt(ms: number, timeZone: string): number {
  const wholeSeconds = Math.floor(ms / 1_000) * 1_000;
  const shown = Object.fromEntries(
    clockOf(timeZone)
      .formatToParts(wholeSeconds)
      .map(({ type, value }) => [type, +value]),
  );
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) - wholeSeconds;
}

/** By the zone's name in small letters, since case doesn't count: making one takes longer than asking it a thousand times. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone.toLowerCase());
  if (known) return known;
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  clocks.set(timeZone.toLowerCase(), clock);
  return clock;
}
