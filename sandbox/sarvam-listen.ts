import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { parseJson, type SarvamContext } from './sarvam-protocol.ts';
import type { SpeechLibrary } from './speech/library.ts';
import { SpeechListener, type Transcript } from './speech/speech-listener.ts';
import type { HeardWord } from './speech/utterance-matcher.ts';

const sampleRates = ['8000', '16000'];
const models = ['saaras:v3', 'saaras:v4', 'saarika:v2.5'];
const modes = ['transcribe', 'translate', 'verbatim', 'translit', 'codemix'];
const languages = (
  'unknown en-IN hi-IN bn-IN kn-IN ml-IN mr-IN od-IN pa-IN ta-IN te-IN gu-IN as-IN ur-IN ne-IN kok-IN ks-IN sd-IN sa-IN ' +
  'sat-IN mni-IN brx-IN mai-IN doi-IN'
).split(' ');
const flags = ['true', 'false'];
/** Sarvam takes WAV as well; these ears hear only this. */
const codecs = ['pcm_s16le'];

/** Parameters of the streaming endpoint (docs.sarvam.ai/api-reference-docs/speech-to-text/transcribe/ws). */
const parameters: Record<string, { values: readonly string[]; required?: boolean }> = {
  'language-code': { values: languages, required: true },
  model: { values: models },
  mode: { values: modes },
  input_audio_codec: { values: codecs, required: true },
  sample_rate: { values: sampleRates },
  high_vad_sensitivity: { values: flags },
  vad_signals: { values: flags },
  flush_signal: { values: flags },
};

/** Silence that ends an utterance, with `high_vad_sensitivity` and without (docs.sarvam.ai, "Streaming API"). */
const silenceMs = { high: 500, low: 1_000 };
/** Sarvam closes a connection that gets nothing for this long (docs.sarvam.ai, "Best Practices for Speech-to-Text"). */
const idleMs = 60_000;
/** What Sarvam calls the languages of the lines. It knows no Dutch, and names no language for it. */
const languageNames: Record<string, string> = { en: 'en-IN' };

const messageSchema = z.union([
  z.strictObject({
    audio: z.strictObject({
      data: z.base64(),
      sample_rate: z.literal([8000, 16000]),
      encoding: z.literal('audio/wav'),
    }),
  }),
  z.strictObject({ type: z.literal('flush') }),
]);

/** What Sarvam would refuse about the query of a handshake; names it doesn't know are told and ignored. */
export function listenFault(query: URLSearchParams, unknown: (parameter: string) => void): string | undefined {
  for (const name of query.keys()) if (!parameters[name]) unknown(name);
  for (const [name, { values, required }] of Object.entries(parameters)) {
    const value = query.get(name);
    if (value === null ? required : !values.includes(value)) return `${name} must be one of ${values.join(', ')}`;
  }
  return undefined;
}

/** One open `/speech-to-text/ws` socket: base64 audio and flushes in, signals and one transcript an utterance out. */
export class SarvamListenConnection {
  readonly #socket: WebSocket;
  readonly #context: SarvamContext;
  readonly #listener: SpeechListener;
  #idle: NodeJS.Timeout | undefined;
  #hears = false;

  constructor(socket: WebSocket, context: SarvamContext, library: SpeechLibrary) {
    this.#socket = socket;
    this.#context = context;
    const { failure, query, settings } = context;
    const slowness = failure?.mode === 'slow' ? failure.factor : 1;
    const silence = query.get('high_vad_sensitivity') === 'true' ? silenceMs.high : silenceMs.low;
    this.#listener = new SpeechListener(
      library,
      Number(query.get('sample_rate') ?? 16_000),
      () => ({ silenceMs: silence, finalMs: settings.delays.sttFinalMs * slowness }),
      {
        speechStarted: () => this.#speechStarted(),
        interim: () => {},
        final: (transcript, flushed) => this.#final(transcript, flushed),
      },
    );
    socket.on('message', (data) => this.#guarded(() => this.#receive(String(data))));
    socket.on('close', (code) => {
      clearTimeout(this.#idle);
      this.#listener.close();
      const { voicedMs, positionMs } = this.#listener;
      this.#log('connection-closed', { code, voicedMs, audioMs: positionMs });
    });
    socket.on('error', () => socket.terminate());
    this.#waitForInput();
  }

  #receive(text: string): void {
    this.#waitForInput();
    const message = messageSchema.safeParse(parseJson(text));
    if (!message.success) {
      this.#log('unexpected-request', { issues: message.error.issues.map(({ path, code }) => [path.join('.'), code]) });
      this.#send('error', { error: 'Invalid message', code: 'invalid_request_error' });
      this.#socket.close(1003, 'Invalid message');
    } else if ('type' in message.data) {
      // Nothing was heard: nothing is answered.
      if (this.#listener.isHearing) this.#listener.flush();
    } else {
      this.#listener.push(Buffer.from(message.data.audio.data, 'base64'));
      const { failure } = this.#context;
      if (failure?.mode === 'close' && this.#listener.positionMs >= failure.afterMs) {
        this.#socket.close(1011, 'Internal error');
      }
    }
  }

  #waitForInput(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#socket.close(1000, 'Inactive'), idleMs);
  }

  #speechStarted(): void {
    this.#log('speech-started');
    this.#hears = true;
    this.#signal('START_SPEECH');
  }

  #final(transcript: Transcript, flushed: boolean): void {
    const { words, voicedMs, lastVoicedAtMs } = transcript;
    // Sounds too short for a START_SPEECH are none.
    if (!this.#hears && words.length === 0) return;
    if (!flushed) this.#signal('END_SPEECH');
    this.#log('final-sent', { words: words.length, voicedMs, lastVoicedAtMs, fromFlush: flushed });
    this.#sendTranscript(transcript);
    // A flush doesn't wait for silence, which the detector of speech notices later.
    if (flushed) this.#signal('END_SPEECH');
    this.#hears = false;
  }

  #sendTranscript({ startMs, endMs, words }: Transcript): void {
    const asked = this.#context.query.get('language-code') ?? 'unknown';
    const isDetected = asked === 'unknown';
    this.#send('data', {
      request_id: randomUUID(),
      transcript: words.map(({ word }) => word).join(' '),
      timestamps: null,
      diarized_transcript: null,
      language_code: isDetected ? (languageNames[mainLanguage(words)] ?? null) : asked,
      language_probability: isDetected ? 0.99 : null,
      metrics: { audio_duration: (endMs - (words[0]?.startMs ?? startMs)) / 1000, processing_latency: 0.05 },
    });
  }

  #signal(type: 'START_SPEECH' | 'END_SPEECH'): void {
    if (this.#context.query.get('vad_signals') !== 'true') return;
    this.#send('events', { signal_type: type, occured_at: Date.now() / 1000 });
  }

  #send(type: string, data: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify({ type, data }));
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
    this.#context.log.add('sarvam', event, this.#context.connection, details);
  }
}

/** The language with the most words. */
function mainLanguage(words: readonly HeardWord[]): string {
  const counts = new Map<string, number>();
  for (const { language } of words) counts.set(language, (counts.get(language) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}
