import { ReadableStream } from 'node:stream/web';
import { voice } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';

/** Audio that belongs before that of another input. */
export interface EarlyAudio {
  /** Resolves when there is some to give, and never if none is sent. */
  ready: Promise<unknown>;
  /** Asked once, when live audio begins or when there is some; waits as long as some is on its way. */
  take(): Promise<readonly AudioFrame[]>;
}

/**
 * What a session hears: audio from before the agent joined, then the live audio of the room's input, which waits meanwhile.
 * All of it runs through one stream, so that activity detection and recogniser hear the same, once and in order.
 */
export class PreConnectInput extends voice.AudioInput {
  readonly #live: voice.AudioInput;
  readonly #early: EarlyAudio;
  #attached = true;

  constructor(live: voice.AudioInput, early: EarlyAudio) {
    super();
    this.#live = live;
    this.#early = early;
    this.multiStream.addInputStream(ReadableStream.from(this.#frames()));
  }

  override setAttached(attached: boolean): void {
    this.#attached = attached;
    this.#live.setAttached(attached);
  }

  override onAttached(): void {
    this.#live.onAttached();
  }

  override onDetached(): void {
    this.#live.onDetached();
  }

  async *#frames(): AsyncGenerator<AudioFrame> {
    const live = this.#live.stream.getReader();
    const first = live.read();
    await Promise.race([first, this.#early.ready]);
    for (const frame of await this.#early.take()) {
      // A call on hold, or whose turns a client takes itself, hears none of it.
      if (this.#attached) yield frame;
    }
    for (let next = await first; !next.done; next = await live.read()) yield next.value;
  }
}
