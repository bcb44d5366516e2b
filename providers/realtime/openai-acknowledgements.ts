import { llm } from '@livekit/agents';

interface Expected {
  key: string;
  resolve(): void;
  reject(error: Error): void;
}

/** What was sent and waits for the server's word on it, by the id of the event that was sent. */
export class Acknowledgements {
  readonly #expected = new Map<string, Expected>();

  /**
   * Waits until `key` is told.
   * @throws RealtimeError when the server refuses the event, or says nothing for `timeoutMs`.
   */
  expect(eventId: string, key: string, timeoutMs: number): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.refuse(eventId, new llm.RealtimeError(`no answer to ${key}`)), timeoutMs);
      this.#expected.set(eventId, {
        key,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  /** The oldest event that waits for this is done. */
  tell(key: string): void {
    for (const [eventId, expected] of this.#expected) {
      if (expected.key !== key) continue;
      this.#expected.delete(eventId);
      expected.resolve();
      return;
    }
  }

  /** Whether anybody waited for this event. */
  refuse(eventId: string, error: Error): boolean {
    const expected = this.#expected.get(eventId);
    this.#expected.delete(eventId);
    expected?.reject(error);
    return expected !== undefined;
  }

  /** Nothing will be told any more: whatever was wanted is told to the next connection anyway. */
  settle(): void {
    for (const { resolve } of this.#expected.values()) resolve();
    this.#expected.clear();
  }
}
