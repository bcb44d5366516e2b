import { APIConnectionError, type APIError } from '@livekit/agents';
import {
  AudioConfig,
  AudioInputStream,
  AudioStreamFormat,
  CancellationErrorCode,
  CancellationReason,
  Connection,
  PhraseListGrammar,
  PropertyId,
  type PushAudioInputStream,
  ResultReason,
  type SpeechRecognitionResult,
  SpeechRecognizer,
} from 'microsoft-cognitiveservices-speech-sdk';
import type { IAuthentication } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.speech/IAuthentication.js';
import type { IConnectionFactory } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.speech/IConnectionFactory.js';
import type { RecognizerConfig } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.speech/RecognizerConfig.js';
import { type AzureSpeechAccess, failureOf, SpeechSocket, speechConfigOf, ticksPerSecond } from '../azure-speech.ts';

/** What a recognition is asked for. */
export interface RecognitionSettings extends AzureSpeechAccess {
  /** BCP 47 tags with a region; of several, the one that is spoken is found out. */
  languages: readonly [string, ...string[]];
  sampleRateHz: number;
  /** Silence after which the service ends an utterance. */
  silenceMs: number;
  timeoutMs: number;
}

/** What was said so far in the utterance that is going on; seconds of the recognition's audio. */
export interface Hypothesis {
  text: string;
  startSeconds: number;
  /** Tag of the language that was spoken; absent where only one is expected. */
  language?: string;
}

/** What was said in an utterance; without words when none could be recognised. */
export interface Phrase extends Hypothesis {
  endSeconds: number;
  confidence: number;
  words: { text: string; startSeconds: number; endSeconds: number }[];
}

/** Who is told what was heard; nothing comes after the recognition has ended. */
export interface RecognitionHandler {
  hypothesis(hypothesis: Hypothesis): void;
  phrase(phrase: Phrase): void;
}

/** The path of the service's present protocol. */
const path = '/stt/speech/universal/v2';

/** Detailed result of the service, as far as it is read; times in ticks. */
interface DetailedResult {
  NBest?: {
    Confidence: number;
    Words?: { Word: string; Offset: number; Duration: number }[];
    DisplayWords?: { DisplayText: string; Offset: number; Duration: number }[];
  }[];
}

/**
 * One recognition: a recogniser of the SDK and its connection. The SDK ends an utterance before its silence only by ending
 * the whole stream of audio, so after `finish()` the rest of the audio needs another recognition.
 */
export class AzureRecognition {
  /** Resolves when it ended as we asked, rejects with an `APIError` when it was refused or lost. */
  readonly ended: Promise<void>;
  readonly #socket: SpeechSocket;
  readonly #audio: PushAudioInputStream;
  readonly #recognizer: SpeechRecognizer;
  readonly #timeoutMs: number;
  #isFinishing = false;
  #isFinished = false;
  #finishTimer: NodeJS.Timeout | undefined;
  #writtenBytes = 0;
  #sentBytes = 0;

  private constructor(settings: RecognitionSettings, keyTerms: readonly string[], handler: RecognitionHandler) {
    this.#timeoutMs = settings.timeoutMs;
    this.#socket = new SpeechSocket(settings.timeoutMs);
    this.#socket.onSent = (sentPath, bytes) => {
      this.#finishTimer?.refresh();
      if (sentPath === 'audio') this.#sentBytes += bytes;
    };
    this.#audio = AudioInputStream.createPushStream(AudioStreamFormat.getWaveFormatPCM(settings.sampleRateHz, 16, 1));
    this.#recognizer = recognizerOn(this.#socket, settings, this.#audio);
    if (keyTerms.length > 0) PhraseListGrammar.fromRecognizer(this.#recognizer).addPhrases([...keyTerms]);
    this.#listen(handler);
    this.ended = this.#socket.ended.then((error) => {
      this.#release();
      if (error) throw error;
    });
    this.ended.catch(() => {});
  }

  /**
   * Connects and begins to recognise. An abort ends it, also later on.
   * @throws APIStatusError when the service refuses (401 and 400 are final, 429 and 5xx worth a retry), APITimeoutError
   * after `timeoutMs`, APIConnectionError when it can't be reached.
   */
  static async open(
    settings: RecognitionSettings,
    options: { keyTerms: readonly string[]; signal: AbortSignal; handler: RecognitionHandler },
  ): Promise<AzureRecognition> {
    const recognition = new AzureRecognition(settings, options.keyTerms, options.handler);
    const close = () => recognition.close();
    options.signal.addEventListener('abort', close, { once: true });
    recognition.ended.catch(() => {}).finally(() => options.signal.removeEventListener('abort', close));
    if (options.signal.aborted) close();
    else {
      recognition.#recognizer.startContinuousRecognitionAsync(undefined, () => recognition.#fail());
      await recognition.#socket.opened.catch((error: unknown) => {
        if (!options.signal.aborted) throw error;
      });
    }
    return recognition;
  }

  /**
   * Opens a connection and closes it again, which costs nothing.
   * @throws APIError when the service can't be reached or refuses the key.
   */
  static async probe(settings: RecognitionSettings, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const socket = new SpeechSocket(settings.timeoutMs);
    const recognizer = recognizerOn(socket, settings, AudioInputStream.createPushStream());
    const close = () => void socket.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      Connection.fromRecognizer(recognizer).openConnection(undefined, () =>
        socket.fail(failureOf(CancellationErrorCode.ConnectionFailure)),
      );
      await socket.opened;
    } finally {
      signal.removeEventListener('abort', close);
      close();
      closeQuietly(recognizer);
    }
  }

  /** Bytes of audio that were sent, the header of 44 bytes not counted. */
  get sentBytes(): number {
    return Math.max(0, this.#sentBytes - waveHeaderBytes);
  }

  /** Bytes of audio that were taken in. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Whether all of its audio was recognised after `finish()`. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Takes audio in; dropped after `finish()` and when the connection is gone. */
  send(audio: Uint8Array): void {
    if (this.#isFinishing || !this.#socket.isOpen) return;
    this.#writtenBytes += audio.length;
    this.#audio.write(audio.slice().buffer);
  }

  /** Tells that no audio will follow: the last phrase comes, then `ended` resolves; it rejects if nothing comes at all. */
  finish(): void {
    if (this.#isFinishing || !this.#socket.isOpen) return;
    this.#isFinishing = true;
    this.#audio.close();
    this.#finishTimer = setTimeout(() => this.#fail(CancellationErrorCode.ServiceTimeout), this.#timeoutMs);
  }

  /** Ends at once; whatever is still on its way is dropped. */
  close(): void {
    void this.#socket.close();
  }

  #listen(handler: RecognitionHandler): void {
    const recognizer = this.#recognizer;
    recognizer.recognizing = (_, { result }) => {
      if (this.#socket.isOpen) handler.hypothesis(hypothesisOf(result));
    };
    recognizer.recognized = (_, { result }) => {
      if (this.#socket.isOpen) handler.phrase(phraseOf(result));
    };
    recognizer.canceled = (_, { reason, errorCode }) => {
      if (reason === CancellationReason.Error) this.#fail(errorCode);
    };
    recognizer.sessionStopped = () => {
      this.#isFinished = this.#isFinishing && this.#socket.isOpen;
      this.close();
    };
    this.#socket.onReceived = (receivedPath) => {
      this.#finishTimer?.refresh();
      // Later, because the last phrase of the turn may not have been told yet.
      if (receivedPath === 'turn.end' && !this.#isFinishing) setImmediate(() => this.#endTurn());
    };
  }

  /**
   * The service ended a turn by itself, after a long silence for example. The SDK would begin another one, but send a
   * tenth of a second of audio twice, so that times were wrong from then on.
   */
  #endTurn(): void {
    if (this.sentBytes >= leastTurnBytes) this.close();
    else this.#fail(CancellationErrorCode.NoError);
  }

  #fail(code = CancellationErrorCode.ConnectionFailure): void {
    const error: APIError =
      code === CancellationErrorCode.NoError
        ? new APIConnectionError({ message: 'Azure Speech ended the recognition' })
        : failureOf(code);
    this.#socket.fail(error);
  }

  #release(): void {
    clearTimeout(this.#finishTimer);
    if (!this.#isFinishing) this.#audio.close();
    this.#isFinishing = true;
    closeQuietly(this.#recognizer);
  }
}

const waveHeaderBytes = 44;
/** A service that ends turns sooner (half a second at 16 kHz) doesn't recognise anything. */
const leastTurnBytes = 16_000;

function recognizerOn(
  socket: SpeechSocket,
  settings: RecognitionSettings,
  audio: PushAudioInputStream,
): SpeechRecognizer {
  const config = speechConfigOf(settings, path);
  config.requestWordLevelTimestamps();
  config.setProperty(PropertyId.Speech_SegmentationSilenceTimeoutMs, String(settings.silenceMs));
  config.speechRecognitionLanguage = settings.languages[0];
  if (settings.languages.length > 1) {
    // What `AutoDetectSourceLanguageConfig` sets; with it the SDK would make a recogniser that can't be watched.
    config.setProperty(PropertyId.SpeechServiceConnection_AutoDetectSourceLanguages, settings.languages.join());
    config.setProperty(PropertyId.SpeechServiceConnection_LanguageIdMode, 'Continuous');
  }
  // The SDK's constructor calls this method, so what it needs can't be a field.
  class WatchedRecognizer extends SpeechRecognizer {
    protected override createServiceRecognizer(
      authentication: IAuthentication,
      connections: IConnectionFactory,
      audioConfig: AudioConfig,
      recognizerConfig: RecognizerConfig,
    ) {
      return super.createServiceRecognizer(authentication, socket.oneOf(connections), audioConfig, recognizerConfig);
    }
  }
  return new WatchedRecognizer(config, AudioConfig.fromStreamInput(audio));
}

/** Its connection is gone by now, which the SDK would report once more. */
function closeQuietly(recognizer: SpeechRecognizer): void {
  recognizer.close(
    () => {},
    () => {},
  );
}

function hypothesisOf(result: SpeechRecognitionResult): Hypothesis {
  return { text: result.text ?? '', startSeconds: result.offset / ticksPerSecond, language: result.language };
}

function phraseOf(result: SpeechRecognitionResult): Phrase {
  const isRecognised = result.reason === ResultReason.RecognizedSpeech;
  const best = (JSON.parse(result.json) as DetailedResult).NBest?.[0];
  const words =
    best?.DisplayWords?.map(({ DisplayText, ...times }) => ({ text: DisplayText, ...times })) ??
    best?.Words?.map(({ Word, ...times }) => ({ text: Word, ...times })) ??
    [];
  return {
    ...hypothesisOf(result),
    text: isRecognised ? result.text : '',
    endSeconds: (result.offset + result.duration) / ticksPerSecond,
    confidence: best?.Confidence ?? 0,
    words: words.map(({ text, Offset, Duration }) => ({
      text,
      startSeconds: Offset / ticksPerSecond,
      endSeconds: (Offset + Duration) / ticksPerSecond,
    })),
  };
}
