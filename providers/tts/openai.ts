import { OpenAI } from 'openai';
import { toFrameworkError } from '../llm/openai-errors.ts';
import type { Probed } from '../probe.ts';
import { type PieceOptions, PiecewiseTTS } from './piecewise.ts';

/** What a voice of OpenAI is made of. */
export interface OpenAITTSOptions {
  apiKey: string;
  /** With its `/v1`; OpenAI's own when absent. */
  baseUrl?: string;
  /** For example `gpt-4o-mini-tts`. */
  model: string;
  /** Name of a built-in voice, for example `marin`; it speaks whatever language the text is in. */
  voice: string;
  /** 0.25 to 4; 1 is the voice's own. */
  speed?: number;
  /** How to speak, in words; `tts-1` and `tts-1-hd` don't heed it. */
  instructions?: string;
  /** Longest silence accepted from the vendor while it owes audio (default 5 s). */
  timeoutMs?: number;
}

/** Rate of the vendor's `pcm` format, 16-bit mono (https://platform.openai.com/docs/guides/text-to-speech). */
const sampleRateHz = 24_000;

/**
 * OpenAI's voices over `POST /v1/audio/speech` (https://platform.openai.com/docs/api-reference/audio/createSpeech), one
 * request a piece, its audio streamed. An interruption closes the requests.
 */
export class OpenAITTS extends PiecewiseTTS implements Probed {
  label = 'openai.TTS';
  readonly #client: OpenAI;
  readonly #model: string;
  readonly #closed = new AbortController();

  constructor({ apiKey, baseUrl, model, voice, speed, instructions, timeoutMs }: OpenAITTSOptions) {
    // Null, not undefined: what is undefined the SDK reads from the environment. Its log would hold requests.
    const client = new OpenAI({
      apiKey,
      baseURL: baseUrl ?? null,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: 'off',
      maxRetries: 0,
    });
    const request = { model, voice, speed, instructions, response_format: 'pcm' } as const;
    super({
      sampleRateHz,
      timeoutMs,
      source: { speak: (text, options) => speak(client, { ...request, input: text }, options) },
    });
    this.#client = client;
    this.#model = model;
  }

  override get model(): string {
    return this.#model;
  }

  override get provider(): string {
    return 'openai';
  }

  /** Opens a connection ahead of the first word, which waits for it in the process's pool; a failure shows later. */
  prewarm(): void {
    this.probe(this.#closed.signal).catch(() => {});
  }

  /** Asks for the list of models. @throws APIError, or the reason of the signal once it was aborted. */
  async probe(signal: AbortSignal): Promise<void> {
    try {
      await this.#client.models.list({ signal });
    } catch (error) {
      signal.throwIfAborted();
      throw toFrameworkError(error, { vendor: 'OpenAI', retryable: true });
    }
  }

  override async close(): Promise<void> {
    this.#closed.abort();
    await super.close();
  }
}

async function speak(
  client: OpenAI,
  request: Parameters<OpenAI['audio']['speech']['create']>[0],
  { signal, timeoutMs, onAudio }: PieceOptions,
): Promise<void> {
  try {
    const { body } = await client.audio.speech.create(request, { signal, timeout: timeoutMs });
    for await (const pcm of body ?? []) onAudio(pcm);
  } catch (error) {
    throw toFrameworkError(error, { vendor: 'OpenAI', retryable: true });
  }
}
