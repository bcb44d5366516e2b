import { type APIConnectOptions, DEFAULT_API_CONNECT_OPTIONS, stt } from '@livekit/agents';
import type { Probed } from '../probe.ts';
import { TranscriptionConnection, type TranscriptionSession } from './openai-realtime.ts';
import { OpenAISpeechStream, prefixMs, silenceMs } from './openai-stream.ts';

/** Settings of the recogniser. */
export interface OpenAISTTOptions {
  apiKey: string;
  /** `http`, `https`, `ws` or `wss`, with its `/v1`; OpenAI's own when absent. */
  baseUrl?: string;
  /** For example `gpt-4o-mini-transcribe`. */
  model: string;
  /** BCP 47 tag. Without it the vendor recognises the language, but doesn't tell which it was: transcripts say `und`. */
  language?: string;
  /** Default: the time-out of the stream's connection options. */
  connectTimeoutMs?: number;
  /** Retries a refusal (401, 400) too, at long intervals: for a recogniser that no other can stand in for. */
  retryRefusals?: boolean;
}

/**
 * Whisper heeds the last 224 tokens of a prompt (https://platform.openai.com/docs/guides/speech-to-text#prompting), and
 * Dutch terms have a token every three characters; of the others 1,024 characters are known to be taken.
 */
const promptCharacters = { whisper: 600, others: 1_024 };

/**
 * Streaming speech recognition by OpenAI: transcription sessions of its realtime API, through its own SDK. Utterances are
 * cut by the vendor's detector of speech and transcribed once they are over, so that interim transcripts come just before
 * the final ones. Words have no times.
 */
export class OpenAISTT extends stt.STT implements Probed {
  label = 'openai.STT';
  readonly #options: OpenAISTTOptions;
  readonly #streams = new Set<OpenAISpeechStream>();
  #keyTerms: readonly string[] = [];

  constructor(options: OpenAISTTOptions) {
    // The model that tells speakers apart takes no prompt.
    const keyterms = !options.model.includes('diarize');
    // Interim transcripts do come, but so late that nobody may wait for one while somebody speaks.
    super({ streaming: true, interimResults: false, alignedTranscript: false, keyterms });
    this.#options = options;
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'openai';
  }

  stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const connOptions = options?.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    const timeoutMs = this.#options.connectTimeoutMs ?? connOptions.timeoutMs;
    const { apiKey, baseUrl, language = 'und', retryRefusals = false } = this.#options;
    const stream = new OpenAISpeechStream(this, connOptions, {
      language,
      retryRefusals,
      session: () => this.#session(),
      open: (session, signal, onEvent) =>
        TranscriptionConnection.open({ apiKey, baseUrl, session, timeoutMs, signal, onEvent }),
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Terms to expect, the most useful first: as many as the vendor heeds. Running streams take them on at once. */
  override _updateSessionKeyterms(keyTerms: string[]): void {
    super._updateSessionKeyterms(keyTerms);
    this.#keyTerms = this.capabilities.keyterms ? [...keyTerms] : [];
    for (const stream of this.#streams) stream.reconfigure();
  }

  /** Opens a session, which costs nothing without audio, and closes it. @throws as `TranscriptionConnection.open`. */
  async probe(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { apiKey, baseUrl, connectTimeoutMs: timeoutMs = DEFAULT_API_CONNECT_OPTIONS.timeoutMs } = this.#options;
    const session = this.#session();
    const connection = await TranscriptionConnection.open({
      ...{ apiKey, baseUrl, session, timeoutMs, signal },
      onEvent: () => {},
    });
    connection.close();
    signal.throwIfAborted();
  }

  override async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
  }

  protected async _recognize(): Promise<stt.SpeechEvent> {
    throw new Error('OpenAISTT recognises streams only: use stream()');
  }

  #session(): TranscriptionSession {
    const { model, language } = this.#options;
    return {
      type: 'transcription',
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24_000 },
          transcription: {
            model,
            // ISO 639-1: nothing about regions.
            ...(language !== undefined && { language: language.split('-')[0] }),
            ...(this.capabilities.keyterms && { prompt: this.#prompt() }),
          },
          turn_detection: { type: 'server_vad', prefix_padding_ms: prefixMs, silence_duration_ms: silenceMs },
        },
      },
    };
  }

  #prompt(): string {
    const limit = this.#options.model.startsWith('whisper') ? promptCharacters.whisper : promptCharacters.others;
    let prompt = '';
    for (const term of this.#keyTerms) {
      const longer = prompt ? `${prompt}, ${term}` : term;
      if (longer.length <= limit) prompt = longer;
    }
    return prompt;
  }
}
