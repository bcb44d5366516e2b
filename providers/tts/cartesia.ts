import { type APIConnectOptions, tts, voice } from '@livekit/agents';
import type { Probed } from '../probe.ts';
import { CartesiaConnection, type CartesiaContext, type WordTimes } from './cartesia-connection.ts';
import { CartesiaFailure, type CartesiaSettings, vendorLanguage } from './cartesia-sdk.ts';
import { SegmentOutput } from './segment-output.ts';
import {
  SegmentedStream,
  type SegmentListener,
  type SegmentStreamOptions,
  WholeTextStream,
} from './segment-streams.ts';
import { isSpeakable, type Segment } from './segments.ts';

/** Options of `CartesiaTTS`; see `CartesiaSettings` for each. `language` is a BCP 47 tag. */
type CartesiaTTSOptions = Omit<CartesiaSettings, 'sampleRateHz' | 'chunkTimeoutMs'> &
  Partial<Pick<CartesiaSettings, 'sampleRateHz' | 'chunkTimeoutMs'>>;

/**
 * Cartesia's voices over its WebSocket (https://docs.cartesia.ai/api-reference/tts/websocket), mono 16-bit PCM. One
 * socket serves all streams for the adapter's life; an interruption cancels its context and keeps the socket. Words come
 * with their times, but `alignedTranscript` is not declared: they are the words as they were sent, respelled for the
 * voice, and would take the place of the reply's own in the transcript.
 */
export class CartesiaTTS extends tts.TTS implements Probed {
  label = 'cartesia.TTS';
  readonly #settings: CartesiaSettings;
  readonly #connection: CartesiaConnection;
  readonly #streams: SegmentStreamOptions;

  constructor(options: CartesiaTTSOptions) {
    const { language, sampleRateHz = 24_000, chunkTimeoutMs = 3_000 } = options;
    super(sampleRateHz, 1, { streaming: true });
    const vendorCode = language === undefined ? undefined : vendorLanguage(language);
    this.#settings = { ...options, sampleRateHz, chunkTimeoutMs, language: vendorCode };
    const connection = new CartesiaConnection(this.#settings);
    this.#connection = connection;
    this.#streams = {
      name: 'cartesia',
      begin: (segment, listener) => ({ speak: () => speak(segment, { ...listener, connection, sampleRateHz }) }),
    };
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
    return new WholeTextStream(text, [text], this, this.#streams, { connOptions, abortSignal });
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    this.prewarm();
    return new SegmentedStream(this, 'words', this.#streams, options?.connOptions);
  }

  /** Opens a connection of its own and closes it. @throws APIError as a stream does, and the signal's reason. */
  async probe(signal: AbortSignal): Promise<void> {
    try {
      await this.#connection.probe(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof CartesiaFailure ? error.toApiError(true) : error;
    }
  }

  /** Ends what is being spoken and closes the socket; nothing can be spoken afterwards. */
  override async close(): Promise<void> {
    await this.#connection.close();
  }
}

interface Speaking extends SegmentListener {
  connection: CartesiaConnection;
  sampleRateHz: number;
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
      const offsetSeconds = output.seconds;
      const context = await speaking.connection.startContext({
        onAudio: (pcm) => output.write(pcm),
        onWords: (words) => output.addTranscripts(timedWords(words, offsetSeconds)),
      });
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

/** Words in the form in which the framework has them: followed by a space, timed from the start of the segment. */
function timedWords({ words, start, end }: WordTimes, offsetSeconds: number): voice.TimedString[] {
  const at = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds + offsetSeconds);
  return words.map((word, index) =>
    voice.createTimedString({ text: `${word} `, startTime: at(start[index]), endTime: at(end[index]) }),
  );
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
