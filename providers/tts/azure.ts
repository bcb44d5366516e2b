import { setTimeout as sleep } from 'node:timers/promises';
import type { APIConnectOptions, tts } from '@livekit/agents';
import type { AzureSpeechAccess } from '../azure-speech.ts';
import type { Probed } from '../probe.ts';
import { SpokenWords, type SsmlOptions, ssmlOf } from './azure-ssml.ts';
import { AzureSynthesis, outputFormats, type SynthesisSettings } from './azure-synthesis.ts';
import { type PieceOptions, type PieceSource, PiecewiseTTS } from './piecewise.ts';

/** What a voice of Azure is made of. */
export interface AzureTTSOptions extends AzureSpeechAccess, SsmlOptions {
  /** 8000, 16000, 22050, 24000 (the default), 44100 or 48000. */
  sampleRateHz?: keyof typeof outputFormats;
  /** Longest silence accepted from the vendor while it owes an answer: a connection, or audio (default 5 s). */
  timeoutMs?: number;
}

/** A service that hasn't answered our close after this long isn't waited for. */
const closeTimeoutMs = 1_000;

/**
 * Azure's voices through its own SDK, mono 16-bit PCM. One connection serves all texts for the adapter's life, one after
 * another; an interruption stops the text and keeps the connection. The words that were spoken come with their audio.
 */
export class AzureTTS extends PiecewiseTTS implements Probed {
  label = 'azure.TTS';
  readonly #voice: string;
  readonly #line: AzureLine;

  /** @throws Error when an option is out of range, or neither `region` nor `baseUrl` says where the service is. */
  constructor({ apiKey, region, baseUrl, voice, language, speed, sampleRateHz = 24_000, timeoutMs }: AzureTTSOptions) {
    if (!region && !baseUrl) throw new Error('Azure Speech: set region, or baseUrl');
    if (!(sampleRateHz in outputFormats)) {
      throw new Error(`Azure Speech: sampleRateHz must be one of ${Object.keys(outputFormats).join(', ')}`);
    }
    if (speed !== undefined && !(speed >= 0.5 && speed <= 2)) throw new Error('Azure Speech: speed must be 0.5 to 2');
    const settings = { apiKey, region, baseUrl, sampleRateHz, timeoutMs: timeoutMs ?? 5_000 };
    const line = new AzureLine(settings, { voice, language, speed });
    super({ sampleRateHz, source: line, timeoutMs });
    this.#voice = voice;
    this.#line = line;
  }

  override get model(): string {
    return this.#voice;
  }

  override get provider(): string {
    return 'azure-speech';
  }

  /** Opens the connection ahead of the first word. A failure shows when it is used. */
  prewarm(): void {
    this.#line.warm();
  }

  override stream(options?: { connOptions?: APIConnectOptions }): tts.SynthesizeStream {
    this.prewarm();
    return super.stream(options);
  }

  /** Opens a connection and closes it again, which costs nothing. @throws APIError, or the reason of the signal. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#line.probe(signal);
  }

  /** Ends what is being spoken and closes the connection; nothing can be spoken afterwards. */
  override async close(): Promise<void> {
    await Promise.all([this.#line.close(), super.close()]);
  }
}

/** The connection of a voice, opened when it is needed, and the texts that wait for it. */
class AzureLine implements PieceSource {
  readonly #settings: SynthesisSettings;
  readonly #ssml: SsmlOptions;
  readonly #closed = new AbortController();
  readonly #waiting = new Set<PieceOptions>();
  #opening: Promise<AzureSynthesis> | undefined;
  #synthesis: AzureSynthesis | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(settings: SynthesisSettings, ssml: SsmlOptions) {
    this.#settings = settings;
    this.#ssml = ssml;
  }

  warm(): void {
    if (!this.#closed.signal.aborted) this.#open().catch(() => {});
  }

  async probe(signal: AbortSignal): Promise<void> {
    const synthesis = await AzureSynthesis.open(this.#settings, AbortSignal.any([signal, this.#closed.signal]));
    await synthesis.close();
  }

  /** Speaks a text when those before it are done. */
  async speak(text: string, options: PieceOptions): Promise<void> {
    this.#waiting.add(options);
    const turn = this.#last.then(() => {
      this.#waiting.delete(options);
      return this.#speak(text, options);
    });
    this.#last = turn.catch(() => {});
    await turn;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await Promise.race([this.#synthesis?.close(), sleep(closeTimeoutMs, undefined, { ref: false })]);
  }

  async #speak(text: string, options: PieceOptions): Promise<void> {
    const ssml = ssmlOf(text, this.#ssml);
    for (let wasKept = true; wasKept && !options.signal.aborted; ) {
      wasKept = this.#synthesis?.isOpen ?? false;
      const synthesis = await this.#openFor(options.signal);
      if (!synthesis) return;
      try {
        await this.#speakOn(synthesis, text, ssml, options);
        return;
      } catch (error) {
        // The service closes what was idle for long: a text it took no notice of gets one new connection.
        if (!wasKept || synthesis.hasAnswered || synthesis.isOpen || this.#closed.signal.aborted) throw error;
      }
    }
  }

  async #speakOn(synthesis: AzureSynthesis, text: string, ssml: string, options: PieceOptions): Promise<void> {
    const { signal, onAudio, onWords } = options;
    const words = new SpokenWords(text);
    let bytes = 0;
    await synthesis.speak(ssml, {
      signal,
      onAudio: (pcm) => {
        bytes += pcm.byteLength;
        onAudio(pcm);
        const spoken = words.until(bytes / 2 / this.#settings.sampleRateHz);
        if (spoken.length > 0) onWords(spoken);
        // Those who wait owe their silence to this text, not to the service.
        for (const waiting of this.#waiting) waiting.onAudio(new Uint8Array());
      },
      onWord: (word, startSeconds, endSeconds) => words.add(word, startSeconds, endSeconds),
    });
    const rest = words.rest();
    if (rest.length > 0 && !signal.aborted) onWords(rest);
  }

  /** The connection; undefined when the text was given up before it was there. */
  async #openFor(signal: AbortSignal): Promise<AzureSynthesis | undefined> {
    let giveUp = () => {};
    const givenUp = new Promise<undefined>((resolve) => {
      giveUp = () => resolve(undefined);
      signal.addEventListener('abort', giveUp, { once: true });
    });
    return Promise.race([this.#open(), givenUp]).finally(() => signal.removeEventListener('abort', giveUp));
  }

  async #open(): Promise<AzureSynthesis> {
    if (this.#synthesis?.isOpen) return this.#synthesis;
    this.#opening ??= AzureSynthesis.open(this.#settings, this.#closed.signal).finally(() => {
      this.#opening = undefined;
    });
    this.#synthesis = await this.#opening;
    return this.#synthesis;
  }
}
