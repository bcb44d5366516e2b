/** An accepted call that has not shown up as a running job by then never will: as long as a process may take to start. */
export const launchTimeoutMs = 30_000;
/**
 * A second job for a room that comes so soon was dispatched because the first was not heard of in time: it would leave by itself,
 * but take the place of another call until then. Half of what an agent has to come by default (`AGENT_JOIN_TIMEOUT_MS`).
 */
const sameRoomMs = 4_000;

/** A job as LiveKit's server offers it. */
export interface OfferedJob {
  jobId: string;
  roomName: string;
}

/**
 * How many calls this worker may still take. The framework counts a job only once its process runs it, so a burst would
 * overshoot the cap: accepted calls are counted here from the moment of acceptance. It has to be looked at often enough to
 * see each job run: one that was not seen counts until `launchTimeoutMs` are over.
 */
export class Capacity {
  readonly #maxCalls: number;
  readonly #now: () => number;
  /** When jobs were accepted that have not been seen to run. */
  readonly #accepted = new Map<string, number>();
  /** The last job that was accepted for a room, when, and how long it may wait for its process before another is. */
  readonly #rooms = new Map<string, { jobId: string; atMs: number; waitMs: number }>();

  constructor(maxCalls: number, now: () => number = Date.now) {
    this.#maxCalls = maxCalls;
    this.#now = now;
  }

  /** Whether one more call fits, and is not that of a job which has just been accepted; if so it is counted at once. */
  accept({ jobId, roomName }: OfferedJob, runningJobIds: readonly string[]): boolean {
    if (this.count(runningJobIds) >= this.#maxCalls || this.#rooms.has(roomName)) return false;
    const atMs = this.#now();
    this.#accepted.set(jobId, atMs);
    // Processes are started one after another. A job that was given to a dead one is never seen: its room must be free soon.
    this.#rooms.set(roomName, { jobId, atMs, waitMs: sameRoomMs * this.#accepted.size });
    return true;
  }

  /** The job that was accepted for a room and waits for a process; a second one would wait behind it. */
  waitingFor(roomName: string, runningJobIds: readonly string[]): string | undefined {
    this.count(runningJobIds);
    const last = this.#rooms.get(roomName);
    return last && this.#accepted.has(last.jobId) ? last.jobId : undefined;
  }

  /**
   * Load to report, 0 to 1. LiveKit's server gives a worker the affinity `max(0, 0.7 - load)` and never asks one with
   * affinity 0, so a worker with room for one more call must stay below 0.7, and one without reports 1.
   */
  load(runningJobIds: readonly string[]): number {
    const count = this.count(runningJobIds);
    return count >= this.#maxCalls ? 1 : (0.69 * count) / this.#maxCalls;
  }

  /** Calls that run, and those accepted that are about to. */
  count(runningJobIds: readonly string[]): number {
    const now = this.#now();
    for (const id of runningJobIds) this.#accepted.delete(id);
    for (const [id, atMs] of this.#accepted) if (now - atMs > launchTimeoutMs) this.#accepted.delete(id);
    for (const [room, { jobId, atMs, waitMs }] of this.#rooms) {
      if (now - atMs > (this.#accepted.has(jobId) ? waitMs : sameRoomMs)) this.#rooms.delete(room);
    }
    return runningJobIds.length + this.#accepted.size;
  }
}
