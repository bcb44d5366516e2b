import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import { voice } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { sampleRateHz } from './stt-caller.ts';

const frameSamples = sampleRateHz / 50;

/** A microphone that hears what it is given. */
export class Microphone extends voice.AudioInput {
  #controller: ReadableStreamDefaultController<AudioFrame> | undefined;

  constructor() {
    super();
    const frames = new ReadableStream<AudioFrame>({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    this.multiStream.addInputStream(frames);
  }

  /** Takes samples in frames of 20 ms, at once. */
  hear(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += frameSamples) {
      const piece = samples.slice(at, at + frameSamples);
      this.#controller?.enqueue(new AudioFrame(piece, sampleRateHz, 1, piece.length));
    }
  }
}

/** A loudspeaker that plays in real time, without a sound. */
export class Loudspeaker extends voice.AudioOutput {
  /** How much of each segment was played, in milliseconds. */
  readonly playedMs: number[] = [];
  #capturedMs = 0;
  #startedAt: number | undefined;
  #end: NodeJS.Timeout | undefined;

  override async captureFrame(frame: AudioFrame): Promise<void> {
    await super.captureFrame(frame);
    this.#capturedMs += (frame.samplesPerChannel * 1000) / frame.sampleRate;
    if (this.#startedAt !== undefined) return;
    this.#startedAt = performance.now();
    this.onPlaybackStarted(Date.now());
  }

  override flush(): void {
    super.flush();
    if (this.#startedAt === undefined) return;
    const leftMs = this.#startedAt + this.#capturedMs - performance.now();
    this.#end = setTimeout(() => this.#finish(this.#capturedMs, false), Math.max(0, leftMs));
  }

  override clearBuffer(): void {
    clearTimeout(this.#end);
    if (this.#startedAt === undefined) return;
    this.#finish(Math.min(this.#capturedMs, performance.now() - this.#startedAt), true);
  }

  #finish(playedMs: number, interrupted: boolean): void {
    this.#capturedMs = 0;
    this.#startedAt = undefined;
    this.playedMs.push(playedMs);
    this.onPlaybackFinished({ playbackPosition: playedMs / 1000, interrupted });
  }
}
