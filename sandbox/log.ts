import { appendFileSync } from 'node:fs';
import type { Vendor } from './settings.ts';

/** One thing a stand-in saw or did. `atMs` is epoch time with a fraction, comparable between processes of one machine. */
export interface SandboxEvent {
  atMs: number;
  vendor: Vendor;
  /** Noun-verb, for example `connection-opened`, `request-received`, `request-closed`, `final-sent`, `context-cancelled`. */
  event: string;
  /** Number of the connection or request, unique within the vendor. */
  connection: number;
  [detail: string]: unknown;
}

/** Everything the stand-ins saw, in order, in memory and (one JSON object a line) in a file when one is named. */
export class SandboxLog {
  readonly #events: SandboxEvent[] = [];
  readonly #file: string | undefined;

  constructor(file?: string) {
    this.#file = file;
  }

  /** Stamps and keeps one event. */
  add(vendor: Vendor, event: string, connection: number, details: Record<string, unknown> = {}): void {
    const entry: SandboxEvent = {
      atMs: performance.timeOrigin + performance.now(),
      vendor,
      event,
      connection,
      ...details,
    };
    this.#events.push(entry);
    if (this.#file) appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  /** Events so far, optionally only one vendor's, only one kind's. */
  events(filter: { vendor?: Vendor; event?: string } = {}): SandboxEvent[] {
    return this.#events.filter(
      (entry) =>
        (filter.vendor === undefined || entry.vendor === filter.vendor) &&
        (filter.event === undefined || entry.event === filter.event),
    );
  }
}
