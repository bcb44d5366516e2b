import { describe, expect, test } from 'vitest';
import { Capacity } from '../../agents/capacity.ts';

/** What LiveKit's server takes off: a worker that reports this load or more is never asked. */
const targetLoad = 0.7;

/** A job in a room of its own. */
const jobOf = (jobId: string) => ({ jobId, roomName: `room of ${jobId}` });

describe('Capacity', () => {
  test('takes calls up to its cap, counted from their acceptance', () => {
    const capacity = new Capacity(2);
    expect(capacity.accept(jobOf('one'), [])).toBe(true);
    expect(capacity.accept(jobOf('two'), [])).toBe(true);
    expect(capacity.accept(jobOf('three'), [])).toBe(false);
    expect(capacity.load([])).toBe(1);
  });

  test('counts a call once, whether accepted, running or both', () => {
    const capacity = new Capacity(3);
    expect(capacity.accept(jobOf('one'), [])).toBe(true);
    expect(capacity.accept(jobOf('two'), ['one'])).toBe(true);
    expect(capacity.accept(jobOf('three'), ['one', 'two'])).toBe(true);
    expect(capacity.accept(jobOf('four'), ['one', 'two', 'three'])).toBe(false);
  });

  test('has room again once a call has ended', () => {
    const capacity = new Capacity(1);
    expect(capacity.accept(jobOf('one'), [])).toBe(true);
    expect(capacity.accept(jobOf('two'), ['one'])).toBe(false);
    expect(capacity.load(['one'])).toBe(1);
    expect(capacity.load([])).toBe(0);
    expect(capacity.accept(jobOf('two'), [])).toBe(true);
  });

  test('has room again once a job has left before it was seen to run', () => {
    const capacity = new Capacity(1);
    expect(capacity.accept(jobOf('one'), [])).toBe(true);
    capacity.launched('one');
    expect(capacity.count(['one'])).toBe(1);
    expect(capacity.accept(jobOf('two'), [])).toBe(true);
  });

  test('forgets a call that was accepted and did not run within 30 s', () => {
    let now = 0;
    const capacity = new Capacity(1, () => now);
    expect(capacity.accept(jobOf('lost'), [])).toBe(true);
    now = 30_000;
    expect(capacity.accept(jobOf('early'), [])).toBe(false);
    now = 30_001;
    expect(capacity.load([])).toBe(0);
    expect(capacity.accept(jobOf('next'), [])).toBe(true);
  });

  test('takes no second job for the room of one that was accepted within 4 s, running or not', () => {
    let now = 0;
    const capacity = new Capacity(5, () => now);
    const [first, second] = ['first', 'second'].map((jobId) => ({ jobId, roomName: 'a room' }));
    if (!first || !second) throw new Error('two jobs');
    expect(capacity.accept(first, [])).toBe(true);
    now = 4_000;
    expect(capacity.accept(second, [])).toBe(false);
    expect(capacity.accept(second, ['first'])).toBe(false);
    expect(capacity.accept(jobOf('other'), ['first'])).toBe(true);
    now = 4_001;
    expect(capacity.accept(second, ['first', 'other'])).toBe(true);
    expect(capacity.count(['first', 'other'])).toBe(3);
  });

  test.each([1, 2, 3, 20, 1_000])(
    'of %i calls reports a load that leaves the last one room, and 1 at the cap',
    (maxCalls) => {
      const capacity = new Capacity(maxCalls);
      const running: string[] = [];
      let before = -1;
      while (running.length < maxCalls) {
        const load = capacity.load(running);
        expect(load).toBeGreaterThan(before);
        expect(load).toBeLessThanOrEqual(0.69);
        expect(targetLoad - load).toBeGreaterThan(0);
        before = load;
        running.push(`job-${running.length}`);
      }
      expect(capacity.load(running)).toBe(1);
    },
  );
});
