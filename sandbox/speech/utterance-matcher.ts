import { type Frame, frameMs } from './frames.ts';
import { type SpeechLibrary, type Template, templateHopMs } from './library.ts';

/** What is answered to speech that is none of the known lines. */
export const unknownSpeechNotice = '[no speech recogniser configured]';

/** A word that was heard; times are milliseconds from the start of the utterance. */
export interface HeardWord {
  word: string;
  startMs: number;
  endMs: number;
  language: string;
}

/** What an utterance was, as far as it has been heard. `unknown` is speech that matches no line. */
export type Heard = { words: HeardWord[]; unknown: boolean };

/** A stretch of a line that was found in a stretch of the utterance; both ends belong to it. */
interface Match {
  template: Template;
  rows: [first: number, last: number];
  frames: [first: number, last: number];
}

/** Frames must be more alike than this to speak for a line. */
const likenessNeeded = 0.65;
/** What a match must earn before it counts: some 240 ms of clear likeness. */
const entryCost = 4;
/** Speech against silence; two silences say nothing either way. */
const mismatchCost = 0.3;
/** Cost of moving on by 0, 1, 2 (the normal pace), 3 or 4 template rows in one frame: networks stretch audio a little. */
const paceCosts = [0.3, 0.05, 0, 0.05, 0.3];
/** A word is heard when this share of it arrived, a line when it explains this share of the voiced frames. */
const wordShare = 0.5;
const matchedShare = 0.7;
/** Shorter sounds can be no match, and are no speech. */
const shortestSpeechMs = 240;
/** What no line explains is speech only when it lasts: a cough is none. */
const shortestUnknownMs = 320;
/** How far from a line's or an utterance's edge a match still begins or ends at it. */
const edgeMs = 160;

const none = -1;

/**
 * Finds known lines, or parts of them, in one utterance while it is being heard: a local alignment (Smith and Waterman,
 * 1981) of its frames with every template, chained so that lines may follow each other.
 */
export class UtteranceMatcher {
  readonly #library: SpeechLibrary;
  readonly #voiced: boolean[] = [];
  /** Best total up to each frame, and the match that ends there if one does. */
  readonly #totals: number[] = [];
  readonly #endings: (Match | undefined)[] = [];
  /** Per template row: total of the best path that ends in it, and where that path began. */
  readonly #scores: Float32Array;
  readonly #firstRows: Int32Array;
  readonly #firstFrames: Int32Array;
  /** Per template row: what the frame that is being added earns there. */
  readonly #gains: Float32Array;

  constructor(library: SpeechLibrary) {
    this.#library = library;
    const rows = library.voiced.length;
    this.#scores = new Float32Array(rows).fill(Number.NEGATIVE_INFINITY);
    this.#firstRows = new Int32Array(rows);
    this.#firstFrames = new Int32Array(rows);
    this.#gains = new Float32Array(rows);
  }

  /** Length of what was added. */
  get durationMs(): number {
    return this.#voiced.length * frameMs;
  }

  /** Takes in the next frame of the utterance. */
  add(frame: Frame): void {
    const index = this.#voiced.length;
    const before = this.#totals[index - 1] ?? 0;
    let best = before;
    let bestRow = none;
    this.#weigh(frame);
    for (const template of this.#library.templates) {
      const row = this.#extend(template, index, before);
      const total = this.#scores[row] as number;
      if (total > best) {
        best = total;
        bestRow = row;
      }
    }
    this.#voiced.push(frame.voiced);
    this.#totals.push(best);
    this.#endings.push(bestRow === none ? undefined : this.#matchEndingIn(bestRow, index));
  }

  /** What was heard so far. */
  heard(): Heard {
    const voicedFrames = this.#voiced.filter(Boolean).length;
    const matches = this.#matches().filter((match) => this.#isWhole(match));
    const matched = matches.reduce(
      (sum, { frames: [first, last] }) => sum + this.#voiced.slice(first, last + 1).filter(Boolean).length,
      0,
    );
    const voicedMs = voicedFrames * frameMs;
    if (voicedMs < shortestSpeechMs) return { words: [], unknown: false };
    if (matched < voicedFrames * matchedShare) return { words: [], unknown: voicedMs >= shortestUnknownMs };
    return { words: matches.flatMap(wordsOf), unknown: false };
  }

  /** Leads the best path into each row of a template by one frame, and remembers where it began. @returns the best row */
  #extend({ from: firstRow, to }: Template, frame: number, before: number): number {
    const [scores, firstRows, firstFrames, gains] = [this.#scores, this.#firstRows, this.#firstFrames, this.#gains];
    let bestRow = firstRow;
    let bestTotal = Number.NEGATIVE_INFINITY;
    // From the last row to the first: what a row goes on from are rows before it, as the last frame left them.
    for (let row = to - 1; row >= firstRow; row--) {
      let best = before - entryCost;
      let from = none;
      const furthest = Math.min(paceCosts.length - 1, row - firstRow);
      for (let pace = 0; pace <= furthest; pace++) {
        const total = (scores[row - pace] as number) - (paceCosts[pace] as number);
        if (total > best) {
          best = total;
          from = row - pace;
        }
      }
      const total = best + (gains[row] as number);
      scores[row] = total;
      firstRows[row] = from === none ? row : (firstRows[from] as number);
      firstFrames[row] = from === none ? frame : (firstFrames[from] as number);
      if (total >= bestTotal) {
        bestTotal = total;
        bestRow = row;
      }
    }
    return bestRow;
  }

  /** What a frame earns in each row. */
  #weigh(frame: Frame): void {
    const [gains, { voiced }] = [this.#gains, this.#library];
    if (frame.voiced) this.#library.likenesses(this.#library.direction(frame.shape), gains);
    for (let row = 0; row < gains.length; row++) {
      if (frame.voiced && voiced[row]) gains[row] = (gains[row] as number) - likenessNeeded;
      else gains[row] = frame.voiced || voiced[row] ? -mismatchCost : 0;
    }
  }

  #matchEndingIn(row: number, frame: number): Match {
    const template = this.#library.templates.find(({ to }) => row < to) as Template;
    return {
      template,
      rows: [this.#firstRows[row] as number, row],
      frames: [this.#firstFrames[row] as number, frame],
    };
  }

  /**
   * Whether a match holds all of its line, but for what was cut off by the edges of the utterance. Pieces from the middle
   * of a line are other sentences with a few words in common.
   */
  #isWhole({ template, rows, frames }: Match): boolean {
    const fromStart = (rows[0] - template.from) * templateHopMs < edgeMs || frames[0] * frameMs < edgeMs;
    const lastVoiced = this.#voiced.lastIndexOf(true);
    const untilEnd =
      (template.to - 1 - rows[1]) * templateHopMs < edgeMs || (lastVoiced - frames[1]) * frameMs < edgeMs;
    return fromStart && untilEnd;
  }

  /** The chain of matches with the best total, in order; pieces of one line that continue each other are joined. */
  #matches(): Match[] {
    const chain: Match[] = [];
    for (let frame = this.#endings.length - 1; frame >= 0; ) {
      const match = this.#endings[frame];
      if (match) {
        const next = chain[0];
        if (next && continues(match, next)) {
          next.rows[0] = match.rows[0];
          next.frames[0] = match.frames[0];
        } else chain.unshift({ ...match, rows: [...match.rows], frames: [...match.frames] });
      }
      frame = match ? match.frames[0] - 1 : frame - 1;
    }
    return chain;
  }
}

/** Whether one match goes on where the other ended, after a few frames that were damaged on the way. */
function continues(match: Match, next: Match): boolean {
  const missingMs = (next.rows[0] - match.rows[1]) * templateHopMs;
  const passedMs = (next.frames[0] - match.frames[1]) * frameMs;
  return match.template === next.template && missingMs > 0 && missingMs < 300 && Math.abs(missingMs - passedMs) < 100;
}

function wordsOf({ template, rows, frames }: Match): HeardWord[] {
  const heardFromMs = (rows[0] - template.from) * templateHopMs;
  const heardToMs = (rows[1] + 1 - template.from) * templateHopMs;
  const frameSpanMs = (frames[1] + 1 - frames[0]) * frameMs;
  const utteranceMs = (lineMs: number) => {
    const share = (Math.min(Math.max(lineMs, heardFromMs), heardToMs) - heardFromMs) / (heardToMs - heardFromMs);
    return frames[0] * frameMs + share * frameSpanMs;
  };
  return template.line.words
    .filter(({ startMs, endMs }) => {
      const arrivedMs = Math.min(endMs, heardToMs) - Math.max(startMs, heardFromMs);
      return arrivedMs >= (endMs - startMs) * wordShare;
    })
    .map(({ word, startMs, endMs }) => ({
      word,
      startMs: utteranceMs(startMs),
      endMs: utteranceMs(endMs),
      language: template.line.language,
    }));
}
