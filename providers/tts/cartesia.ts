import { randomUUID } from 'node:crypto';
import { type APIConnectOptions, AudioByteStream, tts } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import { CartesiaConnection, type CartesiaContext } from './cartesia-connection.ts';
import { CartesiaFailure, type CartesiaSettings } from './cartesia-sdk.ts';
import { GrowingList, isSpeakable, readSegments, type Segment } from './segments.ts';

/** Options of `CartesiaTTS`; see `CartesiaSettings` for each. */
type CartesiaTTSOptions = Omit<CartesiaSettings, 'sampleRateHz' | 'chunkTimeoutMs'> &
  Partial<Pick<CartesiaSettings, 'sampleRateHz' | 'chunkTimeoutMs'>>;

/** Frames of 20 ms: the last one is kept back until it is known to be the last, which delays audio by one frame. */
const framesPerSecond = 50;

/**
 * Cartesia's voices over its WebSocket (https://docs.cartesia.ai/api-reference/tts/websocket), mono 16-bit PCM. One
 * socket serves all streams for the adapter's life; an interruption cancels its context and keeps the socket. Nobody
 * aligns words with audio, so `alignedTranscript` is not declared.
 */
export class CartesiaTTS extends tts.TTS {
  label = 'cartesia.TTS';
  readonly #settings: CartesiaSettings;
  readonly #connection: CartesiaConnection;

  constructor(options: CartesiaTTSOptions) {
    const settings = { ...options, sampleRateHz: options.sampleRateHz ?? 24_000 };
    super(settings.sampleRateHz, 1, { streaming: true });
    this.#settings = { ...settings, chunkTimeoutMs: options.chunkTimeoutMs ?? 5_000 };
    this.#connection = new CartesiaConnection(this.#settings);
  }

  override get model(): string {
    return this.#settings.model;
  }

  override get provider(): string {
    return 'cartesia';
  }

  /** Opens the socket ahead of the first word; the framework calls it when an agent with this voice takes over. */
  prewarm(): void {
    this.#connection.warm();
  }

  override synthesize(text: string, connOptions?: APIConnectOptions, abortSignal?: AbortSignal): tts.ChunkedStream {
    return new CartesiaChunkedStream(text, this, this.#connection, connOptions, abortSignal);
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    this.prewarm();
    return new CartesiaSynthesizeStream(this, this.#connection, options?.connOptions);
  }

  /** Ends what is being spoken and closes the socket; nothing can be spoken afterwards. */
  override async close(): Promise<void> {
    await this.#connection.close();
  }
}

class CartesiaSynthesizeStream extends tts.SynthesizeStream {
  label = 'cartesia.SynthesizeStream';
  readonly #connection: CartesiaConnection;
  readonly #sampleRateHz: number;
  /** Outlive an attempt: a retry isn't given the input again, and doesn't repeat what was heard. */
  #segments: GrowingList<Segment> | undefined;
  #spokenSegments = 0;

  constructor(voice: CartesiaTTS, connection: CartesiaConnection, connOptions?: APIConnectOptions) {
    super(voice, connOptions);
    this.#connection = connection;
    this.#sampleRateHz = voice.sampleRate;
  }

  protected async run(): Promise<void> {
    this.#segments ??= readSegments(this.input);
    for (;;) {
      const segment = await this.#segments.at(this.#spokenSegments);
      if (!segment || this.abortSignal.aborted) break;
      const isComplete = await speak(segment, {
        connection: this.#connection,
        sampleRateHz: this.#sampleRateHz,
        signal: this.abortSignal,
        onText: () => this.markStarted(),
        onAudio: (audio) => this.queue.put(audio),
      });
      if (!isComplete) return;
      this.#spokenSegments += 1;
    }
    this.queue.put(tts.SynthesizeStream.END_OF_STREAM);
  }
}

class CartesiaChunkedStream extends tts.ChunkedStream {
  label = 'cartesia.ChunkedStream';
  readonly #connection: CartesiaConnection;
  readonly #sampleRateHz: number;

  constructor(
    text: string,
    voice: CartesiaTTS,
    connection: CartesiaConnection,
    connOptions?: APIConnectOptions,
    abortSignal?: AbortSignal,
  ) {
    super(text, voice, connOptions, abortSignal);
    this.#connection = connection;
    this.#sampleRateHz = voice.sampleRate;
  }

  protected async run(): Promise<void> {
    const segment: Segment = new GrowingList();
    segment.push(this.inputText);
    segment.end();
    await speak(segment, {
      connection: this.#connection,
      sampleRateHz: this.#sampleRateHz,
      signal: this.abortSignal,
      onText: () => {},
      onAudio: (audio) => this.queue.put(audio),
    });
  }
}

interface Speaking {
  connection: CartesiaConnection;
  sampleRateHz: number;
  signal: AbortSignal;
  /** Called before text is sent. */
  onText(): void;
  /** Not called any more once the signal was aborted. */
  onAudio(audio: tts.SynthesizedAudio): void;
}

/**
 * Speaks one segment, its text as it comes; false when it was cut short. Throws an `APIError` that is retryable as long
 * as none of its audio was given out.
 */
async function speak(segment: Segment, speaking: Speaking): Promise<boolean> {
  const { signal } = speaking;
  const output = new SegmentOutput(speaking);
  try {
    for (let next = 0; ; ) {
      const piece = await segment.at(next);
      if (signal.aborted) return false;
      if (piece === undefined || !isSpeakable(piece)) break;
      const context = await speaking.connection.startContext((pcm) => output.write(pcm));
      const cancel = () => context.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      void sendPieces(segment, next, context, speaking.onText);
      const outcome = await context.outcome.finally(() => signal.removeEventListener('abort', cancel));
      if (outcome === 'cancelled') return false;
      // The vendor ends a context about a second after its last audio: the rest of a hesitant reply needs another.
      next += context.answeredPieces;
      if (outcome === 'complete') {
        if (output.isEmpty) throw new CartesiaFailure('Cartesia answered a text without audio');
        break;
      }
    }
    output.end();
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error instanceof CartesiaFailure ? error.toApiError(!output.wasHeard) : error;
  }
}

async function sendPieces(
  segment: Segment,
  first: number,
  context: CartesiaContext,
  onText: () => void,
): Promise<void> {
  for (let index = first; ; index += 1) {
    const piece = await segment.at(index);
    if (!context.isOpen) return;
    if (piece === undefined) return context.endInput();
    onText();
    context.send(piece);
  }
}

/** Makes frames of a segment's audio and marks the last one. */
class SegmentOutput {
  wasHeard = false;
  readonly #speaking: Speaking;
  readonly #bytes: AudioByteStream;
  readonly #segmentId = randomUUID();
  #last: AudioFrame | undefined;

  constructor(speaking: Speaking) {
    this.#speaking = speaking;
    this.#bytes = new AudioByteStream(speaking.sampleRateHz, 1, speaking.sampleRateHz / framesPerSecond);
  }

  get isEmpty(): boolean {
    return this.#last === undefined;
  }

  write(pcm: Uint8Array): void {
    for (const frame of this.#bytes.write(pcm)) this.#take(frame);
  }

  end(): void {
    for (const frame of this.#bytes.flush()) this.#take(frame);
    this.#put(true);
  }

  #take(frame: AudioFrame): void {
    this.#put(false);
    this.#last = frame;
  }

  #put(final: boolean): void {
    if (!this.#last || this.#speaking.signal.aborted) return;
    this.wasHeard = true;
    const segmentId = this.#segmentId;
    this.#speaking.onAudio({ requestId: segmentId, segmentId, frame: this.#last, final });
  }
}
