import { APIConnectionError, type APIError } from '@livekit/agents';
import {
  CancellationDetails,
  CancellationErrorCode,
  Connection,
  ResultReason,
  SpeechSynthesisBoundaryType,
  SpeechSynthesisOutputFormat,
  type SpeechSynthesisResult,
  SpeechSynthesizer,
} from 'microsoft-cognitiveservices-speech-sdk';
import type { IAuthentication } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.speech/IAuthentication.js';
import type { ISynthesisConnectionFactory } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.speech/ISynthesisConnectionFactory.js';
import type { SynthesizerConfig } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.speech/SynthesizerConfig.js';
import { type AzureSpeechAccess, failureOf, SpeechSocket, speechConfigOf, ticksPerSecond } from '../azure-speech.ts';

/** Rates of the service's raw 16-bit mono PCM, in hertz, and what the SDK calls them. */
export const outputFormats = {
  8000: SpeechSynthesisOutputFormat.Raw8Khz16BitMonoPcm,
  16000: SpeechSynthesisOutputFormat.Raw16Khz16BitMonoPcm,
  22050: SpeechSynthesisOutputFormat.Raw22050Hz16BitMonoPcm,
  24000: SpeechSynthesisOutputFormat.Raw24Khz16BitMonoPcm,
  44100: SpeechSynthesisOutputFormat.Raw44100Hz16BitMonoPcm,
  48000: SpeechSynthesisOutputFormat.Raw48Khz16BitMonoPcm,
};

/** What every synthesis of a voice shares. */
export interface SynthesisSettings extends AzureSpeechAccess {
  sampleRateHz: keyof typeof outputFormats;
  /** Longest time until the service takes a connection. */
  timeoutMs: number;
}

/** Who hears a text; nothing comes once the signal was aborted. */
export interface SynthesisListener {
  signal: AbortSignal;
  onAudio(pcm: Uint8Array): void;
  /** A word as the service names it, and when it is heard in the text's audio. */
  onWord(word: string, startSeconds: number, endSeconds: number): void;
}

/** The path of the service's protocol for SSML. */
const path = '/tts/cognitiveservices/websocket/v1';
/** How long a text that was told to stop may take to end before its connection is given up. */
const stopTimeoutMs = 150;

/** A synthesiser of the SDK and its connection, which it keeps for one text after another. */
export class AzureSynthesis {
  /** Whether audio of the present text has come. */
  hasAnswered = false;
  readonly #socket: SpeechSocket;
  readonly #synthesizer: SpeechSynthesizer;
  readonly #connection: Connection;
  #lose: (error: APIError) => void = () => {};

  private constructor(settings: SynthesisSettings) {
    this.#socket = new SpeechSocket(settings.timeoutMs);
    this.#synthesizer = synthesizerOn(this.#socket, settings);
    this.#connection = Connection.fromSynthesizer(this.#synthesizer);
    void this.#socket.ended.then((error) => {
      this.#lose(error ?? new APIConnectionError({ message: 'This voice was closed', options: { retryable: false } }));
      closeQuietly(this.#synthesizer);
    });
  }

  /**
   * Connects; an abort gives up.
   * @throws APIStatusError when the service refuses, APITimeoutError after `timeoutMs`, APIConnectionError when it can't be
   * reached.
   */
  static async open(settings: SynthesisSettings, signal: AbortSignal): Promise<AzureSynthesis> {
    signal.throwIfAborted();
    const synthesis = new AzureSynthesis(settings);
    const close = () => synthesis.close();
    signal.addEventListener('abort', close, { once: true });
    synthesis.#connection.openConnection(undefined, () =>
      synthesis.#socket.fail(failureOf(CancellationErrorCode.ConnectionFailure)),
    );
    await synthesis.#socket.opened.finally(() => signal.removeEventListener('abort', close));
    return synthesis;
  }

  /** Whether a text can be spoken on it. */
  get isOpen(): boolean {
    return this.#socket.isOpen;
  }

  /**
   * Speaks a text, one at a time; resolves when all of its audio came or it was stopped. An abort tells the service to
   * stop; where it doesn't at once, the connection is closed.
   * @throws APIError
   */
  async speak(ssml: string, { signal, onAudio, onWord }: SynthesisListener): Promise<void> {
    const synthesizer = this.#synthesizer;
    this.hasAnswered = false;
    synthesizer.synthesizing = (_, { result }) => {
      this.hasAnswered = true;
      if (!signal.aborted) onAudio(new Uint8Array(result.audioData));
    };
    synthesizer.wordBoundary = (_, { boundaryType, text, audioOffset, duration }) => {
      if (signal.aborted || boundaryType !== SpeechSynthesisBoundaryType.Word) return;
      onWord(text, audioOffset / ticksPerSecond, (audioOffset + duration) / ticksPerSecond);
    };
    let timer: NodeJS.Timeout | undefined;
    const stop = () => {
      this.#connection.sendMessageAsync('synthesis.control', JSON.stringify({ action: 'stop' }), undefined, () => {});
      timer = setTimeout(() => this.#socket.close(), stopTimeoutMs);
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      const result = await new Promise<SpeechSynthesisResult>((resolve, reject) => {
        this.#lose = reject;
        synthesizer.speakSsmlAsync(ssml, resolve, () => reject(failureOf(CancellationErrorCode.RuntimeError)));
      });
      if (result.reason === ResultReason.Canceled && !signal.aborted) throw await this.#causeOf(result);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      this.#lose = () => {};
    }
  }

  /** Closes the connection at once; resolves when the service has let go of it too. */
  close(): Promise<void> {
    return this.#socket.close();
  }

  async #causeOf(result: SpeechSynthesisResult): Promise<APIError> {
    const failure = failureOf(CancellationDetails.fromResult(result).ErrorCode);
    // A lost connection knows better why.
    if (!this.#socket.isOpen) return (await this.#socket.ended) ?? failure;
    void this.#socket.close();
    return failure;
  }
}

function synthesizerOn(socket: SpeechSocket, settings: SynthesisSettings): SpeechSynthesizer {
  const config = speechConfigOf(settings, path);
  config.speechSynthesisOutputFormat = outputFormats[settings.sampleRateHz];
  // The SDK's constructor calls this method, so what it needs can't be a field.
  class WatchedSynthesizer extends SpeechSynthesizer {
    protected override createSynthesisAdapter(
      authentication: IAuthentication,
      connections: ISynthesisConnectionFactory,
      synthesizerConfig: SynthesizerConfig,
    ) {
      return super.createSynthesisAdapter(authentication, socket.oneOf(connections), synthesizerConfig);
    }
  }
  return new WatchedSynthesizer(config, null);
}

/** Its connection is gone by now, which the SDK would report once more. */
function closeQuietly(synthesizer: SpeechSynthesizer): void {
  synthesizer.close(
    () => {},
    () => {},
  );
}
