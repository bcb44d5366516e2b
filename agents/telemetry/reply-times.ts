/** When a request to a model was made and first brought words; the second is filled in when it does. Epoch milliseconds. */
export interface RequestTimes {
  readonly askedAtMs: number;
  firstTextAtMs?: number;
}

/** The end of a sentence: white space has to follow, or a number would be one. */
const sentenceEnd = /[.!?…]["'”’»)\]]*\s|[。！？]|\n/u;

/**
 * When the parts of one reply came, epoch milliseconds. A reply may take up a request that was made for an earlier one: its
 * times are those of the request.
 */
export class ReplyTimes {
  /** The request this reply is read from, where it is known. */
  request: RequestTimes | undefined;
  firstSentenceAtMs: number | undefined;
  firstAudioAtMs: number | undefined;
  readonly #begunAtMs: number;
  readonly #now: () => number;
  #readAtMs: number | undefined;
  #sentence = '';

  constructor(now: () => number) {
    this.#now = now;
    this.#begunAtMs = now();
  }

  get askedAtMs(): number {
    return Math.min(this.#begunAtMs, this.request?.askedAtMs ?? Number.POSITIVE_INFINITY);
  }

  get firstTextAtMs(): number | undefined {
    if (this.#readAtMs === undefined) return undefined;
    return Math.min(this.#readAtMs, this.request?.firstTextAtMs ?? Number.POSITIVE_INFINITY);
  }

  /** Words of the reply have come. Nothing of them is kept beyond its first sentence. */
  text(words: string): void {
    if (!words || this.firstSentenceAtMs !== undefined) return;
    this.#readAtMs ??= this.#now();
    this.#sentence += words;
    if (sentenceEnd.test(this.#sentence.trimStart())) this.#endSentence();
  }

  /** There are no more words. */
  textEnded(): void {
    if (this.#readAtMs !== undefined && this.firstSentenceAtMs === undefined) this.#endSentence();
  }

  /** The voice has made audio of it. */
  audio(): void {
    this.firstAudioAtMs ??= this.#now();
  }

  #endSentence(): void {
    this.firstSentenceAtMs = this.#now();
    this.#sentence = '';
  }
}
