import { type APIConnectOptions, asLanguageCode, DEFAULT_API_CONNECT_OPTIONS, stt, voice } from '@livekit/agents';
import type { AzureSpeechAccess } from '../azure-speech.ts';
import type { Probed } from '../probe.ts';
import { AudioBacklog } from './audio-backlog.ts';
import { AzureRecognition, type Hypothesis, type Phrase, type RecognitionSettings } from './azure-recognition.ts';

/** Settings of the recogniser. */
export interface AzureSTTOptions extends AzureSpeechAccess {
  /** BCP 47 tag with a region, for example `nl-NL`; of several (up to 10), the one that is spoken is found out. */
  language: string | readonly string[];
  /** Default: the time-out of the stream's connection options. */
  connectTimeoutMs?: number;
}

const sampleRateHz = 16_000;
const bytesPerSecond = sampleRateHz * 2;
/** A replay of more than this would be answered too late to be of use. */
const longestReplaySeconds = 30;
/** Of audio without speech, which no result covers, this much is sent again: the SDK slows down after 5 s of it. */
const quietReplaySeconds = 4;
/** Heard before the words that it belongs to. */
const leadInSeconds = 0.5;
/**
 * Silence after which the service ends an utterance: 100 to 5000 ms, 650 by default
 * (learn.microsoft.com/azure/ai-services/speech-service/how-to-recognize-speech#change-how-silence-is-handled). The end of
 * the turn is judged elsewhere, so sooner is better; pieces of sentences are recognised worse.
 */
const silenceMs = 300;
/** The service takes no more (learn.microsoft.com/azure/ai-services/speech-service/improve-accuracy-phrase-list). */
const mostKeyTerms = 500;

/** Streaming speech recognition by Azure Speech, through its own SDK. */
export class AzureSTT extends stt.STT implements Probed {
  label = 'azure.STT';
  readonly #settings: Omit<RecognitionSettings, 'timeoutMs'>;
  readonly #connectTimeoutMs: number | undefined;
  readonly #streams = new Set<AzureStream>();
  #keyTerms: string[] = [];

  /** @throws Error when no language is given, or neither `region` nor `baseUrl`. */
  constructor({ language, connectTimeoutMs, ...access }: AzureSTTOptions) {
    super({ streaming: true, interimResults: true, alignedTranscript: 'word', keyterms: true });
    const [first, ...others] = typeof language === 'string' ? [language] : language;
    if (!first) throw new Error('Azure Speech: set language, for example nl-NL');
    if (!access.region && !access.baseUrl) throw new Error('Azure Speech: set region, or baseUrl');
    this.#settings = { ...access, languages: [first, ...others], sampleRateHz, silenceMs };
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** The service has one model for each language, without a name. */
  override get model(): string {
    return 'universal';
  }

  override get provider(): string {
    return 'azure-speech';
  }

  stream(options?: { connOptions?: APIConnectOptions }): stt.SpeechStream {
    const connOptions = options?.connOptions ?? DEFAULT_API_CONNECT_OPTIONS;
    const stream = new AzureStream(this, connOptions, {
      settings: { ...this.#settings, timeoutMs: this.#connectTimeoutMs ?? connOptions.timeoutMs },
      keyTerms: () => this.#keyTerms,
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /**
   * Terms to expect, the most useful first: as many as the service takes. Running streams take them on between utterances,
   * on a new connection that is given the audio no final covers yet.
   */
  override _updateSessionKeyterms(keyTerms: string[]): void {
    super._updateSessionKeyterms(keyTerms);
    this.#keyTerms = keyTerms.slice(0, mostKeyTerms);
    for (const stream of this.#streams) stream.renewBetweenUtterances();
  }

  async probe(signal: AbortSignal): Promise<void> {
    const timeoutMs = this.#connectTimeoutMs ?? DEFAULT_API_CONNECT_OPTIONS.timeoutMs;
    await AzureRecognition.probe({ ...this.#settings, timeoutMs }, signal);
  }

  override async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
  }

  protected async _recognize(): Promise<stt.SpeechEvent> {
    throw new Error('AzureSTT recognises streams only: use stream()');
  }
}

interface StreamContext {
  settings: RecognitionSettings;
  keyTerms(): readonly string[];
  /** The stream will run no more. */
  onEnd(): void;
}

/**
 * One stream of audio over one recognition after another. The input is read by one loop for the whole life of the stream,
 * and kept until a final transcript covers it: a new recognition is given the rest again.
 */
class AzureStream extends stt.SpeechStream {
  label = 'azure.SpeechStream';
  readonly #context: StreamContext;
  readonly #backlog = new AudioBacklog(bytesPerSecond, longestReplaySeconds);
  #reading: Promise<void> | undefined;
  #offsetSeconds = 0;
  #recognition: AzureRecognition | undefined;
  #keyTerms: readonly string[] = [];
  #reportedBytes = 0;
  #isSpeaking = false;
  #flushWanted = false;
  #inputEnded = false;

  constructor(owner: AzureSTT, connOptions: APIConnectOptions, context: StreamContext) {
    super(owner, sampleRateHz, connOptions);
    this.#context = context;
    this.abortSignal.addEventListener('abort', () => context.onEnd(), { once: true });
  }

  /** Begins anew with the present key terms, now or at the end of the utterance, if they differ from those in use. */
  renewBetweenUtterances(): void {
    if (this.#isSpeaking || !this.#recognition || this.#inputEnded || this.#flushWanted) return;
    if (String(this.#keyTerms) !== String(this.#context.keyTerms())) this.#recognition.close();
  }

  /** One attempt of the framework's retry loop; in it there is another recognition after each flush and turn, and for key terms. */
  protected async run(): Promise<void> {
    if (!this.#reading) {
      // Later the framework adds the time of its retries, but our times count the audio itself.
      this.#offsetSeconds = this.startTimeOffset;
      this.#reading = this.#readInput();
    }
    while (!this.abortSignal.aborted) {
      this.#keyTerms = this.#context.keyTerms();
      const recognition = await AzureRecognition.open(this.#context.settings, {
        keyTerms: this.#keyTerms,
        signal: this.abortSignal,
        handler: {
          hypothesis: (hypothesis) => this.#receiveHypothesis(hypothesis),
          phrase: (phrase) => this.#receivePhrase(phrase),
        },
      });
      this.#serve(recognition);
      try {
        await recognition.ended;
      } finally {
        this.#recognition = undefined;
        this.#reportUsage(recognition);
        if (!recognition.isFinished && !this.#isSpeaking) this.#forgetQuiet(recognition);
      }
      if (recognition.isFinished) {
        this.#flushWanted = false;
        this.#backlog.acknowledge(recognition.writtenBytes / bytesPerSecond);
        this.#endSpeech();
        if (this.#inputEnded && this.#backlog.replay().length === 0) break;
      }
    }
    this.#context.onEnd();
  }

  async #readInput(): Promise<void> {
    for await (const item of this.input) {
      if (typeof item === 'symbol') {
        this.#flushWanted = true;
        this.#recognition?.finish();
      } else if (item.samplesPerChannel > 0) {
        // Copied: the frame's memory is not ours, and this may be sent again much later.
        const audio = new Uint8Array(item.data.buffer, item.data.byteOffset, item.data.byteLength).slice();
        this.#backlog.append(audio);
        this.#recognition?.send(audio);
      }
    }
    this.#inputEnded = true;
    this.#recognition?.finish();
  }

  #serve(recognition: AzureRecognition): void {
    this.#recognition = recognition;
    this.#reportedBytes = 0;
    for (const audio of this.#backlog.replay()) recognition.send(audio);
    if (this.#flushWanted || this.#inputEnded) recognition.finish();
    this.renewBetweenUtterances();
  }

  #receiveHypothesis(hypothesis: Hypothesis): void {
    if (!hypothesis.text) return;
    this.#startSpeech();
    this.#backlog.acknowledge(Math.max(0, hypothesis.startSeconds - leadInSeconds));
    this.#put({
      type: stt.SpeechEventType.INTERIM_TRANSCRIPT,
      alternatives: [{ ...this.#speechData(hypothesis), endTime: 0, confidence: 0 }],
    });
  }

  #receivePhrase(phrase: Phrase): void {
    if (phrase.text) {
      this.#startSpeech();
      const offset = this.#streamSeconds;
      this.#put({
        type: stt.SpeechEventType.FINAL_TRANSCRIPT,
        alternatives: [
          {
            ...this.#speechData(phrase),
            endTime: phrase.endSeconds + offset,
            confidence: phrase.confidence,
            words: phrase.words.map(({ text, startSeconds, endSeconds }) =>
              voice.createTimedString({
                text,
                startTime: startSeconds + offset,
                endTime: endSeconds + offset,
                startTimeOffset: offset,
              }),
            ),
          },
        ],
      });
    }
    this.#backlog.acknowledge(phrase.endSeconds);
    if (this.#recognition) this.#reportUsage(this.#recognition);
    this.#endSpeech();
  }

  /** Where, in the stream, the audio of the present recognition begins. */
  get #streamSeconds(): number {
    return this.#offsetSeconds + this.#backlog.connectionStartSeconds;
  }

  #speechData({ text, startSeconds, language }: Hypothesis) {
    const startTime = startSeconds + this.#streamSeconds;
    return { text, startTime, language: asLanguageCode(language ?? this.#context.settings.languages[0]) };
  }

  #startSpeech(): void {
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    this.#put({ type: stt.SpeechEventType.START_OF_SPEECH });
  }

  #endSpeech(): void {
    if (this.#isSpeaking) {
      this.#isSpeaking = false;
      this.#put({ type: stt.SpeechEventType.END_OF_SPEECH });
    }
    this.renewBetweenUtterances();
  }

  /** No result covers audio without speech, but most of what was sent is known to be that. */
  #forgetQuiet(recognition: AzureRecognition): void {
    this.#backlog.acknowledge(Math.max(0, recognition.sentBytes / bytesPerSecond - quietReplaySeconds));
  }

  /** The service bills what it was sent, replays included. */
  #reportUsage(recognition: AzureRecognition): void {
    const bytes = recognition.sentBytes - this.#reportedBytes;
    if (bytes === 0) return;
    this.#reportedBytes = recognition.sentBytes;
    this.#put({
      type: stt.SpeechEventType.RECOGNITION_USAGE,
      recognitionUsage: { audioDuration: bytes / bytesPerSecond },
    });
  }

  #put(event: stt.SpeechEvent): void {
    if (!this.queue.closed) this.queue.put(event);
  }
}
