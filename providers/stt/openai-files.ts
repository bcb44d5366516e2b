import { once } from 'node:events';
import { APIError, OpenAI } from 'openai';
import type { TranscriptionConfig } from '../../core/config/transcription.ts';
import { AppError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { AudioFormat, FileTranscriber, FileTranscriptionRequest } from '../../domain/transcription.ts';

/** What the recogniser is made of. */
export interface OpenAIFileTranscriberOptions extends TranscriptionConfig {
  log: Log;
  /** How long one try may take (default 3 minutes). */
  timeoutMs?: number;
  /** Tries after the first one, which the SDK spaces out or times as the vendor's `Retry-After` says (default 2). */
  maxRetries?: number;
}

const contentTypes: Record<AudioFormat, string> = {
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  webm: 'audio/webm',
  m4a: 'audio/mp4',
};

/**
 * OpenAI's `POST /v1/audio/transcriptions` on its own SDK, or a server that speaks the same
 * (https://platform.openai.com/docs/api-reference/audio/createTranscription).
 */
export class OpenAIFileTranscriber implements FileTranscriber {
  /**
   * Whisper heeds the last 224 tokens of a prompt (https://platform.openai.com/docs/guides/speech-to-text#prompting), and
   * Dutch terms have a token every three characters. Of the others it is told for calls alone, where 1,024 characters are
   * taken; those that tell speakers apart take no prompt.
   */
  readonly promptCharacters: number;
  readonly #client: OpenAI;
  readonly #model: string;
  readonly #log: Log;
  readonly #tellsSpeakers: boolean;

  constructor({ apiKey, baseUrl, model, log, timeoutMs = 180_000, maxRetries = 2 }: OpenAIFileTranscriberOptions) {
    this.#model = model;
    this.#log = log;
    this.#tellsSpeakers = model.includes('diarize');
    this.promptCharacters = this.#tellsSpeakers ? 0 : model.startsWith('whisper') ? 600 : 1_024;
    // What is left out here the SDK takes from the environment, and its log would hold requests.
    this.#client = new OpenAI({
      apiKey,
      baseURL: baseUrl,
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: 'off',
      timeout: timeoutMs,
      maxRetries,
    });
  }

  /** @throws as `FileTranscriber.transcribe`. */
  async transcribe(request: FileTranscriptionRequest, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const settled = new AbortController();
    // The SDK waits for its next try whether or not anybody still wants an answer.
    const given = once(signal, 'abort', { signal: settled.signal }).then(() => signal.throwIfAborted());
    given.catch(() => undefined);
    try {
      const answer = await Promise.race([this.#ask(request, signal), given]);
      if (typeof answer?.text !== 'string') throw unusable('gave an answer without a text');
      return answer.text;
    } catch (error) {
      signal.throwIfAborted();
      throw this.#translated(error);
    } finally {
      settled.abort();
    }
  }

  /** Asks whether the key is good and the model is there. @throws AppError `unavailable` when not. */
  async check(): Promise<void> {
    try {
      await this.#client.models.retrieve(this.#model, { maxRetries: 0 });
    } catch (error) {
      throw this.#translated(error);
    }
  }

  #ask({ audio, format, language, prompt }: FileTranscriptionRequest, signal: AbortSignal) {
    return this.#client.audio.transcriptions.create(
      {
        file: new File([audio], `audio.${format}`, { type: contentTypes[format] }),
        model: this.#model,
        response_format: 'json',
        // ISO 639-1: nothing about regions.
        ...(language === undefined ? {} : { language: language.split('-')[0] }),
        ...(prompt === '' || this.#tellsSpeakers ? {} : { prompt }),
        ...(this.#tellsSpeakers ? { chunking_strategy: 'auto' as const } : {}),
      },
      { signal },
    );
  }

  /** The vendor's message may hold what was sent: status and code are all that is kept. */
  #translated(error: unknown): AppError {
    if (error instanceof AppError) return error;
    const { status, code } = error instanceof APIError ? error : { status: undefined, code: undefined };
    this.#log.warn({ vendor: 'openai', status, code, error: nameOf(error) }, 'a transcription failed');
    switch (status) {
      case undefined:
        return unusable('does not answer: try again');
      case 400:
      case 413:
      case 415:
      case 422:
        return AppError.field('file', 'can not be read by the recogniser: send it in another format');
      case 401:
      case 403:
        return unusable('refuses the key of this service (OPENAI_API_KEY): tell whoever runs it');
      case 404:
        return unusable('does not know the model (MODEL_ID): tell whoever runs this service');
      case 429:
        return unusable('has too much to do, or the quota of this service is used up: try again later');
      default:
        return unusable('fails: try again later');
    }
  }
}

// The SDK's errors share a name and differ in their class.
function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : typeof error;
}

function unusable(what: string): AppError {
  return new AppError('unavailable', `The recogniser of recordings ${what}`);
}
