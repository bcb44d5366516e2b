/** One stretch of speech as the vendor cut it out; times are milliseconds of the connection's audio. */
export interface SpeechItem {
  readonly id: string;
  readonly startMs: number;
  /** Once it is over. */
  endMs?: number;
  /** What was transcribed so far. */
  text: string;
  isComplete: boolean;
}

/**
 * The stretches of speech of one connection that have no final transcript yet. The vendor may finish them in another order
 * than they were spoken in: they are given out in theirs.
 */
export class SpeechItems {
  readonly #items: SpeechItem[] = [];

  /** Whether nothing is being spoken or transcribed. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Whether the end of the latest is still to come. */
  get isSpeaking(): boolean {
    const latest = this.#items.at(-1);
    return latest !== undefined && latest.endMs === undefined;
  }

  start(id: string, startMs: number): void {
    this.#items.push({ id, startMs, text: '', isComplete: false });
  }

  /** Says where a stretch ends, unless that is known. */
  stop(id: string, endMs: number): void {
    const item = this.#find(id);
    if (item) item.endMs ??= endMs;
  }

  /** Adds to a transcript. Gives the item if it is the one to be told of now. */
  extend(id: string, text: string): SpeechItem | undefined {
    const item = this.#find(id);
    if (item) item.text += text;
    return item && item === this.#items[0] ? item : undefined;
  }

  /** Takes a final transcript. Gives the items that are complete and whose predecessors are, and forgets them. */
  complete(id: string, text: string): SpeechItem[] {
    const item = this.#find(id);
    if (item) Object.assign(item, { text, isComplete: true });
    const open = this.#items.findIndex(({ isComplete }) => !isComplete);
    return this.#items.splice(0, open < 0 ? this.#items.length : open);
  }

  /** Whether an item is one of speech; audio that was committed otherwise may be anything. */
  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** Whether an item is speech whose end is known. */
  isOver(id: string): boolean {
    return this.#find(id)?.endMs !== undefined;
  }

  #find(id: string): SpeechItem | undefined {
    return this.#items.find((item) => item.id === id);
  }
}
