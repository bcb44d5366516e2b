import { DEFAULT_API_CONNECT_OPTIONS, llm } from '@livekit/agents';
import type { Probed } from '../probe.ts';
import { type LiveTurnDetection, toLiveConfig } from './gemini-config.ts';
import { LiveConnection, type LiveEndpoint } from './gemini-connection.ts';
import { GeminiRealtimeSession } from './gemini-session.ts';

/** How to reach a Live model and what to ask of it. */
export interface GeminiRealtimeOptions extends LiveEndpoint {
  /** For example `Kore`. */
  voice: string;
  /** BCP 47 tag of what is spoken, a hint for the transcripts; recognised when absent. The model chooses its language itself. */
  language?: string;
  /** Null: the framework finds the turns, and commits each. Default: by the server, from silence. */
  turnDetection?: LiveTurnDetection | null;
  connectTimeoutMs?: number;
  /** Longest silence of the server while it owes a reply. */
  idleTimeoutMs?: number;
  /** How often, in a row, a lost connection is tried again before the session gives up. */
  maxRetry?: number;
  retryIntervalMs?: number;
}

/**
 * Gemini's speech-to-speech models (Live API) behind the framework's realtime port: 16 kHz audio in, 24 kHz out, transcripts of
 * both. Sessions survive a lost connection without losing words or saying anything twice.
 */
export class GeminiRealtimeModel extends llm.RealtimeModel implements Probed {
  readonly #options: GeminiRealtimeOptions;
  readonly #sessions = new Set<GeminiRealtimeSession>();

  constructor(options: GeminiRealtimeOptions) {
    super({
      messageTruncation: false,
      turnDetection: options.turnDetection !== null,
      userTranscription: true,
      autoToolReplyGeneration: true,
      audioOutput: true,
      manualFunctionCalls: false,
      midSessionChatCtxUpdate: true,
      midSessionInstructionsUpdate: true,
      midSessionToolsUpdate: true,
      perResponseToolChoice: false,
    });
    this.#options = options;
  }

  override get model(): string {
    return this.#options.model;
  }

  override get provider(): string {
    return 'gemini';
  }

  override label(): string {
    return 'gemini.RealtimeModel';
  }

  /** Begins a session, which connects at once. */
  override session(): GeminiRealtimeSession {
    const { maxRetry, retryIntervalMs, idleTimeoutMs = 10_000 } = this.#options;
    const session: GeminiRealtimeSession = new GeminiRealtimeSession(this, {
      endpoint: this.#options,
      settings: this.#settings,
      connectTimeoutMs: this.#connectTimeoutMs,
      idleTimeoutMs,
      maxRetry: maxRetry ?? DEFAULT_API_CONNECT_OPTIONS.maxRetry,
      retryIntervalMs: retryIntervalMs ?? DEFAULT_API_CONNECT_OPTIONS.retryIntervalMs,
      onClose: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    return session;
  }

  /** Opens a connection, waits for the model and closes it: only what is said costs anything. */
  async probe(signal: AbortSignal): Promise<void> {
    const connection = await LiveConnection.open(
      this.#options,
      toLiveConfig(this.#settings, '', new llm.ToolContext([])),
      { timeoutMs: this.#connectTimeoutMs, signal, onMessage: () => {} },
    );
    connection.close();
  }

  override async close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
  }

  get #settings() {
    const { voice, language, turnDetection = {} } = this.#options;
    return { voice, language, turnDetection };
  }

  get #connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs ?? DEFAULT_API_CONNECT_OPTIONS.timeoutMs;
  }
}
