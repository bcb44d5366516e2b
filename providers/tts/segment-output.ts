import { randomUUID } from 'node:crypto';
import { AudioByteStream, type tts, type voice } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';

/** Frames of 20 ms: the last one is kept back until it is known to be the last, which delays audio by one frame. */
const framesPerSecond = 50;

/** A frame on its way, and the words that were spoken by its end. */
interface HeldFrame {
  frame: AudioFrame;
  endsPiece: boolean;
  transcripts: voice.TimedString[];
}

/** Where the frames of a segment go, and how they are made. */
export interface SegmentOutputOptions {
  sampleRateHz: number;
  /** Once it was aborted nothing is given out any more. */
  signal: AbortSignal;
  onAudio(audio: tts.SynthesizedAudio): void;
}

/**
 * Makes frames of 20 ms of one segment's audio, mono 16-bit PCM in chunks of any length, and marks the last one as
 * `final`. A voice that is asked piece by piece ends each piece, and may take back one that failed unheard.
 */
export class SegmentOutput {
  readonly #options: SegmentOutputOptions;
  readonly #segmentId = randomUUID();
  #bytes: AudioByteStream;
  #held: HeldFrame | undefined;
  #heardFrames = 0;
  #heardBeforePiece = 0;
  #writtenBytes = 0;
  #writtenBeforePiece = 0;
  #transcripts: voice.TimedString[] = [];

  constructor(options: SegmentOutputOptions) {
    this.#options = options;
    this.#bytes = this.#newBytes();
  }

  /** Whether any frame was given out. */
  get wasHeard(): boolean {
    return this.#heardFrames > 0;
  }

  /** Whether any frame of the piece that was begun last was given out. */
  get pieceWasHeard(): boolean {
    return this.#heardFrames > this.#heardBeforePiece;
  }

  /** Whether there was not a single frame of audio yet, not even one kept back. */
  get isEmpty(): boolean {
    return this.#held === undefined && !this.wasHeard;
  }

  /** Length of the audio written so far, in seconds. */
  get seconds(): number {
    return this.#writtenBytes / 2 / this.#options.sampleRateHz;
  }

  /** Adds audio: 16-bit little-endian samples; a sample may be split between two chunks. */
  write(pcm: Uint8Array): void {
    this.#writtenBytes += pcm.byteLength;
    for (const frame of this.#bytes.write(pcm)) this.#take(frame);
  }

  /** Words with their times in seconds of the segment's audio; they go with the next frame that is made. */
  addTranscripts(transcripts: readonly voice.TimedString[]): void {
    this.#transcripts.push(...transcripts);
  }

  /** Ends a piece; what was spoken goes with its last frame. */
  endPiece(transcripts: readonly voice.TimedString[]): void {
    this.#flush();
    this.addTranscripts(transcripts);
    if (this.#held) {
      this.#held.endsPiece = true;
      this.#held.transcripts.push(...this.#transcripts.splice(0));
    }
    this.#heardBeforePiece = this.#heardFrames + (this.#held ? 1 : 0);
    this.#writtenBeforePiece = this.#writtenBytes;
  }

  /** A piece failed: what is kept back of what was heard is given out, a piece nobody heard yet is forgotten. */
  failPiece(): void {
    if (!this.pieceWasHeard) this.#writtenBytes = this.#writtenBeforePiece;
    if (this.#held?.endsPiece || this.pieceWasHeard) this.#put(false);
    this.#held = undefined;
    this.#transcripts = [];
    this.#bytes = this.#newBytes();
  }

  /** Ends the segment: its last frame is marked. */
  end(): void {
    this.#flush();
    // The last frame of what was spoken went out when a later piece failed: silence carries the mark.
    if (!this.#held && this.wasHeard) {
      const { sampleRateHz } = this.#options;
      this.#take(AudioFrame.create(sampleRateHz, 1, sampleRateHz / framesPerSecond));
    }
    this.#held?.transcripts.push(...this.#transcripts.splice(0));
    this.#put(true);
  }

  #flush(): void {
    // Half a sample would spoil all that follows.
    if (this.#writtenBytes % 2 === 1) this.write(new Uint8Array(1));
    for (const frame of this.#bytes.flush()) this.#take(frame);
  }

  #take(frame: AudioFrame): void {
    this.#put(false);
    this.#held = { frame, endsPiece: false, transcripts: this.#transcripts.splice(0) };
  }

  #put(final: boolean): void {
    if (!this.#held || this.#options.signal.aborted) return;
    const { frame, transcripts } = this.#held;
    this.#held = undefined;
    this.#heardFrames += 1;
    this.#options.onAudio({
      requestId: this.#segmentId,
      segmentId: this.#segmentId,
      frame,
      final,
      ...(transcripts.length > 0 && { timedTranscripts: transcripts }),
    });
  }

  #newBytes(): AudioByteStream {
    const { sampleRateHz } = this.#options;
    return new AudioByteStream(sampleRateHz, 1, sampleRateHz / framesPerSecond);
  }
}
