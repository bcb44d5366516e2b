import type { Probed } from '../probe.ts';
import type { FallbackReason } from './event.ts';

/** What one process learnt about a vendor, for the others. */
export interface VendorNews {
  /** Port and vendor, for example `llm:anthropic`. */
  key: string;
  well: boolean;
  /** When it was learnt, in epoch milliseconds. */
  atMs: number;
}

/** The time and the timers in use; tests bring their own. */
export interface HealthClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Runs something later, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void;
}

/** How patient the health of vendors is. All of it has a default. */
export interface VendorHealthOptions {
  /** From a failure to the first probe (default 5 s). Doubles with each failure after that. */
  firstPauseMs?: number;
  /** Longest pause between two probes (default 60 s). */
  longestPauseMs?: number;
  /** From a refusal to the first probe (default 60 s): keys are rarely mended sooner. Doubles too, up to ten times this. */
  refusedPauseMs?: number;
  /** How long a probe may take (default 5 s). */
  probeTimeoutMs?: number;
  clock?: HealthClock;
}

interface Vendor {
  well: boolean;
  /** Of the latest news, whoever brought it. */
  changedAtMs: number;
  failedAtMs: number;
  refused: boolean;
  /** Failures since it last answered something real: a vendor may take probes and still not work. */
  strikes: number;
  probes: Set<Probed>;
  /** Ends the wait for a probe, or the probe. */
  cancel: (() => void) | undefined;
}

const systemClock: HealthClock = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Knows which vendors are well. Whoever uses one tells of it; one that failed is probed, free of charge and never twice at a
 * time, until it is well again. A vendor that nobody knows how to probe is given another chance after the pause.
 */
export class VendorHealth {
  readonly #options: Required<VendorHealthOptions>;
  readonly #vendors = new Map<string, Vendor>();
  readonly #listeners = new Set<(news: VendorNews) => void>();
  #closed = false;

  constructor(options: VendorHealthOptions = {}) {
    const { firstPauseMs = 5_000, longestPauseMs = 60_000, refusedPauseMs = 60_000 } = options;
    const { probeTimeoutMs = 5_000, clock = systemClock } = options;
    this.#options = { firstPauseMs, longestPauseMs, refusedPauseMs, probeTimeoutMs, clock };
  }

  /** Whether a vendor is well; one of which nothing is known is. */
  isWell(key: string): boolean {
    return this.#vendors.get(key)?.well ?? true;
  }

  /** The same keys: the well ones first, in their own order, then the others, longest since their failure first. */
  order(keys: readonly string[]): string[] {
    const failedAtMs = (key: string) => this.#vendors.get(key)?.failedAtMs ?? 0;
    const well = keys.filter((key) => this.isWell(key));
    const others = keys.filter((key) => !this.isWell(key));
    return [...well, ...others.toSorted((a, b) => failedAtMs(a) - failedAtMs(b))];
  }

  /** Probes a vendor with this adapter, while it is not well, until the returned function is called. */
  watch(key: string, probed: Probed): () => void {
    const { probes } = this.#vendor(key);
    probes.add(probed);
    return () => probes.delete(probed);
  }

  /** A vendor failed somebody. */
  failed(key: string, reason: FallbackReason): void {
    const vendor = this.#vendor(key);
    vendor.failedAtMs = this.#options.clock.now();
    const isNews = vendor.well;
    const isWorse = reason === 'refused' && !vendor.refused;
    vendor.refused ||= isWorse;
    if (!isNews && !isWorse) return;
    if (isNews) vendor.strikes += 1;
    this.#change(vendor, false);
    this.#probeLater(key, vendor);
    if (isNews) this.#tell(key, vendor);
  }

  /** A vendor answered somebody. */
  succeeded(key: string): void {
    const vendor = this.#vendors.get(key);
    if (!vendor) return;
    vendor.strikes = 0;
    if (!vendor.well) this.#recovered(key, vendor);
  }

  /** Takes in what another process learnt, unless something newer is known. Nobody is told of it again. */
  learn({ key, well, atMs }: VendorNews): void {
    const vendor = this.#vendor(key);
    if (atMs <= vendor.changedAtMs || well === vendor.well) return;
    this.#change(vendor, well);
    vendor.changedAtMs = atMs;
    if (well) return;
    vendor.failedAtMs = atMs;
    // Whoever saw the failure probes first; two strikes make the pause here the longer one.
    vendor.strikes = Math.max(vendor.strikes, 2);
    this.#probeLater(key, vendor);
  }

  /** Tells a listener what is learnt here (not what is learnt from others), until the returned function is called. */
  onChange(listener: (news: VendorNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Probes no more. */
  close(): void {
    this.#closed = true;
    for (const vendor of this.#vendors.values()) vendor.cancel?.();
    this.#listeners.clear();
  }

  #vendor(key: string): Vendor {
    let vendor = this.#vendors.get(key);
    if (!vendor) {
      const since = { changedAtMs: 0, failedAtMs: 0 };
      vendor = { well: true, ...since, refused: false, strikes: 0, probes: new Set(), cancel: undefined };
      this.#vendors.set(key, vendor);
    }
    return vendor;
  }

  #change(vendor: Vendor, well: boolean): void {
    vendor.cancel?.();
    vendor.cancel = undefined;
    vendor.well = well;
    vendor.changedAtMs = this.#options.clock.now();
    if (well) vendor.refused = false;
  }

  #recovered(key: string, vendor: Vendor): void {
    this.#change(vendor, true);
    this.#tell(key, vendor);
  }

  #tell(key: string, { well, changedAtMs: atMs }: Vendor): void {
    for (const listener of this.#listeners) listener({ key, well, atMs });
  }

  #probeLater(key: string, vendor: Vendor): void {
    if (this.#closed) return;
    const { firstPauseMs, longestPauseMs, refusedPauseMs } = this.#options;
    const growth = 2 ** Math.max(0, vendor.strikes - 1);
    const pauseMs = vendor.refused
      ? Math.min(refusedPauseMs * growth, refusedPauseMs * 10)
      : Math.min(firstPauseMs * growth, longestPauseMs);
    vendor.cancel = this.#options.clock.after(pauseMs, () => this.#probe(key, vendor));
  }

  #probe(key: string, vendor: Vendor): void {
    const [probed] = vendor.probes;
    if (!probed) {
      // A guess, and no news for others: a process without a call has no adapters to ask with.
      this.#change(vendor, true);
      return;
    }
    const given = new AbortController();
    let settled = false;
    const settle = (well: boolean) => {
      if (settled) return;
      settled = true;
      stopTimer();
      given.abort();
      if (well) {
        this.#recovered(key, vendor);
        return;
      }
      vendor.strikes += 1;
      this.#probeLater(key, vendor);
    };
    // An adapter that doesn't heed the signal must not hold up the next probe.
    const stopTimer = this.#options.clock.after(this.#options.probeTimeoutMs, () => settle(false));
    vendor.cancel = () => {
      settled = true;
      stopTimer();
      given.abort();
    };
    // Also what a probe throws before it returns a promise.
    Promise.resolve()
      .then(() => probed.probe(given.signal))
      .then(
        () => settle(true),
        () => settle(false),
      );
  }
}
