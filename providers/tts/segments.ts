/**
 * The text of a reply on its way to a voice: cut into segments (between two flushes) and pieces (what is sent at once).
 * Pieces are verbatim: joined they are the text. LiveKit's own sentence tokenizer reorders quotes, drops white space and
 * holds a sentence back until the next one has begun, none of which suits a vendor that joins what it is sent.
 */

/** A list that grows while it is read, from any place and more than once, so that a retry can begin again. */
export class GrowingList<T> {
  readonly #items: T[] = [];
  #ended = false;
  #waiting: (() => void)[] = [];

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  /** No more items will come. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The item at an index as soon as it is there; undefined when the list ended before it. */
  async at(index: number): Promise<T | undefined> {
    while (index >= this.#items.length && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#items[index];
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The pieces of one segment. */
export type Segment = GrowingList<string>;

/** Cartesia advises three or four words for a first input: shorter ones lack context for their intonation. */
const firstPieceMinCharacters = 10;
const firstPieceWords = /^\s*(?:\S+\s+){3}/;
const pieceMinCharacters = 20;
/** Text without punctuation is cut between words beyond this, so that a long list doesn't hold up its own audio. */
const pieceMaxCharacters = 200;

const afterClause = /[.!?…:;,]["'”’»)\]]*\s+/g;
const afterSentence = /[.!?…:;]["'”’»)\]]*\s+/g;

/** Whether there is anything to say in a text; a voice refuses a text without a letter or a digit. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

/**
 * Where pieces end. `clause`: the first after a clause, later ones after sentences. `words`: the first after three words already, for
 * voices that go on with the intonation of what they have been given. `fine`: the same, and later ones after clauses too, for
 * whoever hands them on to be cut again.
 */
export type Cut = 'clause' | 'words' | 'fine';

/** Cuts one segment: its first piece is short, for speed, later ones are long, for intonation. */
export class PieceCutter {
  readonly #cut: Cut;
  #rest = '';
  #first = true;

  constructor(cut: Cut = 'clause') {
    this.#cut = cut;
  }

  /** Takes more text and gives the pieces that are now complete. */
  push(text: string): string[] {
    this.#rest += text;
    const pieces: string[] = [];
    for (let cut = this.#nextCut(); cut > 0; cut = this.#nextCut()) {
      pieces.push(this.#rest.slice(0, cut));
      this.#rest = this.#rest.slice(cut);
      this.#first = false;
    }
    return pieces;
  }

  /** What is left at the end of the segment; may be empty. */
  rest(): string {
    return this.#rest;
  }

  #nextCut(): number {
    const short = this.#first || this.#cut === 'fine';
    const minimum = short ? firstPieceMinCharacters : pieceMinCharacters;
    for (const match of this.#rest.matchAll(short ? afterClause : afterSentence)) {
      const end = match.index + match[0].length;
      if (end >= minimum && isSpeakable(this.#rest.slice(0, end))) return end;
    }
    const early = this.#first && this.#cut !== 'clause' ? firstPieceWords.exec(this.#rest)?.[0] : undefined;
    if (early && early.length >= firstPieceMinCharacters && isSpeakable(early)) return early.length;
    return this.#rest.length > pieceMaxCharacters ? this.#rest.lastIndexOf(' ', pieceMaxCharacters) + 1 : 0;
  }
}

/**
 * Reads a stream's input, text and flush marks (any symbol), to its end and gives its segments as they come. Only the
 * last piece of a segment may be unspeakable.
 */
export function readSegments(input: AsyncIterable<string | symbol>, cut?: Cut): GrowingList<Segment> {
  const segments = new GrowingList<Segment>();
  let open: { segment: Segment; cutter: PieceCutter } | undefined;
  const finish = () => {
    const rest = open?.cutter.rest();
    if (rest) open?.segment.push(rest);
    open?.segment.end();
    open = undefined;
  };
  const read = async () => {
    for await (const part of input) {
      if (typeof part === 'symbol') {
        finish();
        continue;
      }
      if (!open) {
        open = { segment: new GrowingList(), cutter: new PieceCutter(cut) };
        segments.push(open.segment);
      }
      for (const piece of open.cutter.push(part)) open.segment.push(piece);
    }
  };
  void read().finally(() => {
    finish();
    segments.end();
  });
  return segments;
}
