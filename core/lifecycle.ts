import { AppError, ConfigError } from './errors.ts';

/** Undoes one acquisition; may be called once. */
export type Release = () => unknown | Promise<unknown>;

/**
 * A list of everything a process acquired, unwound in reverse order in one place. A failing release doesn't keep the
 * others from running; the first failure is thrown at the end.
 */
export class Releasers {
  #releases: Release[] = [];
  #unwinding: Promise<void> | undefined;

  /** Registers how to give something back. */
  add(release: Release): void {
    this.#releases.push(release);
  }

  /** Releases everything, newest first. A second call waits for the first one. */
  releaseAll(): Promise<void> {
    this.#unwinding ??= this.#unwind();
    return this.#unwinding;
  }

  async #unwind(): Promise<void> {
    const failures: unknown[] = [];
    for (const release of this.#releases.splice(0).reverse()) {
      try {
        await release();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length) throw failures[0];
  }
}

/** Resolves with the signal's name on the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(130);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/**
 * Runs an entry file's `main` and ends the process with it: 0, or 1 after one message on standard error. An error of ours is
 * told without its stack: it says what to mend.
 */
export async function runProgram(main: () => Promise<void>): Promise<never> {
  try {
    await main();
  } catch (error) {
    const expected = error instanceof ConfigError || error instanceof AppError;
    const message = expected ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`${message}\n`);
    process.exit(1);
  }
  process.exit(0);
}
