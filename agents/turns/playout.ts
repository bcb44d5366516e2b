import { AudioFrame, type AudioSource } from '@livekit/rtc-node';
import type { CallSession } from '../call.ts';

/** What the framework's audio output does with the source of its track. */
export type PlayoutSource = Pick<
  AudioSource,
  'ffiHandle' | 'queuedDuration' | 'captureFrame' | 'clearQueue' | 'waitForPlayout' | 'close'
>;

/** As much of the sound handed to a source as it can still hold unplayed, with room to spare. */
const recentMs = 500;

/**
 * The sound of an agent on its way to the room, which can be paused at once and goes on at the very sample: the framework's own
 * pause waits for the next frame and drops what was queued. To the framework it is the source of its track, only slower at times.
 */
export class Playout implements PlayoutSource {
  readonly #source: PlayoutSource;
  /** What was handed to the source, newest last. */
  #recent: AudioFrame[] = [];
  /** What was taken back from it. */
  #unplayed: AudioFrame[] = [];
  #paused = false;
  #replaying = false;
  /** Frames wait here while the room is silenced, and behind what was taken back. */
  #gate: Gate | undefined;
  /** Tells the frames of one queue from those of the next. */
  #queue = 0;

  constructor(source: PlayoutSource) {
    this.#source = source;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Silences the room now; what it has not heard is kept. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#gate ??= closedGate();
    this.#unplayed.unshift(...newest(this.#recent, this.#source.queuedDuration));
    this.#recent = [];
    this.#source.clearQueue();
  }

  /** Goes on where the room was silenced. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#replaying) void this.#replay();
  }

  get ffiHandle(): AudioSource['ffiHandle'] {
    return this.#source.ffiHandle;
  }

  get queuedDuration(): number {
    return this.#source.queuedDuration + durationMs(this.#unplayed);
  }

  async captureFrame(frame: AudioFrame): Promise<void> {
    const queue = this.#queue;
    while (this.#gate) await this.#gate.opened;
    if (queue === this.#queue) await this.#push(frame);
  }

  /** Forgets what was not played, also of a paused reply. */
  clearQueue(): void {
    this.#queue += 1;
    this.#unplayed = [];
    this.#recent = [];
    this.#paused = false;
    this.#source.clearQueue();
    this.#open();
  }

  async waitForPlayout(): Promise<void> {
    do {
      await this.#gate?.opened;
      await this.#source.waitForPlayout();
    } while (this.#gate);
  }

  async close(): Promise<void> {
    this.clearQueue();
    await this.#source.close();
  }

  async #replay(): Promise<void> {
    this.#replaying = true;
    try {
      while (!this.#paused && this.#unplayed.length) await this.#push(this.#unplayed.shift() as AudioFrame);
    } catch {
      // The source is closed: nobody hears what is left, and the next frame meets the same error.
      this.#unplayed = [];
    }
    this.#replaying = false;
    if (!this.#paused) this.#open();
  }

  async #push(frame: AudioFrame): Promise<void> {
    this.#recent.push(frame);
    while (durationMs(this.#recent) > recentMs + durationMs(this.#recent.slice(0, 1))) this.#recent.shift();
    await this.#source.captureFrame(frame);
  }

  #open(): void {
    this.#gate?.open();
    this.#gate = undefined;
  }
}

interface Gate {
  opened: Promise<void>;
  open(): void;
}

function closedGate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** The framework's outputs, as far as they are reached here; it has no option for any of this. */
interface OutputChain {
  nextInChain?: OutputChain;
  audioSource?: PlayoutSource;
}

/**
 * Takes its place between a session's audio output and the source of its track; the session must have been started.
 * @throws {Error} when the session has no output into a room
 */
export function playoutOf(session: CallSession): Playout {
  let output = session.output.audio as unknown as OutputChain | null | undefined;
  while (output && !output.audioSource) output = output.nextInChain;
  if (!output?.audioSource) throw new Error('the session speaks into no room');
  const playout = new Playout(output.audioSource);
  output.audioSource = playout;
  return playout;
}

/** The last `ms` milliseconds of the frames. */
function newest(frames: readonly AudioFrame[], ms: number): AudioFrame[] {
  const taken: AudioFrame[] = [];
  let leftMs = ms;
  for (const frame of frames.toReversed()) {
    if (leftMs <= 0) break;
    const samples = Math.min(frame.samplesPerChannel, Math.round((leftMs / 1_000) * frame.sampleRate));
    // A copy: the native side reads a frame from the start of its buffer.
    const data = frame.data.slice((frame.samplesPerChannel - samples) * frame.channels);
    taken.unshift(new AudioFrame(data, frame.sampleRate, frame.channels, samples));
    leftMs -= durationMs([frame]);
  }
  return taken;
}

function durationMs(frames: readonly AudioFrame[]): number {
  return frames.reduce((ms, { samplesPerChannel, sampleRate }) => ms + (samplesPerChannel / sampleRate) * 1_000, 0);
}
