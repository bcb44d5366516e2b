import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** A loop that runs until it is stopped. */
export interface Watchdog {
  /** Resolves once the round under way is over. */
  stop(): Promise<void>;
}

/**
 * Runs `round` again and again, `intervalMs` after the last one ended. A failing round never ends the loop and is logged
 * once per streak: what is away for an hour fills no log.
 */
export function startWatchdog(options: { round: () => Promise<unknown>; intervalMs: number; log: Log }): Watchdog {
  const stopping = new AbortController();
  const loop = run(options, stopping.signal);
  return {
    stop() {
      stopping.abort();
      return loop;
    },
  };
}

async function run(
  { round, intervalMs, log }: Parameters<typeof startWatchdog>[0],
  stopping: AbortSignal,
): Promise<void> {
  let isFailing = false;
  while (!stopping.aborted) {
    try {
      await round();
      if (isFailing) log.info('the dispatch watchdog works again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.error({ reason: reasonOf(error) }, 'the dispatch watchdog fails; it goes on trying');
      isFailing = true;
    }
    // Aborting a pause is how it ends early.
    await sleep(intervalMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}
