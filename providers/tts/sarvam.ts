import type { APIConnectOptions, tts } from '@livekit/agents';
import type { Probed } from '../probe.ts';
import { openSarvamSocket, type SarvamAddress } from '../sarvam-socket.ts';
import { PiecewiseTTS } from './piecewise.ts';
import { SarvamVoiceSockets } from './sarvam-sockets.ts';

/** Settings of the voice. */
export interface SarvamTTSOptions {
  apiKey: string;
  /** `http`, `https`, `ws` or `wss`, may have a path; Sarvam's own when absent. */
  baseUrl?: string;
  /** `bulbul:v3` or `bulbul:v2`. */
  model: string;
  /** A speaker of the model, in lower case: `shubh` of `bulbul:v3`, `anushka` of `bulbul:v2`. */
  voice: string;
  /** A language of India that Sarvam speaks, as `hi-IN`, or `en-IN`. */
  language: string;
  /** 1 is the speaker's own; 0.5 to 2 with `bulbul:v3`, 0.3 to 3 with `bulbul:v2`. */
  pace?: number;
  /** Default 24,000. */
  sampleRateHz?: 8000 | 16000 | 22050 | 24000;
  /** Longest silence accepted from Sarvam while it owes a handshake or audio (default 5 s). */
  chunkTimeoutMs?: number;
}

/**
 * Sarvam's voices over its WebSocket (https://docs.sarvam.ai/api-reference-docs/text-to-speech/stream), mono 16-bit PCM.
 *
 * A connection takes text and gives audio without saying which belongs to which, and stops in no other way than by being
 * closed. So each speaks one piece at a time, up to the event that ends it, and is kept for the next; one that is
 * interrupted is closed, and another opened ahead of its use.
 */
export class SarvamTTS extends PiecewiseTTS implements Probed {
  label = 'sarvam.TTS';
  readonly #address: SarvamAddress;
  readonly #model: string;
  readonly #sockets: SarvamVoiceSockets;
  readonly #timeoutMs: number;

  constructor(options: SarvamTTSOptions) {
    const { apiKey, baseUrl, model, voice, language, pace, sampleRateHz = 24_000, chunkTimeoutMs = 5_000 } = options;
    // The model of the config message is ignored: without it here, Sarvam takes `bulbul:v2`.
    const query = { model, send_completion_event: 'true' };
    const address = { apiKey, baseUrl, path: '/text-to-speech/ws', query };
    const sockets = new SarvamVoiceSockets({
      address,
      config: {
        language_code: language,
        speaker: voice,
        speech_sample_rate: sampleRateHz,
        output_audio_codec: 'linear16',
        ...(pace !== undefined && { pace }),
      },
      connectTimeoutMs: chunkTimeoutMs,
    });
    super({ sampleRateHz, source: sockets, timeoutMs: chunkTimeoutMs });
    this.#address = address;
    this.#model = model;
    this.#sockets = sockets;
    this.#timeoutMs = chunkTimeoutMs;
  }

  override get model(): string {
    return this.#model;
  }

  override get provider(): string {
    return 'sarvam';
  }

  /** Opens a connection ahead of the first word; the framework calls it when an agent with this voice takes over. */
  prewarm(): void {
    this.#sockets.warm();
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    this.prewarm();
    return super.stream(options);
  }

  /** Opens a connection, which needs the key, and closes it. @throws as `openSarvamSocket`. */
  async probe(signal: AbortSignal): Promise<void> {
    const socket = await openSarvamSocket(this.#address, { timeoutMs: this.#timeoutMs, signal });
    socket.terminate();
  }

  /** Ends what is being spoken and closes the connections; nothing can be spoken afterwards. */
  override async close(): Promise<void> {
    await super.close();
    this.#sockets.close();
  }
}
