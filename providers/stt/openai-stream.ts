import { setTimeout as sleep } from 'node:timers/promises';
import { APIConnectionError, type APIConnectOptions, APIError, asLanguageCode, stt } from '@livekit/agents';
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { AudioBacklog } from './audio-backlog.ts';
import type { SpeechItem } from './openai-items.ts';
import {
  bytesPerSecond,
  sampleRateHz,
  type TranscriptionConnection,
  type TranscriptionSession,
  vendorError,
} from './openai-realtime.ts';
import { Serving } from './openai-serving.ts';

/** Audio before the first sound of speech that the vendor transcribes with it. */
export const prefixMs = 300;
/** Silence after which the vendor transcribes; the end of the turn is judged elsewhere, so sooner is better. */
export const silenceMs = 250;

/** A replay of more than this would be answered too late to be of use. */
const longestReplaySeconds = 30;
/** Silence is never answered: what was sent this long ago, and wasn't found to be speech, isn't. */
const forgetSilenceMs = 5_000;
/** The vendor ends a session after an hour: it is renewed before that, between two utterances. */
const renewAfterMs = 50 * 60_000;
/** A refused key is rarely mended sooner, and a vendor may lock out who comes more often. */
const refusalIntervalMs = 5_000;
/** Silence of our own that ends an utterance when its transcript is wanted at once. */
const flushMs = silenceMs + 200;
/** How long the last transcript may take after the end of the input. */
const finishTimeoutMs = 5_000;

/** What a stream needs of its recogniser. */
export interface StreamContext {
  /** What transcripts call the language. */
  language: string;
  retryRefusals: boolean;
  session(): TranscriptionSession;
  open(
    session: TranscriptionSession,
    signal: AbortSignal,
    onEvent: (event: RealtimeServerEvent) => void,
  ): Promise<TranscriptionConnection>;
  /** The stream will run no more. */
  onEnd(): void;
}

/**
 * One stream of audio over one session after another. The input is read by one loop for the whole life of the stream, and
 * kept until a final transcript covers it: a new session is given the rest again.
 */
export class OpenAISpeechStream extends stt.SpeechStream {
  label = 'openai.SpeechStream';
  readonly #context: StreamContext;
  readonly #backlog = new AudioBacklog(bytesPerSecond, longestReplaySeconds);
  #reading: Promise<void> | undefined;
  #offsetSeconds = 0;
  #serving: Serving | undefined;
  #configured = '';
  #requestId = '';
  #isSpeaking = false;
  #flushWanted = false;
  #inputEnded = false;
  #isFinished = false;

  constructor(owner: stt.STT, connOptions: APIConnectOptions, context: StreamContext) {
    super(owner, sampleRateHz, connOptions);
    this.#context = context;
    this.abortSignal.addEventListener('abort', () => context.onEnd(), { once: true });
  }

  /** Takes on the recogniser's present settings. */
  reconfigure(): void {
    const session = this.#context.session();
    if (!this.#serving || JSON.stringify(session) === this.#configured) return;
    this.#configured = JSON.stringify(session);
    this.#serving.connection.configure(session);
  }

  /** One attempt of the framework's retry loop; within it a session whose time is up is followed by another. */
  protected async run(): Promise<void> {
    if (!this.#reading) {
      // Later the framework adds the time of its retries, but our times count the audio itself.
      this.#offsetSeconds = this.startTimeOffset;
      this.#reading = this.#readInput();
    }
    while (!this.abortSignal.aborted && !this.#isFinished) {
      const session = this.#context.session();
      const connection = await this.#context
        .open(session, this.abortSignal, (event) => this.#receive(event))
        .catch((error: unknown) => this.#refused(error));
      this.#configured = JSON.stringify(session);
      this.#serve(connection);
      try {
        await connection.ended;
      } finally {
        this.#stopServing();
      }
    }
    this.#context.onEnd();
  }

  async #refused(error: unknown): Promise<never> {
    if (!this.#context.retryRefusals || !(error instanceof APIError) || error.retryable) throw error;
    await sleep(refusalIntervalMs, undefined, { signal: this.abortSignal }).catch(() => {});
    throw new APIConnectionError({ message: error.message });
  }

  async #readInput(): Promise<void> {
    for await (const item of this.input) {
      if (typeof item === 'symbol') {
        this.#flushWanted = true;
        this.#flush();
      } else if (item.samplesPerChannel > 0) {
        // Copied: the frame's memory is not ours, and this may be sent again much later.
        const audio = new Uint8Array(item.data.buffer, item.data.byteOffset, item.data.byteLength).slice();
        this.#backlog.append(audio);
        this.#serving?.connection.send(audio);
      }
    }
    this.#inputEnded = true;
    this.#finish();
  }

  #serve(connection: TranscriptionConnection): void {
    const serving = new Serving(connection);
    this.#serving = serving;
    for (const audio of this.#backlog.replay()) connection.send(audio);
    serving.forgetting = setInterval(() => this.#forgetSilence(), forgetSilenceMs);
    if (this.#flushWanted) this.#flush();
    if (this.#inputEnded) this.#finish();
    this.reconfigure();
  }

  #stopServing(): void {
    this.#reportUsage();
    clearInterval(this.#serving?.forgetting);
    clearTimeout(this.#serving?.finishing);
    this.#serving = undefined;
  }

  /**
   * Ends the utterance by silence and, if there is one, by a commit, now or when the vendor has found it. A commit of
   * nothing but silence would have the vendor make words of it.
   */
  #flush(): void {
    const serving = this.#serving;
    if (!serving) return;
    serving.flushedUntilMs = serving.sentMs;
    serving.insertSilence(flushMs);
    if (serving.items.isSpeaking) serving.connection.commit();
  }

  /** The commit of what is no speech is only made to be answered, after everything that is. */
  #finish(): void {
    const serving = this.#serving;
    if (!serving) return;
    this.#flush();
    serving.connection.commit();
    serving.finishing = setTimeout(() => this.#end(), finishTimeoutMs);
  }

  #end(): void {
    this.#isFinished = true;
    this.#serving?.connection.close();
  }

  #receive(event: RealtimeServerEvent): void {
    const serving = this.#serving;
    if (!serving) return;
    const { items } = serving;
    switch (event.type) {
      case 'input_audio_buffer.speech_started':
        items.start(event.item_id, event.audio_start_ms);
        if (event.audio_start_ms < serving.flushedUntilMs) serving.connection.commit();
        this.#startSpeech();
        break;
      case 'input_audio_buffer.speech_stopped':
        items.stop(event.item_id, event.audio_end_ms);
        break;
      case 'input_audio_buffer.committed':
        // Of speech the vendor tells the end first, unless it was our commit that ended it.
        if (!items.isOver(event.item_id)) serving.isHeardOut = this.#inputEnded;
        items.stop(event.item_id, serving.sentMs);
        break;
      case 'conversation.item.input_audio_transcription.delta':
        this.#interim(items.extend(event.item_id, event.delta ?? ''));
        break;
      case 'conversation.item.input_audio_transcription.completed':
        this.#requestId = event.event_id;
        for (const item of items.complete(event.item_id, event.transcript)) this.#final(item, serving);
        if (items.isEmpty) this.#endSpeech();
        this.#reportUsage();
        break;
      case 'conversation.item.input_audio_transcription.failed':
        if (items.has(event.item_id)) serving.connection.fail(vendorError(event.error));
        break;
      case 'error':
        serving.isHeardOut = this.#inputEnded;
        break;
    }
    if (serving.isHeardOut && items.isEmpty) this.#end();
  }

  #interim(item: SpeechItem | undefined): void {
    if (!item?.text.trim()) return;
    const alternatives: stt.SpeechEvent['alternatives'] = [this.#speechData(item)];
    this.#put({ type: stt.SpeechEventType.INTERIM_TRANSCRIPT, requestId: this.#requestId, alternatives });
  }

  #final(item: SpeechItem, serving: Serving): void {
    if (item.text.trim()) {
      const alternatives: stt.SpeechEvent['alternatives'] = [this.#speechData(item)];
      this.#put({ type: stt.SpeechEventType.FINAL_TRANSCRIPT, requestId: this.#requestId, alternatives });
    }
    this.#flushWanted = false;
    this.#backlog.acknowledge(serving.inputSeconds(item.endMs ?? serving.sentMs));
  }

  #speechData({ text, startMs, endMs }: SpeechItem): stt.SpeechData {
    const serving = this.#serving;
    const offset = this.#offsetSeconds + this.#backlog.connectionStartSeconds;
    const seconds = (ms: number) => offset + (serving?.inputSeconds(ms) ?? 0);
    const startTime = seconds(startMs === 0 ? 0 : startMs + prefixMs);
    return {
      language: asLanguageCode(this.#context.language),
      text: text.trim(),
      startTime,
      endTime: Math.max(startTime, seconds((endMs ?? startMs) - silenceMs)),
      // The vendor tells none.
      confidence: 0,
    };
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
  }

  #forgetSilence(): void {
    const serving = this.#serving;
    if (!serving?.items.isEmpty) return;
    this.#backlog.acknowledge(serving.inputSeconds(serving.sentBeforeMs));
    serving.sentBeforeMs = serving.sentMs;
    if (performance.now() - serving.since > renewAfterMs && !this.#inputEnded) serving.connection.close();
  }

  /** What the stream was given and sent, replays included; not the silence of our own. */
  #reportUsage(): void {
    const seconds = this.#serving?.takeUsage() ?? 0;
    if (seconds === 0) return;
    this.#put({
      type: stt.SpeechEventType.RECOGNITION_USAGE,
      requestId: this.#requestId,
      recognitionUsage: { audioDuration: seconds },
    });
  }

  #put(event: stt.SpeechEvent): void {
    if (!this.queue.closed) this.queue.put(event);
  }
}
