import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { parseJson, type SarvamContext, type SarvamRefusal, sarvamRefusals } from './sarvam-protocol.ts';
import type { Failure } from './settings.ts';
import { speak, voicedMs } from './voice.ts';

const speakers: Record<string, string[]> = {
  'bulbul:v2': 'anushka manisha vidya arya abhilash karun hitesh'.split(' '),
  'bulbul:v3': (
    'shubh aditya ritu priya neha rahul pooja rohan simran kavya amit dev ishita shreya ratan varun manan sumit roopa ' +
    'kabir aayan ashutosh advait anand tanya tarun sunny mani gokul vijay shruti suhani mohit kavitha rehan soham rupali'
  ).split(' '),
};
const paces: Record<string, { least: number; most: number }> = {
  'bulbul:v2': { least: 0.3, most: 3 },
  'bulbul:v3': { least: 0.5, most: 2 },
};
/** Parameters of the endpoint (docs.sarvam.ai/api-reference-docs/text-to-speech/stream). */
const parameters = ['model', 'send_completion_event'];

const configSchema = z.strictObject({
  language_code: z.literal('bn en gu hi kn ml mr od pa ta te'.split(' ').map((language) => `${language}-IN`)),
  speaker: z.string(),
  model: z.string().optional(),
  pace: z.number().default(1),
  speech_sample_rate: z.literal([8000, 16000, 22050, 24000]).default(24000),
  /** Sarvam makes other codecs too; this voice makes none of them. */
  output_audio_codec: z.literal('linear16'),
  min_buffer_size: z.number().int().min(1).default(50),
  // Accepted without effect: they change how the vendor's voices sound, not how they are asked.
  pitch: z.number().optional(),
  loudness: z.number().optional(),
  temperature: z.number().optional(),
  output_audio_bitrate: z.enum(['32k', '64k', '96k', '128k', '192k']).optional(),
  dict_id: z.string().optional(),
  enable_preprocessing: z.boolean().optional(),
  max_chunk_length: z.number().int().optional(),
});

const messageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('config'), data: configSchema }),
  z.strictObject({ type: z.literal('text'), data: z.strictObject({ text: z.string().min(1).max(2500) }) }),
  z.strictObject({ type: z.literal('flush') }),
  z.strictObject({ type: z.literal('ping') }),
]);

type Config = z.output<typeof configSchema>;

/** How much faster than it plays audio is sent. */
const speedOverRealTime = 4;
const chunkMs = 100;
/** Sarvam closes a connection without messages after this (docs.sarvam.ai, "Streaming Text-to-Speech API"). */
const idleMs = 60_000;

/** What Sarvam would refuse about the query of a handshake; names it doesn't know are told and ignored. */
export function speakFault(query: URLSearchParams, unknown: (parameter: string) => void): string | undefined {
  for (const name of query.keys()) if (!parameters.includes(name)) unknown(name);
  return speakers[modelOf(query)] ? undefined : `model must be one of ${Object.keys(speakers).join(', ')}`;
}

function modelOf(query: URLSearchParams): string {
  return query.get('model') ?? 'bulbul:v2';
}

/** What was sent between two flushes. */
interface Utterance {
  id: string;
  text: string;
  /** With failure `close`: how long after its audio was made the connection is cut. */
  cutAfterMs: number | undefined;
  factor: number;
  firstAudioAtMs: number;
  sentMs: number;
  voicedMs: number;
}

/** One open `/text-to-speech/ws` socket: a configuration, then texts and flushes in; audio and an event per flush out. */
export class SarvamSpeakConnection {
  readonly #socket: WebSocket;
  readonly #context: SarvamContext;
  readonly #closed = new AbortController();
  #failure: Failure | undefined;
  #config: Config | undefined;
  #configured = false;
  #utterance: Utterance | undefined;
  #held = '';
  #work: Promise<void> = Promise.resolve();
  #unfinished = new Set<Utterance>();
  #idle: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, context: SarvamContext) {
    this.#socket = socket;
    this.#context = context;
    this.#failure = context.failure;
    socket.on('message', (data) => this.#receive(String(data)));
    socket.on('error', () => socket.terminate());
    socket.once('close', (code) => {
      clearTimeout(this.#idle);
      this.#closed.abort();
      // There is no other way to cancel than to close.
      for (const { id, sentMs } of this.#unfinished) this.#log('context-cancelled', { contextId: id, audioMs: sentMs });
      this.#log('connection-closed', { code });
    });
    this.#waitForInput();
  }

  #receive(text: string): void {
    this.#waitForInput();
    const parsed = messageSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      const issues = parsed.error.issues.map(({ path, code }) => [path.join('.'), code]);
      this.#log('unexpected-request', { issues });
      this.#refuse({ status: 422, code: 'unprocessable_entity_error', message: 'Input parameters are invalid' });
      return;
    }
    const message = parsed.data;
    if (message.type === 'config') this.#configure(message.data);
    else if (message.type === 'text') this.#takeText(message.data.text);
    else if (message.type === 'flush') this.#flush();
    else this.#log('pinged');
  }

  #configure(config: Config): void {
    this.#configured = true;
    const model = modelOf(this.#context.query);
    const { least, most } = paces[model] ?? { least: 1, most: 1 };
    if (!speakers[model]?.includes(config.speaker)) {
      this.#refuse({ status: 400, code: 'invalid_request_error', message: `The speaker is not one of ${model}` });
    } else if (config.pace < least || config.pace > most) {
      this.#refuse({ status: 400, code: 'invalid_request_error', message: `The pace is not one of ${model}` });
    } else this.#config = config;
  }

  #takeText(text: string): void {
    if (!this.#config) {
      // Whoever sends it all at once learns too late that the configuration was refused.
      if (!this.#configured) this.#log('unexpected-request', { message: 'text before a configuration' });
      this.#refuse({ status: 400, code: 'invalid_request_error', message: 'The first message must be a config' });
      return;
    }
    this.#utterance ??= this.#begin();
    if (!this.#utterance) return;
    this.#utterance.text += text;
    this.#held += text;
    if (this.#held.length >= this.#config.min_buffer_size) this.#speakHeld(this.#utterance, this.#config);
  }

  /** Undefined when this text is refused, or meets silence. */
  #begin(): Utterance | undefined {
    const { settings } = this.#context;
    const failure = this.#failure ?? settings.takeFailure('sarvam');
    this.#failure = undefined;
    const refusal = failure && sarvamRefusals[failure.mode];
    if (refusal) {
      this.#refuse(refusal);
      return undefined;
    }
    const factor = failure?.mode === 'slow' ? failure.factor : 1;
    const firstAudioAtMs = performance.now() + factor * settings.delays.ttsFirstAudioMs;
    const cutAfterMs = failure?.mode === 'close' ? failure.afterMs : undefined;
    const utterance = { id: randomUUID(), text: '', cutAfterMs, factor, firstAudioAtMs, sentMs: 0, voicedMs: 0 };
    this.#log('context-started', { contextId: utterance.id });
    this.#unfinished.add(utterance);
    if (failure?.mode === 'hang') this.#work = new Promise(() => {});
    return utterance;
  }

  #flush(): void {
    const utterance = this.#utterance;
    this.#utterance = undefined;
    if (!utterance || !this.#config) return;
    if (this.#held) this.#speakHeld(utterance, this.#config);
    this.#then(async () => this.#finish(utterance));
  }

  #speakHeld(utterance: Utterance, config: Config): void {
    const text = this.#held;
    this.#held = '';
    this.#then(() => this.#speak(text, utterance, config));
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#closed.signal.aborted ? undefined : step()))
      .catch((error: unknown) => {
        if (!this.#closed.signal.aborted) this.#log('stand-in-failed', { message: String(error) });
      });
  }

  async #speak(text: string, utterance: Utterance, config: Config): Promise<void> {
    const { language_code: language, speech_sample_rate: sampleRateHz, pace } = config;
    // Fewer samples of the same sound play faster.
    const audio = await speak(text, { language, sampleRateHz: Math.round(sampleRateHz / pace) });
    utterance.voicedMs += voicedMs(audio, sampleRateHz);
    if (utterance.cutAfterMs !== undefined) this.#cutAfter(utterance.cutAfterMs);
    const chunkLength = Math.round((sampleRateHz * chunkMs) / 1000);
    for (let start = 0; start < audio.length; start += chunkLength) {
      const isFirst = utterance.sentMs === 0;
      const waitMs = isFirst
        ? utterance.firstAudioAtMs - performance.now()
        : (utterance.factor * chunkMs) / speedOverRealTime;
      await delay(Math.max(0, waitMs), undefined, { signal: this.#closed.signal });
      const chunk = audio.slice(start, start + chunkLength);
      const bytes = Buffer.from(chunk.buffer);
      this.#send('audio', { content_type: 'audio/pcm', audio: bytes.toString('base64'), request_id: utterance.id });
      utterance.sentMs += (chunk.length / sampleRateHz) * 1000;
      if (isFirst) this.#log('first-audio-sent', { contextId: utterance.id });
    }
  }

  #finish(utterance: Utterance): void {
    this.#unfinished.delete(utterance);
    if (this.#context.query.get('send_completion_event') === 'true') {
      this.#send('event', { event_type: 'final', message: 'Done', timestamp: new Date().toISOString() });
    }
    const { id, text, sentMs, voicedMs } = utterance;
    const details = { audioMs: Math.round(sentMs), voicedMs, characters: text.length, transcript: text };
    this.#log('context-completed', { contextId: id, ...details });
  }

  #refuse({ status, message }: SarvamRefusal): void {
    this.#log('request-refused', { status });
    this.#send('error', { message, code: status, request_id: randomUUID() });
  }

  #cutAfter(afterMs: number): void {
    delay(afterMs, undefined, { signal: this.#closed.signal }).then(
      () => this.#socket.terminate(),
      () => {},
    );
  }

  #waitForInput(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#socket.close(1000, 'Inactive'), idleMs);
  }

  #send(type: string, data: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify({ type, data }));
  }

  #log(event: string, details: Record<string, unknown> = {}): void {
    this.#context.log.add('sarvam', event, this.#context.connection, details);
  }
}
