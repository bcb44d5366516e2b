import { beforeEach, describe, expect, it } from 'vitest';
import { type HealthClock, VendorHealth, type VendorNews } from '../../providers/fallback/health.ts';

/** A clock that is wound by hand. */
class Clock implements HealthClock {
  #nowMs = 1_000_000;
  #timers: { atMs: number; run: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Lets time pass, and everything that is due, with what follows of it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = next.atMs;
      next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = untilMs;
  }
}

describe('VendorHealth', () => {
  const key = 'llm:anthropic';
  let clock: Clock;
  let health: VendorHealth;
  let news: VendorNews[];
  let probes: number[];
  let answer: (signal: AbortSignal) => Promise<void>;

  const create = () => {
    const made = new VendorHealth({
      firstPauseMs: 1_000,
      longestPauseMs: 4_000,
      refusedPauseMs: 30_000,
      probeTimeoutMs: 500,
      clock,
    });
    made.watch(key, {
      probe: (signal) => {
        probes.push(clock.now() - 1_000_000);
        return answer(signal);
      },
    });
    return made;
  };

  beforeEach(() => {
    clock = new Clock();
    [news, probes] = [[], []];
    answer = async () => {};
    health = create();
    health.onChange((each) => news.push(each));
  });

  it('takes a vendor for well until it failed, and again once a probe was answered', async () => {
    expect(health.isWell(key)).toBe(true);
    health.failed(key, 'timeout');
    expect(health.isWell(key)).toBe(false);
    await clock.pass(999);
    expect(health.isWell(key)).toBe(false);
    await clock.pass(1);
    expect(health.isWell(key)).toBe(true);
    await clock.pass(60_000);
    expect(probes).toEqual([1_000]);
    expect(news.map(({ well, atMs }) => [well, atMs - 1_000_000])).toEqual([
      [false, 0],
      [true, 1_000],
    ]);
  });

  it('probes with growing pauses, after a vendor that takes probes and nothing else too', async () => {
    answer = () => Promise.reject(new Error('still away'));
    health.failed(key, 'error');
    await clock.pass(15_000);
    expect(probes).toEqual([1_000, 3_000, 7_000, 11_000, 15_000]);
    answer = async () => {};
    await clock.pass(4_000);
    expect(health.isWell(key)).toBe(true);
    health.failed(key, 'error');
    await clock.pass(3_999);
    expect(health.isWell(key)).toBe(false);
    await clock.pass(1);
    health.succeeded(key);
    health.failed(key, 'error');
    await clock.pass(1_000);
    expect(health.isWell(key)).toBe(true);
  });

  it('waits longer after a refusal, also when that comes second', async () => {
    health.failed(key, 'error');
    health.failed(key, 'refused');
    await clock.pass(29_999);
    expect(probes).toEqual([]);
    await clock.pass(1);
    expect(health.isWell(key)).toBe(true);
  });

  it('probes once at a time, and gives a probe up that is not answered', async () => {
    const signals: AbortSignal[] = [];
    answer = (signal) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    health.failed(key, 'error');
    await clock.pass(1_400);
    health.failed(key, 'timeout');
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await clock.pass(200);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(health.isWell(key)).toBe(false);
    await clock.pass(2_000);
    expect(signals).toHaveLength(2);
  });

  it('stops probing when the vendor answered somebody meanwhile, and when it is closed', async () => {
    health.failed(key, 'error');
    health.succeeded(key);
    expect(clock.pending).toBe(0);
    health.failed(key, 'error');
    health.close();
    expect(clock.pending).toBe(0);
    await clock.pass(60_000);
    expect(probes).toEqual([]);
  });

  it('gives a vendor another chance that nobody can probe', async () => {
    health.failed('tts:other', 'error');
    await clock.pass(1_000);
    expect(health.isWell('tts:other')).toBe(true);
  });

  it('orders the well ones as they were, then the others, longest since their failure first', async () => {
    const keys = ['a', 'b', 'c', 'd'];
    health.failed('c', 'refused');
    await clock.pass(10);
    health.failed('a', 'refused');
    await clock.pass(10);
    expect(health.order(keys)).toEqual(['b', 'd', 'c', 'a']);
    health.failed('c', 'error');
    expect(health.order(keys)).toEqual(['b', 'd', 'a', 'c']);
  });

  it('shares what it learnt, without a loop, and heeds only what is newer', async () => {
    const other = create();
    const told: VendorNews[] = [];
    other.onChange((each) => told.push(each));
    health.onChange((each) => other.learn(each));
    other.onChange((each) => health.learn(each));
    await clock.pass(5);
    health.failed(key, 'error');
    expect(other.isWell(key)).toBe(false);
    expect([news.length, told.length]).toEqual([1, 0]);
    other.learn({ key, well: true, atMs: clock.now() - 1 });
    expect(other.isWell(key)).toBe(false);
    // Whoever saw it asks first, and spares the other the probe.
    await clock.pass(1_000);
    expect([health.isWell(key), other.isWell(key)]).toEqual([true, true]);
    await clock.pass(60_000);
    expect(probes).toEqual([1_005]);
    expect([news.length, told.length]).toEqual([2, 0]);
  });

  it('probes for itself when whoever told of a failure tells no more', async () => {
    health.learn({ key, well: false, atMs: clock.now() });
    await clock.pass(1_999);
    expect(probes).toEqual([]);
    await clock.pass(1);
    expect(probes).toEqual([2_000]);
    expect(health.isWell(key)).toBe(true);
  });

  it('forgets an adapter that is closed', async () => {
    const gone = health.watch('stt:other', { probe: () => Promise.reject(new Error('closed')) });
    health.failed('stt:other', 'error');
    gone();
    await clock.pass(1_000);
    expect(health.isWell('stt:other')).toBe(true);
  });
});
