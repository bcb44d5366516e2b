import { describe, expect, it } from 'vitest';
import { instantOf, isTimeZone, localTimeAt, localTimeOf, localTimeSchema, wallMsOf } from '../../domain/local-time.ts';
import { nextOccurrence, type Recurrence } from '../../domain/recurrence.ts';
import { newReminderSchema, type ReminderRepeat, reminderRepeats } from '../../domain/reminder.ts';
import { randomFrom } from '../support/random.ts';

const zones = [
  'Europe/Amsterdam',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Etc/UTC',
] as const;

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** What clocks show, read by another way than the code under test does. */
function shownAt(ms: number, timeZone: string): string {
  return readers[timeZone]?.format(ms).replace(' ', 'T') ?? '';
}

// In Swedish, dates are written as ISO 8601 has them.
const readers: Record<string, Intl.DateTimeFormat> = Object.fromEntries(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }),
  ]),
);

/** Every moment at which clocks show a time, looked for at each quarter of an hour that an offset can have. */
function momentsOf(localTime: string, timeZone: string): number[] {
  const wallMs = wallMsOf(localTime);
  const found: number[] = [];
  for (let ms = wallMs - 15 * 60 * minuteMs; ms <= wallMs + 15 * 60 * minuteMs; ms += 15 * minuteMs) {
    if (shownAt(ms, timeZone) === localTime) found.push(ms);
  }
  return found;
}

/** A time on the wall from 2008 to 2032, each third of them on a day around a change of clocks somewhere. */
function randomLocalTime(random: () => number): string {
  const year = 2008 + Math.floor(random() * 25);
  const changes = ['03-08', '03-29', '04-05', '10-04', '10-25', '11-01', '12-30'];
  const day = changes[Math.floor(random() * changes.length)];
  const around = Date.parse(`${year}-${day}T00:00Z`) + Math.floor(random() * 12 * 1440) * minuteMs - 6 * dayMs;
  const anywhere = Date.UTC(year, 0, 1) + Math.floor(random() * 525_600) * minuteMs;
  return localTimeAt(random() < 0.34 ? around : anywhere);
}

const at = (localTime: string, timeZone: string) => instantOf(localTime, timeZone).toISOString();

describe.each(zones)('the clock of %s', (timeZone) => {
  it('shows a time at its first moment, and one that is skipped as much later as clocks skip', () => {
    const random = randomFrom(zones.indexOf(timeZone) + 1);
    for (let round = 0; round < 100; round += 1) {
      const localTime = randomLocalTime(random);
      const [first] = momentsOf(localTime, timeZone);
      const instant = instantOf(localTime, timeZone).getTime();
      if (first !== undefined) {
        expect(instant, localTime).toBe(first);
        expect(localTimeOf(new Date(instant), timeZone)).toBe(localTime);
        continue;
      }
      // The last moment before the skip tells how far clocks were from UTC then.
      let before = instant;
      while (wallMsOf(shownAt(before, timeZone)) >= wallMsOf(localTime)) before -= 15 * minuteMs;
      const offset = wallMsOf(shownAt(before, timeZone)) - before;
      expect(instant, localTime).toBe(wallMsOf(localTime) - offset);
      expect(shownAt(instant, timeZone) > localTime).toBe(true);
    }
  });

  it.each(reminderRepeats)('has the next of what comes %s as walking from the first one finds it', (repeat) => {
    const random = randomFrom(zones.indexOf(timeZone) * 10 + reminderRepeats.indexOf(repeat));
    for (let round = 0; round < 12; round += 1) {
      const firstLocalTime = randomLocalTime(random);
      const recurrence = { firstLocalTime, timeZone, repeat };
      const first = instantOf(firstLocalTime, timeZone).getTime();
      const after = new Date(first + Math.floor((random() - 0.1) * 900) * dayMs + Math.floor(random() * dayMs));
      const next = nextOccurrence(recurrence, after);
      expect(next, `${firstLocalTime} after ${after.toISOString()}`).toEqual(walked(recurrence, after));
    }
  });
});

/** The first moment behind another one, by looking at every day from the first one on. */
function walked({ firstLocalTime, timeZone, repeat }: Recurrence, after: Date): Date | undefined {
  const [firstDay = '', clock] = firstLocalTime.split('T');
  for (let ms = Date.parse(`${firstDay}T00:00Z`); ; ms += dayMs) {
    const day = new Date(ms).toISOString().slice(0, 10);
    if (!comesOn(repeat as ReminderRepeat, firstDay, day)) continue;
    const instant = instantOf(`${day}T${clock}`, timeZone);
    if (instant > after) return instant;
  }
}

function comesOn(repeat: ReminderRepeat, firstDay: string, day: string): boolean {
  const [, firstMonth, firstDate] = firstDay.split('-').map(Number);
  const [year = 0, month = 0, date] = day.split('-').map(Number);
  const lastDate = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const isSameDate = date === Math.min(firstDate as number, lastDate);
  const weekday = new Date(day).getUTCDay();
  switch (repeat) {
    case 'daily':
      return true;
    case 'weekdays':
      return weekday > 0 && weekday < 6;
    case 'weekly':
      return weekday === new Date(firstDay).getUTCDay();
    case 'monthly':
      return isSameDate;
    case 'yearly':
      return isSameDate && month === firstMonth;
  }
}

describe('a change of clocks', () => {
  it('moves what it skips forward, by a half-hour or a day where it is that long', () => {
    expect(at('2026-03-29T02:30', 'Europe/Amsterdam')).toBe('2026-03-29T01:30:00.000Z');
    expect(at('2026-03-08T02:00', 'America/New_York')).toBe('2026-03-08T07:00:00.000Z');
    expect(at('2026-10-04T02:15', 'Australia/Lord_Howe')).toBe('2026-10-03T15:45:00.000Z');
    expect(localTimeOf(instantOf('2011-12-30T12:00', 'Pacific/Apia'), 'Pacific/Apia')).toBe('2011-12-31T12:00');
  });

  it('gives the first of two moments', () => {
    expect(at('2026-10-25T02:30', 'Europe/Amsterdam')).toBe('2026-10-25T00:30:00.000Z');
    expect(at('2026-04-05T01:45', 'Australia/Lord_Howe')).toBe('2026-04-04T14:45:00.000Z');
  });

  it('leaves recurrences at their time on the wall', () => {
    const daily = { firstLocalTime: '2026-10-23T09:00', timeZone: 'Europe/Amsterdam', repeat: 'daily' } as const;
    const shown = ['2026-10-24T08:00Z', '2026-10-25T08:00Z'].map((after) => nextOccurrence(daily, new Date(after)));
    expect(shown.map((each) => each?.toISOString())).toEqual(['2026-10-25T08:00:00.000Z', '2026-10-26T08:00:00.000Z']);
  });

  it('that skips the time of a day moves that day alone', () => {
    const daily = { firstLocalTime: '2026-03-20T02:30', timeZone: 'Europe/Amsterdam', repeat: 'daily' } as const;
    const next = nextOccurrence(daily, new Date('2026-03-28T12:00Z'));
    expect(next?.toISOString()).toBe('2026-03-29T01:30:00.000Z');
    expect(nextOccurrence(daily, next as Date)?.toISOString()).toBe('2026-03-30T00:30:00.000Z');
  });

  it('that leaves out a day has that day and the next one come once', () => {
    const daily = { firstLocalTime: '2011-12-01T12:00', timeZone: 'Pacific/Apia', repeat: 'daily' } as const;
    const moved = nextOccurrence(daily, instantOf('2011-12-29T12:00', 'Pacific/Apia')) as Date;
    expect(localTimeOf(moved, 'Pacific/Apia')).toBe('2011-12-31T12:00');
    expect(localTimeOf(nextOccurrence(daily, moved) as Date, 'Pacific/Apia')).toBe('2012-01-01T12:00');
  });
});

describe('what comes again', () => {
  const days = (firstLocalTime: string, repeat: ReminderRepeat, count: number) => {
    const recurrence = { firstLocalTime, timeZone: 'Europe/Amsterdam', repeat };
    const found: string[] = [];
    let after = new Date(instantOf(firstLocalTime, 'Europe/Amsterdam').getTime() - 1);
    while (found.length < count) {
      after = nextOccurrence(recurrence, after) as Date;
      found.push(localTimeOf(after, 'Europe/Amsterdam').slice(0, 10));
    }
    return found;
  };

  it('every month on the 31st comes on the last day of shorter ones, and on the 31st again', () => {
    const shown = ['2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30', '2028-05-31'];
    expect(days('2028-01-31T09:00', 'monthly', 5)).toEqual(shown);
  });

  it('every year on 29 February comes on the 28th of other years', () => {
    const shown = ['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29'];
    expect(days('2028-02-29T09:00', 'yearly', 5)).toEqual(shown);
  });

  it('on weekdays begins on a Monday where the first day is none', () => {
    expect(days('2026-11-21T09:00', 'weekdays', 6)).toEqual([
      '2026-11-23',
      '2026-11-24',
      '2026-11-25',
      '2026-11-26',
      '2026-11-27',
      '2026-11-30',
    ]);
  });

  it('is found at once behind centuries of it', () => {
    const daily = { firstLocalTime: '1970-01-01T09:00', timeZone: 'Etc/UTC', repeat: 'daily' } as const;
    expect(nextOccurrence(daily, new Date('2970-06-01T09:00Z'))?.toISOString()).toBe('2970-06-02T09:00:00.000Z');
  });

  it('no more is null', () => {
    const once = { firstLocalTime: '2026-11-21T09:00', timeZone: 'Etc/UTC', repeat: null };
    expect(nextOccurrence(once, new Date('2026-11-21T08:59Z'))?.toISOString()).toBe('2026-11-21T09:00:00.000Z');
    expect(nextOccurrence(once, new Date('2026-11-21T09:00Z'))).toBeNull();
  });
});

describe('what a client may send', () => {
  it('is a time that is on the calendar', () => {
    for (const good of ['2026-11-21T09:00', '2028-02-29T23:59', '1970-01-01T00:00']) {
      expect(localTimeSchema.safeParse(good).success, good).toBe(true);
    }
    const wrong = ['2026-02-29T09:00', '2026-11-31T09:00', '2026-11-21T24:00', '2026-11-21T09:60', '1969-12-31T23:59'];
    for (const bad of [...wrong, '3000-01-01T00:00', '2026-11-21 09:00', '2026-11-21T09:00Z', '2026-13-01T09:00', '']) {
      expect(localTimeSchema.safeParse(bad).success, bad).toBe(false);
    }
  });

  it('is a zone by its name, in any case', () => {
    for (const zone of [...zones, 'europe/amsterdam', 'UTC']) expect(isTimeZone(zone), zone).toBe(true);
    for (const none of ['Europe/Nowhere', '+01:00', '', 'Amsterdam']) expect(isTimeZone(none), none).toBe(false);
  });

  it('comes once unless told', () => {
    const sent = { id: crypto.randomUUID(), text: ' water the plants ', at: '2026-11-21T09:00', timeZone: 'Etc/UTC' };
    expect(newReminderSchema.parse(sent)).toEqual({ ...sent, text: 'water the plants', repeat: null });
    expect(newReminderSchema.safeParse({ ...sent, repeat: 'hourly' }).success).toBe(false);
  });
});
