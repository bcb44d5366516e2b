import { type APIConnectOptions, tts } from '@livekit/agents';
import { type Cut, GrowingList, readSegments, type Segment } from './segments.ts';

/** Who is told while a segment is spoken. */
export interface SegmentListener {
  signal: AbortSignal;
  /** Called before text is sent. */
  onText(): void;
  /** Not called any more once the signal was aborted. */
  onAudio(audio: tts.SynthesizedAudio): void;
}

/** One segment that is being spoken; it outlives an attempt. */
export interface SpokenSegment {
  /** Speaks what was not spoken yet; false when it was cut short. @throws APIError, after which it may be called again */
  speak(): Promise<boolean>;
}

/** What both kinds of streams are made of. */
export interface SegmentStreamOptions {
  /** What the streams are of, as their labels say it. */
  name: string;
  begin(segment: Segment, listener: SegmentListener): SpokenSegment;
}

/** Speaks text as it comes, one segment after another. A retry isn't given the input again and doesn't repeat what was heard. */
export class SegmentedStream extends tts.SynthesizeStream {
  readonly label: string;
  readonly #options: SegmentStreamOptions;
  readonly #cut: Cut;
  #segments: GrowingList<Segment> | undefined;
  #spokenSegments = 0;
  #current: SpokenSegment | undefined;

  constructor(voice: tts.TTS, cut: Cut, options: SegmentStreamOptions, connOptions?: APIConnectOptions) {
    super(voice, connOptions);
    this.label = `${options.name}.SynthesizeStream`;
    this.#cut = cut;
    this.#options = options;
  }

  protected async run(): Promise<void> {
    this.#segments ??= readSegments(this.input, this.#cut);
    for (;;) {
      const segment = await this.#segments.at(this.#spokenSegments);
      if (!segment || this.abortSignal.aborted) break;
      this.#current ??= this.#options.begin(segment, {
        signal: this.abortSignal,
        onText: () => this.markStarted(),
        onAudio: (audio) => this.queue.put(audio),
      });
      if (!(await this.#current.speak())) return;
      this.#current = undefined;
      this.#spokenSegments += 1;
    }
    this.queue.put(tts.SynthesizeStream.END_OF_STREAM);
  }
}

/** Speaks a text that is whole. */
export class WholeTextStream extends tts.ChunkedStream {
  readonly label: string;
  readonly #options: SegmentStreamOptions;
  readonly #pieces: readonly string[];
  #spoken: SpokenSegment | undefined;

  /** @param pieces what the text is sent in */
  constructor(
    text: string,
    pieces: readonly string[],
    voice: tts.TTS,
    options: SegmentStreamOptions,
    connection: { connOptions?: APIConnectOptions; abortSignal?: AbortSignal } = {},
  ) {
    super(text, voice, connection.connOptions, connection.abortSignal);
    this.label = `${options.name}.ChunkedStream`;
    this.#pieces = pieces;
    this.#options = options;
  }

  protected async run(): Promise<void> {
    this.#spoken ??= this.#options.begin(segmentOf(this.#pieces), {
      signal: this.abortSignal,
      onText: () => {},
      onAudio: (audio) => this.queue.put(audio),
    });
    await this.#spoken.speak();
  }
}

function segmentOf(pieces: readonly string[]): Segment {
  const segment: Segment = new GrowingList();
  for (const piece of pieces) segment.push(piece);
  segment.end();
  return segment;
}
