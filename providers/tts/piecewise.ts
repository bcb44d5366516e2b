import { APIConnectionError, type APIConnectOptions, APIError, tts, voice } from '@livekit/agents';
import { asFinal, PieceCancelled, PieceJob, type PieceSource } from './piece-job.ts';
import { SegmentOutput } from './segment-output.ts';
import {
  SegmentedStream,
  type SegmentListener,
  type SegmentStreamOptions,
  type SpokenSegment,
  WholeTextStream,
} from './segment-streams.ts';
import { isSpeakable, PieceCutter, type Segment } from './segments.ts';

export type { PieceOptions, PieceSource } from './piece-job.ts';

/** What a voice that is asked piece by piece is made of. */
export interface PiecewiseOptions {
  sampleRateHz: number;
  source: PieceSource;
  /** Longest silence accepted from the vendor while it owes audio (default 5 s). */
  timeoutMs?: number;
}

/**
 * A voice that is asked for one piece of text at a time: first a clause, for speed, then sentences. The next piece is
 * asked for as soon as the first audio of the one before has come, so that there is no gap between them. A retry begins with the first
 * piece of which nothing was heard.
 *
 * The last frame of each piece carries its text and times as `timedTranscripts` (or its words did, where the vendor
 * tells), so that it is known what was spoken. `alignedTranscript` is not declared: respelled words would reach the chat.
 */
export abstract class PiecewiseTTS extends tts.TTS {
  readonly #speaker: Speaker;
  readonly #streams: SegmentStreamOptions;

  constructor({ sampleRateHz, source, timeoutMs = 3_000 }: PiecewiseOptions) {
    super(sampleRateHz, 1, { streaming: true });
    const speaker = new Speaker(source, sampleRateHz, timeoutMs);
    this.#speaker = speaker;
    this.#streams = { name: 'piecewise', begin: (...spoken) => new SegmentReading(speaker, ...spoken) };
  }

  override synthesize(text: string, connOptions?: APIConnectOptions, abortSignal?: AbortSignal): tts.ChunkedStream {
    return new WholeTextStream(text, piecesOf(text), this, this.#streams, { connOptions, abortSignal });
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    return new SegmentedStream(this, 'clause', this.#streams, options?.connOptions);
  }

  /** Ends what is being spoken; nothing can be spoken afterwards. */
  override async close(): Promise<void> {
    await this.#speaker.close();
  }
}

/** A text as it is asked for. */
function piecesOf(text: string): string[] {
  const cutter = new PieceCutter();
  return [...cutter.push(text), cutter.rest()].filter((piece) => piece !== '');
}

/** What all streams of a voice share: where pieces are asked for, and what is open. */
class Speaker {
  readonly sampleRateHz: number;
  readonly #source: PieceSource;
  readonly #timeoutMs: number;
  readonly #jobs = new Set<PieceJob>();
  #closed = false;

  constructor(source: PieceSource, sampleRateHz: number, timeoutMs: number) {
    this.#source = source;
    this.sampleRateHz = sampleRateHz;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks for a piece. Throws `APIConnectionError` after `close()`. */
  start(text: string): PieceJob {
    if (this.#closed) {
      throw new APIConnectionError({ message: 'This voice was closed', options: { retryable: false } });
    }
    const job = new PieceJob(this.#source, text, this.#timeoutMs);
    this.#jobs.add(job);
    void job.settled().then(() => this.#jobs.delete(job));
    return job;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const jobs = [...this.#jobs];
    for (const job of jobs) job.cancel();
    await Promise.all(jobs.map((job) => job.settled()));
  }
}

/** One segment on its way to be spoken: how far it came outlives an attempt. */
class SegmentReading implements SpokenSegment {
  readonly #speaker: Speaker;
  readonly #segment: Segment;
  readonly #reader: SegmentListener;
  readonly #output: SegmentOutput;
  /** Index of the first piece that is not wholly spoken. */
  #next = 0;

  constructor(speaker: Speaker, segment: Segment, reader: SegmentListener) {
    this.#speaker = speaker;
    this.#segment = segment;
    this.#reader = reader;
    const { signal, onAudio } = reader;
    this.#output = new SegmentOutput({ sampleRateHz: speaker.sampleRateHz, signal, onAudio });
  }

  /**
   * Speaks what wasn't spoken yet; false when it was cut short. Throws an `APIError` that is retryable as long as nothing
   * of the piece at fault was given out.
   */
  async speak(): Promise<boolean> {
    const { signal } = this.#reader;
    const attempt: Attempt = { isOver: false, jobs: new Set() };
    const end = () => {
      attempt.isOver = true;
      for (const job of attempt.jobs) job.cancel();
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      let job = await this.#ask(this.#next, attempt);
      while (job) {
        const following = this.#next + 1;
        const ahead = job.begun.then(() => this.#ask(following, attempt));
        // Its failure is seen when its turn comes, if it does.
        ahead.catch(() => {});
        await this.#hear(job);
        this.#next += 1;
        job = await ahead;
      }
      if (attempt.isOver) return false;
      this.#output.end();
      return true;
    } catch (error) {
      // Cut short by the caller or by the end of the voice: nobody's failure.
      if (attempt.isOver || error instanceof PieceCancelled) return false;
      const isFinal = this.#output.pieceWasHeard;
      this.#output.failPiece();
      throw isFinal && error instanceof APIError ? asFinal(error) : error;
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  }

  /** Asks for a piece as soon as its text is there; undefined when there is none to speak, or nobody to hear it. */
  async #ask(index: number, attempt: Attempt): Promise<PieceJob | undefined> {
    const text = await this.#segment.at(index);
    if (text === undefined || !isSpeakable(text) || attempt.isOver) return undefined;
    this.#reader.onText();
    const job = this.#speaker.start(text);
    attempt.jobs.add(job);
    void job.settled().then(() => attempt.jobs.delete(job));
    return job;
  }

  async #hear(job: PieceJob): Promise<void> {
    const output = this.#output;
    const startTime = output.seconds;
    let wordsCame = false;
    await job.hear({
      onAudio: (pcm) => output.write(pcm),
      onWords: (words) => {
        wordsCame = true;
        output.addTranscripts(words.map((word) => later(word, startTime)));
      },
    });
    const whole = voice.createTimedString({ text: job.text, startTime, endTime: output.seconds });
    output.endPiece(wordsCame ? [] : [whole]);
  }
}

/** One try to speak a segment. */
interface Attempt {
  isOver: boolean;
  jobs: Set<PieceJob>;
}

function later(word: voice.TimedString, seconds: number): voice.TimedString {
  const { startTime, endTime } = word;
  return voice.createTimedString({
    ...word,
    ...(startTime !== undefined && { startTime: startTime + seconds }),
    ...(endTime !== undefined && { endTime: endTime + seconds }),
  });
}
