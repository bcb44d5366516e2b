import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { speak, voicedMs } from './voice.ts';

/** How much faster than it plays audio is sent. */
const speedOverRealTime = 4;
const chunkMs = 100;
/** Silence between the pieces of a context. */
const pauseMs = 120;
/** The vendor ends a context that gets no further input this long after its last audio (docs.cartesia.ai, "Contexts"). */
const contextExpiryMs = 1_000;

/** What a client may send about a context, as the vendor's SDK declares it. */
export const generationSchema = z.strictObject({
  context_id: z.string().min(1),
  model_id: z.string().min(1),
  transcript: z.string(),
  voice: z.union([z.string().min(1), z.looseObject({ mode: z.literal('id').optional(), id: z.string().min(1) })]),
  output_format: z.strictObject({
    container: z.literal('raw'),
    encoding: z.enum(['pcm_s16le', 'pcm_f32le']),
    sample_rate: z.literal([8000, 16000, 22050, 24000, 44100, 48000]),
  }),
  continue: z.boolean().nullish(),
  flush: z.boolean().nullish(),
  language: z.string().min(2).nullish(),
  add_timestamps: z.boolean().nullish(),
  /** How long text without an end of sentence is held back; 0 speaks everything at once. */
  max_buffer_delay_ms: z.number().min(0).max(5000).nullish(),
  /** Only the speed is heard. */
  generation_config: z
    .strictObject({
      speed: z.number().min(0.6).max(1.5).optional(),
      volume: z.number().min(0.5).max(2).optional(),
      emotion: z.string().optional(),
    })
    .optional(),
  /** Of `sonic-3` and newer; nothing is pronounced otherwise here. */
  pronunciation_dict_id: z.string().min(1).nullish(),
  // Accepted without effect: they change how the vendor's voices sound, not how they are asked.
  add_phoneme_timestamps: z.boolean().nullish(),
  use_normalized_timestamps: z.boolean().nullish(),
});

/** Models that take no pronunciation dictionary. */
export const olderModels = /^sonic(-[12](\.\d+)?|-turbo|-english|-multilingual)?(-\d{4}-\d{2}-\d{2})?$/;

export type Generation = z.output<typeof generationSchema>;

/** What a context needs of its connection. */
export interface SpeechConnection {
  send(contextId: string, message: Record<string, unknown>): void;
  /** Refuses an input as the vendor does. */
  refuse(contextId: string, status: number, code: string | null, title: string): void;
  log(event: string, details: Record<string, unknown>): void;
}

/** One context: its texts are spoken in order, one after the other. */
export class Speech {
  /** Why it takes no more input. */
  end: 'finished' | 'cancelled' | 'expired' | 'refused' | undefined;
  readonly #connection: SpeechConnection;
  readonly #request: Generation;
  readonly #firstAudioAtMs: number;
  readonly #factor: number;
  readonly #stopped = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #held = '';
  #holdTimer: NodeJS.Timeout | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;
  #flushes = 0;
  #sentMs = 0;
  #voicedMs = 0;
  #characters = 0;
  #transcript = '';

  constructor(connection: SpeechConnection, request: Generation, delays: { firstAudioMs: number; factor: number }) {
    this.#connection = connection;
    this.#request = request;
    this.#firstAudioAtMs = performance.now() + delays.factor * delays.firstAudioMs;
    this.#factor = delays.factor;
  }

  /** Inputs of a context must agree in all but their text (docs.cartesia.ai, "Contexts", input format). */
  isSame(request: Generation): boolean {
    const fixed = (each: Generation) => JSON.stringify({ ...each, transcript: '', continue: null, flush: null });
    return fixed(request) === fixed(this.#request);
  }

  add(request: Generation): void {
    clearTimeout(this.#expiryTimer);
    clearTimeout(this.#holdTimer);
    this.#held += request.transcript;
    this.#transcript += request.transcript;
    const holdMs = request.max_buffer_delay_ms ?? 3_000;
    const isRipe = holdMs === 0 || /[.!?…]["'”’)]*\s*$/.test(this.#held);
    if (isRipe || request.flush || !request.continue) this.#speakHeld();
    else this.#holdTimer = setTimeout(() => this.#speakHeld(), holdMs);
    if (request.flush) this.#then(async () => this.#finishFlush());
    if (!request.continue) {
      this.end = 'finished';
      this.#then(async () => this.#finish());
    }
  }

  cancel(): void {
    if (this.#stopped.signal.aborted) return;
    this.end = 'cancelled';
    this.stop();
    this.#connection.log('context-cancelled', { contextId: this.#request.context_id, audioMs: this.#sentMs });
  }

  /** Stops without a word. */
  stop(): void {
    clearTimeout(this.#expiryTimer);
    clearTimeout(this.#holdTimer);
    this.#stopped.abort();
  }

  #speakHeld(): void {
    const text = this.#held;
    this.#held = '';
    if (text) this.#then(() => this.#speak(text));
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#stopped.signal.aborted ? undefined : step()))
      .catch((error: unknown) => {
        if (this.#stopped.signal.aborted) return;
        this.stop();
        this.#connection.log('stand-in-failed', { message: String(error) });
      });
  }

  async #speak(text: string): Promise<void> {
    clearTimeout(this.#expiryTimer);
    const { sample_rate: sampleRateHz, encoding } = this.#request.output_format;
    const language = this.#request.language ?? undefined;
    // Fewer samples at the same rate: a voice that is faster, and higher.
    const speed = this.#request.generation_config?.speed ?? 1;
    const samples = await speak(text, { language, sampleRateHz: Math.round(sampleRateHz / speed) });
    if (samples.length === 0) return;
    const pauseLength = this.#sentMs > 0 ? Math.round((sampleRateHz * pauseMs) / 1000) : 0;
    const audio = new Int16Array(pauseLength + samples.length);
    audio.set(samples, pauseLength);
    const audioMs = (audio.length / sampleRateHz) * 1000;
    this.#characters += text.length;
    this.#voicedMs += voicedMs(audio, sampleRateHz);
    if (this.#request.add_timestamps) this.#sendTimestamps(text, audioMs, (pauseLength / sampleRateHz) * 1000);

    const chunkLength = Math.round((sampleRateHz * chunkMs) / 1000);
    for (let start = 0; start < audio.length; start += chunkLength) {
      const isFirst = this.#sentMs === 0;
      const waitMs = isFirst ? this.#firstAudioAtMs - performance.now() : (this.#factor * chunkMs) / speedOverRealTime;
      await delay(Math.max(0, waitMs), undefined, { signal: this.#stopped.signal });
      const chunk = audio.subarray(start, start + chunkLength);
      this.#send('chunk', {
        data: encode(chunk, encoding),
        step_time: Math.max(0, waitMs),
        flush_id: this.#flushes + 1,
      });
      this.#sentMs += (chunk.length / sampleRateHz) * 1000;
      if (isFirst) this.#connection.log('first-audio-sent', { contextId: this.#request.context_id });
    }
    if (!this.end) this.#expiryTimer = setTimeout(() => this.#expire(), contextExpiryMs);
  }

  /** Words get time in proportion to their length, after the pause before them. */
  #sendTimestamps(text: string, audioMs: number, leadMs: number): void {
    const words = text.split(/\s+/).filter(Boolean);
    const characters = words.reduce((sum, word) => sum + word.length, 0);
    let at = (this.#sentMs + leadMs) / 1000;
    const start: number[] = [];
    const end = words.map((word) => {
      start.push(at);
      at += ((word.length / characters) * (audioMs - leadMs)) / 1000;
      return at;
    });
    this.#send('timestamps', { word_timestamps: { words, start, end } });
  }

  #finishFlush(): void {
    this.#flushes += 1;
    this.#send('flush_done', { flush_done: true, flush_id: this.#flushes });
  }

  #expire(): void {
    this.end = 'expired';
    this.#then(async () => this.#finish());
  }

  #finish(): void {
    const contextId = this.#request.context_id;
    this.stop();
    if (this.#characters === 0) {
      this.#connection.log('unexpected-request', { message: 'a context ended without anything to say' });
      this.#connection.refuse(contextId, 400, 'invalid_request', 'No valid transcript was passed');
      return;
    }
    this.#connection.send(contextId, { type: 'done', done: true, status_code: 200 });
    const details = { audioMs: Math.round(this.#sentMs), voicedMs: this.#voicedMs, characters: this.#characters };
    const completed = { contextId, ...details, transcript: this.#transcript, expired: this.end === 'expired' };
    this.#connection.log('context-completed', completed);
  }

  #send(type: string, details: Record<string, unknown>): void {
    this.#connection.send(this.#request.context_id, { type, done: false, status_code: 206, ...details });
  }
}

function encode(samples: Int16Array, encoding: 'pcm_s16le' | 'pcm_f32le'): string {
  const bytes = Buffer.alloc(samples.length * (encoding === 'pcm_s16le' ? 2 : 4));
  samples.forEach((sample, index) => {
    if (encoding === 'pcm_s16le') bytes.writeInt16LE(sample, 2 * index);
    else bytes.writeFloatLE(sample / 32_768, 4 * index);
  });
  return bytes.toString('base64');
}
