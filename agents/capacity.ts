/** An accepted call that has not shown up as a running job by then never will. */
const launchTimeoutMs = 30_000;
/**
 * A second job for a room that comes so soon was dispatched because the first was not heard of in time: it would leave by itself,
 * but take the place of another call until then. Half of what an agent has to come by default (`AGENT_JOIN_TIMEOUT_MS`).
 */
const sameRoomMs = 4_000;

/**
 * How many calls this worker may still take. The framework counts a job only once its process runs it, so a burst would
 * overshoot the cap: accepted calls are counted here from the moment of acceptance.
 */
export class Capacity {
  readonly #maxCalls: number;
  readonly #now: () => number;
  readonly #accepted = new Map<string, number>();
  /** When the last job of a room was accepted. */
  readonly #rooms = new Map<string, number>();

  constructor(maxCalls: number, now: () => number = Date.now) {
    this.#maxCalls = maxCalls;
    this.#now = now;
  }

  /** Whether one more call fits, and is not that of a job which has just been accepted; if so it is counted at once. */
  accept({ jobId, roomName }: { jobId: string; roomName: string }, runningJobIds: readonly string[]): boolean {
    if (this.count(runningJobIds) >= this.#maxCalls || this.#rooms.has(roomName)) return false;
    this.#accepted.set(jobId, this.#now());
    this.#rooms.set(roomName, this.#now());
    return true;
  }

  /** The job of an accepted call runs, or has run: one that left at once may never have been seen among those that run. */
  launched(jobId: string): void {
    this.#accepted.delete(jobId);
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
    for (const id of runningJobIds) this.#accepted.delete(id);
    this.#forget(this.#accepted, launchTimeoutMs);
    this.#forget(this.#rooms, sameRoomMs);
    return runningJobIds.length + this.#accepted.size;
  }

  #forget(moments: Map<string, number>, afterMs: number): void {
    for (const [key, at] of moments) if (this.#now() - at > afterMs) moments.delete(key);
  }
}
