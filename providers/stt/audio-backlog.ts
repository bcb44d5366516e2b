/**
 * Audio that was taken in but not transcribed yet, so that a new connection can be given it again. Positions are counted
 * in bytes of the whole stream; callers see seconds.
 */
export class AudioBacklog {
  readonly #bytesPerSecond: number;
  readonly #longestBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #keptBytes = 0;
  #droppedBytes = 0;
  #connectionStartBytes = 0;

  /** @param longestSeconds What is kept at most; the oldest audio goes first. */
  constructor(bytesPerSecond: number, longestSeconds: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#longestBytes = bytesPerSecond * longestSeconds;
  }

  /** Where, in the stream, the audio of the present connection begins. */
  get connectionStartSeconds(): number {
    return this.#connectionStartBytes / this.#bytesPerSecond;
  }

  /** Keeps a chunk; it must not be changed afterwards. */
  append(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#keptBytes += chunk.length;
    this.#drop(this.#keptBytes - this.#longestBytes);
  }

  /** A new connection begins: gives what it has to be sent first. */
  replay(): readonly Uint8Array[] {
    this.#connectionStartBytes = this.#droppedBytes;
    return [...this.#chunks];
  }

  /** Forgets what is transcribed for good: the first `seconds` of the present connection's audio. */
  acknowledge(seconds: number): void {
    // Whole 16-bit samples only, or everything after would be noise.
    const bytes = 2 * Math.round((seconds * this.#bytesPerSecond) / 2);
    this.#drop(this.#connectionStartBytes + bytes - this.#droppedBytes);
  }

  #drop(bytes: number): void {
    let left = Math.min(bytes, this.#keptBytes);
    for (let chunk = this.#chunks[0]; chunk && left > 0; chunk = this.#chunks[0]) {
      const cut = Math.min(left, chunk.length);
      if (cut === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(cut);
      left -= cut;
      this.#keptBytes -= cut;
      this.#droppedBytes += cut;
    }
  }
}
