import { randomUUID } from 'node:crypto';
import type { RawData, WebSocket } from 'ws';
import type { SandboxLog } from './log.ts';
import type { Failure, SandboxSettings } from './settings.ts';
import type { SpeechLibrary } from './speech/library.ts';
import { SpeechListener, type Transcript } from './speech/speech-listener.ts';
import type { HeardWord } from './speech/utterance-matcher.ts';

/** What one accepted connection works with. */
export interface ListenContext {
  connection: number;
  query: URLSearchParams;
  failure: Failure | undefined;
  library: SpeechLibrary;
  log: SandboxLog;
  settings: SandboxSettings;
}

/** Deepgram closes a connection that has sent neither audio nor `KeepAlive` for this long (docs/audio-keep-alive). */
const idleMs = 10_000;
/** Deepgram's default for `endpointing`. */
const defaultEndpointingMs = 10;
/** Silence is reported too, in finals without words, about this often. */
const emptyFinalEveryMs = 5_000;
const model = { uuid: '00000000-0000-4000-8000-000000000000', version: '2026-01-01.0' };
const confidence = 0.99;

/** One open `/v1/listen` socket: audio and control messages in, results out. */
export class ListenConnection {
  readonly #socket: WebSocket;
  readonly #context: ListenContext;
  readonly #listener: SpeechListener;
  readonly #requestId = randomUUID();
  readonly #endpointingMs: number | undefined;
  #idle: NodeJS.Timeout | undefined;
  #finalUntilMs = 0;
  /** Last word end after which no `UtteranceEnd` was sent yet. */
  #lastWordEndMs: number | undefined;

  constructor(socket: WebSocket, context: ListenContext) {
    this.#socket = socket;
    this.#context = context;
    const endpointing = context.query.get('endpointing');
    this.#endpointingMs = endpointing === 'false' ? undefined : Number(endpointing ?? defaultEndpointingMs) || 0;
    const slowness = context.failure?.mode === 'slow' ? context.failure.factor : 1;
    this.#listener = new SpeechListener(
      context.library,
      Number(context.query.get('sample_rate')),
      () => {
        const finalMs = context.settings.delays.sttFinalMs * slowness;
        const silenceMs = this.#endpointingMs ?? 0;
        return { silenceMs, finalMs: Math.max(finalMs, silenceMs) };
      },
      {
        speechStarted: (atMs) => this.#speechStarted(atMs),
        interim: (transcript) => this.#interim(transcript),
        final: (transcript, flushed) => this.#final(transcript, flushed),
      },
    );
    socket.on('message', (data, isBinary) => this.#guarded(() => this.#receive(data, isBinary)));
    socket.on('close', (code) => {
      clearTimeout(this.#idle);
      this.#listener.close();
      this.#log('connection-closed', { code, voicedMs: this.#listener.voicedMs });
    });
    socket.on('error', () => socket.terminate());
    this.#waitForInput();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#waitForInput();
    const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
    if (!isBinary) this.#control(bytes.toString('utf8'));
    // An empty binary message ends the stream too: the vendor's guide warns of it.
    else if (bytes.length === 0) this.#closeStream();
    else {
      this.#listener.push(bytes);
      this.#afterAudio();
    }
  }

  #afterAudio(): void {
    const { positionMs, isHearing } = this.#listener;
    const { failure, query } = this.#context;
    if (failure?.mode === 'close' && positionMs >= failure.afterMs) {
      this.#socket.close(1011, 'Internal error');
      return;
    }
    if (isHearing) return;
    const utteranceEndMs = Number(query.get('utterance_end_ms'));
    if (utteranceEndMs && this.#lastWordEndMs !== undefined && positionMs - this.#lastWordEndMs >= utteranceEndMs) {
      this.#send({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: seconds(this.#lastWordEndMs) });
      this.#lastWordEndMs = undefined;
    }
    if (positionMs - this.#finalUntilMs >= emptyFinalEveryMs) {
      const transcript = {
        startMs: this.#finalUntilMs,
        endMs: positionMs,
        words: [],
        voicedMs: 0,
        lastVoicedAtMs: null,
      };
      this.#sendResults(transcript, { is_final: true, speech_final: false });
    }
  }

  #control(text: string): void {
    const type = messageType(text);
    if (type === 'Finalize') this.#listener.flush();
    if (type === 'CloseStream') this.#closeStream();
    if (type === 'Finalize' || type === 'CloseStream' || type === 'KeepAlive') return;
    this.#log('unexpected-request', { type: type ?? 'not a message' });
    this.#send({
      type: 'Error',
      variant: 'SchemaError',
      description:
        'Could not deserialize last text message: unknown variant, expected one of `CloseStream`, `KeepAlive`, `Finalize`',
      message: text,
    });
  }

  #closeStream(): void {
    if (this.#listener.isHearing) this.#listener.flush();
    this.#sendMetadata();
    this.#socket.close(1000);
  }

  #waitForInput(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.#sendMetadata();
      this.#socket.close(
        1011,
        'Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001',
      );
    }, idleMs);
  }

  #speechStarted(atMs: number): void {
    this.#log('speech-started');
    if (this.#context.query.get('vad_events') === 'true') {
      this.#send({ type: 'SpeechStarted', channel: [0, 1], timestamp: seconds(atMs) });
    }
  }

  #interim(transcript: Transcript): void {
    if (this.#context.query.get('interim_results') !== 'true') return;
    this.#log('interim-sent', { words: transcript.words.length });
    this.#sendResults(transcript, { is_final: false, speech_final: false });
  }

  #final(transcript: Transcript, flushed: boolean): void {
    const { words, voicedMs, lastVoicedAtMs } = transcript;
    this.#log('final-sent', { words: words.length, voicedMs, lastVoicedAtMs, fromFinalize: flushed });
    this.#lastWordEndMs = words.at(-1)?.endMs ?? this.#lastWordEndMs;
    this.#sendResults(transcript, {
      is_final: true,
      speech_final: flushed || this.#endpointingMs !== undefined,
      from_finalize: flushed,
    });
  }

  #sendResults(
    { startMs, endMs, words }: Transcript,
    flags: { is_final: boolean; speech_final: boolean; from_finalize?: boolean },
  ): void {
    if (flags.is_final) this.#finalUntilMs = endMs;
    const multilingual = this.#context.query.get('language') === 'multi';
    this.#send({
      type: 'Results',
      channel_index: [0, 1],
      start: seconds(startMs),
      duration: seconds(endMs - startMs),
      ...flags,
      channel: {
        alternatives: [
          {
            transcript: words.map(({ word }) => word).join(' '),
            confidence: words.length ? confidence : 0,
            ...(multilingual && { languages: languagesOf(words) }),
            words: words.map((word) => this.#wireWord(word, multilingual)),
          },
        ],
      },
      metadata: {
        request_id: this.#requestId,
        model_info: { name: this.#context.query.get('model'), version: model.version, arch: 'stand-in' },
        model_uuid: model.uuid,
      },
    });
  }

  #wireWord({ word, startMs, endMs, language }: HeardWord, multilingual: boolean): object {
    const { query } = this.#context;
    const punctuated = query.get('punctuate') === 'true' || query.get('smart_format') === 'true';
    return {
      word,
      start: seconds(startMs),
      end: seconds(endMs),
      confidence,
      ...(multilingual && { language }),
      ...(punctuated && { punctuated_word: word }),
    };
  }

  #sendMetadata(): void {
    this.#send({
      type: 'Metadata',
      transaction_key: 'deprecated',
      request_id: this.#requestId,
      sha256: '',
      created: new Date().toISOString(),
      duration: seconds(this.#listener.positionMs),
      channels: 1,
      models: [model.uuid],
    });
  }

  #send(message: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#log('stand-in-failed', { message: String(error) });
      this.#socket.close(1011, 'Internal error');
    }
  }

  #log(event: string, details: Record<string, unknown> = {}): void {
    this.#context.log.add('deepgram', event, this.#context.connection, details);
  }
}

/** The wire counts in seconds. */
export function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

function messageType(text: string): string | undefined {
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message === 'object' && message && 'type' in message) return String(message.type);
  } catch {
    // Not JSON: unexpected like any other unknown message.
  }
  return undefined;
}

/** Languages spoken, the one with the most words first. */
export function languagesOf(words: readonly HeardWord[]): string[] {
  const counts = new Map<string, number>();
  for (const { language } of words) counts.set(language, (counts.get(language) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([language]) => language);
}
