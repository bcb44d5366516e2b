import { EventStream } from './event-stream.ts';

/** The connections by which jobs are known to be there: each ends when its job's process does. */
export class LeaseConnections {
  readonly #open = new Set<EventStream>();
  #isClosed = false;

  /**
   * Body of an answer that lasts as long as its job wants to be known to be there.
   * @param onLost called when the job has let go of it
   */
  open(onLost: () => void): ReadableStream<Uint8Array> {
    const events = new EventStream(() => {
      this.#open.delete(events);
      if (!this.#isClosed) onLost();
    });
    // Headers go out with the first bytes.
    events.send('connected', {});
    if (this.#isClosed) events.end();
    else this.#open.add(events);
    return events.body;
  }

  /** Ends them all, with nobody lost: their jobs connect to another process, or to the next one here. */
  close(): void {
    this.#isClosed = true;
    for (const events of this.#open) events.end();
    this.#open.clear();
  }
}
