import { DeepgramClient } from '@deepgram/sdk';
import { DEFAULT_API_CONNECT_OPTIONS, stt } from '@livekit/agents';
import type { Probed } from '../probe.ts';
import { type OpenOptions, probeConnection } from './deepgram-connection.ts';

/** Settings that recognisers of both endpoints have. */
export interface DeepgramRecogniserOptions {
  apiKey: string;
  /** `http`, `https`, `ws` or `wss`, without a path; Deepgram's own when absent. */
  baseUrl?: string;
  model: string;
  /** Default: the time-out of the stream's connection options. */
  connectTimeoutMs?: number;
  /** Retries a refusal (401, 400) too, at long intervals: for a recogniser that no other can stand in for. */
  retryRefusals?: boolean;
}

/** What recognisers of both endpoints are: streams on one client of the SDK. */
export abstract class DeepgramRecogniser<Stream extends stt.SpeechStream> extends stt.STT implements Probed {
  protected readonly client: DeepgramClient;
  protected readonly streams = new Set<Stream>();
  protected keyTerms: string[] = [];
  readonly #options: DeepgramRecogniserOptions;

  protected constructor(options: DeepgramRecogniserOptions, { keyTerms }: { keyTerms: boolean }) {
    super({ streaming: true, interimResults: true, alignedTranscript: 'word', keyterms: keyTerms });
    this.#options = options;
    this.client = new DeepgramClient({ apiKey: options.apiKey, baseUrl: options.baseUrl });
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'deepgram';
  }

  /** Opens a connection with these settings and closes it. @throws as `open` of a connection. */
  async probe(signal: AbortSignal): Promise<void> {
    const timeoutMs = this.#options.connectTimeoutMs ?? DEFAULT_API_CONNECT_OPTIONS.timeoutMs;
    await probeConnection((aborted) => this.connect({ timeoutMs, signal: aborted, onMessage: () => {} }), signal);
  }

  override async close(): Promise<void> {
    for (const stream of this.streams) stream.close();
  }

  /** A connection with the present settings. */
  protected abstract connect(options: OpenOptions<unknown>): Promise<{ close(): void; ended: Promise<void> }>;

  protected async _recognize(): Promise<stt.SpeechEvent> {
    throw new Error(`${this.label} recognises streams only: use stream()`);
  }
}
