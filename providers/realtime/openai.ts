import { DEFAULT_API_CONNECT_OPTIONS, llm } from '@livekit/agents';
import type { Probed } from '../probe.ts';
import type { SessionSettings, TurnDetection } from './openai-config.ts';
import { RealtimeConnection, type RealtimeEndpoint } from './openai-connection.ts';
import { OpenAIRealtimeSession } from './openai-session.ts';

/** How to reach a realtime model and what to ask of it. */
export interface OpenAIRealtimeOptions {
  apiKey: string;
  /**
   * With `/v1`; OpenAI's own when absent. At Azure `https://<resource>.openai.azure.com/openai/v1`, where the generally available
   * protocol is served without an `api-version` (learn.microsoft.com/azure/foundry/openai/how-to/realtime-audio-websockets).
   */
  baseUrl?: string;
  /** For example `gpt-realtime`. */
  model: string;
  /** For example `marin`. */
  voice: string;
  /** Factor, 0.25 to 1.5. */
  speed?: number;
  /** BCP 47 tag of what is spoken; recognised when absent. */
  language?: string;
  /** Writes down what the person says, beside the model that hears it. At Azure the name of a deployment. */
  transcriptionModel?: string;
  /** Null: the framework finds the turns, and commits each. Default: by the server, from silence. */
  turnDetection?: TurnDetection | null;
  connectTimeoutMs?: number;
  /** Longest silence of the server while it owes a reply. */
  idleTimeoutMs?: number;
  /** How often, in a row, a lost connection is tried again before the session gives up. */
  maxRetry?: number;
  retryIntervalMs?: number;
  /** Present for Azure OpenAI. */
  azure?: {
    /** Name of the deployment; the model's when absent. */
    deployment?: string;
  };
}

const defaultBaseUrl = 'https://api.openai.com/v1';

/**
 * OpenAI's speech-to-speech models behind the framework's realtime port, at OpenAI or at Azure: 24 kHz audio both ways over the
 * SDK's WebSocket. Sessions survive a lost connection without losing words or saying anything twice.
 */
export class OpenAIRealtimeModel extends llm.RealtimeModel implements Probed {
  readonly #options: OpenAIRealtimeOptions;
  readonly #endpoint: RealtimeEndpoint;
  readonly #sessions = new Set<OpenAIRealtimeSession>();

  /** @throws Error when `azure` comes without `baseUrl`, or `baseUrl` is no URL. */
  constructor(options: OpenAIRealtimeOptions) {
    super({
      messageTruncation: true,
      turnDetection: options.turnDetection !== null,
      userTranscription: true,
      autoToolReplyGeneration: false,
      audioOutput: true,
      manualFunctionCalls: true,
      midSessionChatCtxUpdate: true,
      midSessionInstructionsUpdate: true,
      midSessionToolsUpdate: true,
    });
    if (options.azure && !options.baseUrl) throw new Error('baseUrl: Azure OpenAI needs the address of your resource');
    const baseUrl = options.baseUrl ?? defaultBaseUrl;
    if (!URL.canParse(baseUrl)) throw new Error('baseUrl: is no URL');
    this.#options = options;
    this.#endpoint = {
      vendor: options.azure ? 'Azure OpenAI' : 'OpenAI',
      apiKey: options.apiKey,
      baseUrl,
      model: options.azure?.deployment ?? options.model,
      azure: options.azure !== undefined,
    };
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return this.#options.azure ? 'azure-openai' : 'openai';
  }

  override label(): string {
    return `${this.provider}.RealtimeModel`;
  }

  /** Begins a session, which connects at once. */
  override session(): OpenAIRealtimeSession {
    const { voice, speed, language, maxRetry, retryIntervalMs } = this.#options;
    const settings: SessionSettings = {
      voice,
      speed,
      language,
      transcriptionModel: this.#options.transcriptionModel ?? 'gpt-4o-mini-transcribe',
      turnDetection: this.#options.turnDetection === undefined ? { mode: 'silence' } : this.#options.turnDetection,
    };
    const session: OpenAIRealtimeSession = new OpenAIRealtimeSession(this, {
      endpoint: this.#endpoint,
      provider: this.provider,
      settings,
      connectTimeoutMs: this.#connectTimeoutMs,
      idleTimeoutMs: this.#options.idleTimeoutMs ?? 10_000,
      maxRetry: maxRetry ?? DEFAULT_API_CONNECT_OPTIONS.maxRetry,
      retryIntervalMs: retryIntervalMs ?? DEFAULT_API_CONNECT_OPTIONS.retryIntervalMs,
      onClose: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    return session;
  }

  /** Opens a connection and closes it: only replies and transcripts cost anything. */
  async probe(signal: AbortSignal): Promise<void> {
    const connection = await RealtimeConnection.open(this.#endpoint, {
      timeoutMs: this.#connectTimeoutMs,
      signal,
      onEvent: () => {},
    });
    connection.close();
  }

  override async close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }

  get #connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs ?? DEFAULT_API_CONNECT_OPTIONS.timeoutMs;
  }
}
