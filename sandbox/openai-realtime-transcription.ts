import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { ConversationContext } from './openai-conversation.ts';
import { SpeechListener, type Transcript } from './speech/speech-listener.ts';

/** The vendor takes one rate of PCM only. */
const sampleRateHz = 24_000;
/** Least audio a commit is accepted for, as the vendor's error says. */
const shortestCommitMs = 100;
const defaults = { prefixMs: 300, silenceMs: 500 };

const models = [
  'whisper-1',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-mini-transcribe-2025-12-15',
  'gpt-4o-transcribe-diarize',
];

/** What may be configured (https://platform.openai.com/docs/api-reference/realtime-client-events/session/update). */
const sessionSchema = z.strictObject({
  type: z.literal('transcription'),
  include: z.array(z.literal('item.input_audio_transcription.logprobs')).optional(),
  audio: z.strictObject({
    input: z.strictObject({
      format: z.strictObject({ type: z.literal('audio/pcm'), rate: z.literal(sampleRateHz) }),
      noise_reduction: z.strictObject({ type: z.enum(['near_field', 'far_field']) }).nullish(),
      transcription: z.strictObject({
        model: z.enum(models),
        language: z
          .string()
          .regex(/^[a-z]{2,3}$/)
          .optional(),
        prompt: z.string().max(1_024).optional(),
      }),
      // Semantic detection is refused, because nothing here judges the meaning of what was said.
      turn_detection: z
        .strictObject({
          type: z.literal('server_vad'),
          threshold: z.number().min(0).max(1).optional(),
          prefix_padding_ms: z.number().int().min(0).optional(),
          silence_duration_ms: z.number().int().min(0).optional(),
        })
        .nullable(),
    }),
  }),
});

const eventId = z.string().optional();
const messageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('session.update'), event_id: eventId, session: sessionSchema }),
  z.strictObject({ type: z.literal('input_audio_buffer.append'), event_id: eventId, audio: z.base64() }),
  z.strictObject({ type: z.literal('input_audio_buffer.commit'), event_id: eventId }),
  z.strictObject({ type: z.literal('input_audio_buffer.clear'), event_id: eventId }),
]);

type Session = z.output<typeof sessionSchema>;

/**
 * Serves a transcription session on an accepted socket (https://platform.openai.com/docs/guides/realtime-transcription):
 * speech is cut out by its energy and transcribed once it is over, first in deltas, then as a whole. Failure `close` ends
 * a session with 1011 once `afterMs` of audio has been received.
 */
export function serveTranscription(socket: WebSocket, context: ConversationContext): void {
  new TranscriptionSession(socket, context).open();
}

class TranscriptionSession {
  readonly #socket: WebSocket;
  readonly #context: ConversationContext;
  readonly #listener: SpeechListener;
  #session: Session | undefined;
  /** The speech that is being heard. */
  #itemId: string | undefined;
  #previousItemId: string | null = null;
  #committedUntilMs = 0;

  constructor(socket: WebSocket, context: ConversationContext) {
    this.#socket = socket;
    this.#context = context;
    const { library, settings, failure } = context;
    const slowness = failure?.mode === 'slow' ? failure.factor : 1;
    const timing = () => {
      const silenceMs = this.#detection?.silence_duration_ms ?? defaults.silenceMs;
      return { silenceMs, finalMs: Math.max(settings.delays.sttFinalMs * slowness, silenceMs) };
    };
    this.#listener = new SpeechListener(library, sampleRateHz, timing, {
      speechStarted: (atMs) => this.#speechStarted(atMs),
      // Models of this vendor begin to write when the speech is over.
      interim: () => {},
      final: (transcript, flushed) => this.#final(transcript, flushed),
    });
  }

  open(): void {
    const socket = this.#socket;
    socket.on('message', (data) => this.#guarded(() => this.#receive(String(data))));
    socket.on('error', () => socket.terminate());
    socket.once('close', (code) => {
      this.#listener.close();
      this.#log('connection-closed', { code, voicedMs: this.#listener.voicedMs });
    });
    const input = { format: { type: 'audio/pcm', rate: sampleRateHz }, transcription: null, turn_detection: null };
    this.#send('session.created', { session: { type: 'transcription', audio: { input } } });
  }

  get #detection() {
    return this.#session?.audio.input.turn_detection;
  }

  #receive(text: string): void {
    const parsed = messageSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const param = issue?.path.join('.') ?? null;
      this.#log('unexpected-request', { message: `${param} ${issue?.code}` });
      this.#fault(issue?.code === 'unrecognized_keys' ? 'unknown_parameter' : 'invalid_value', param);
      return;
    }
    const message = parsed.data;
    if (message.type === 'session.update') this.#configure(message.session);
    else if (message.type === 'input_audio_buffer.append') this.#append(Buffer.from(message.audio, 'base64'));
    else if (message.type === 'input_audio_buffer.commit') this.#commit();
    else this.#clear();
  }

  #configure(session: Session): void {
    const { prompt = '' } = session.audio.input.transcription;
    if (this.#session) this.#log('configured', { keyTerms: prompt ? prompt.split(', ') : [] });
    else this.#log('session-configured', { query: prompt, transcription: session.audio.input.transcription });
    this.#session = session;
    this.#send('session.updated', { session });
  }

  #append(audio: Buffer): void {
    if (!this.#session) this.#log('unexpected-request', { message: 'audio before the session was configured' });
    this.#listener.push(audio);
    const { failure } = this.#context;
    if (failure?.mode === 'close' && this.#listener.positionMs >= failure.afterMs) {
      this.#socket.close(1011, 'Internal error');
    }
  }

  #commit(): void {
    const bufferedMs = this.#listener.positionMs - this.#committedUntilMs;
    if (bufferedMs < shortestCommitMs) this.#fault('input_audio_buffer_commit_empty', null);
    else if (this.#listener.isHearing) this.#listener.flush();
    else this.#transcribe(this.#startItem(), { words: [], voicedMs: 0, lastVoicedAtMs: null }, true);
  }

  #clear(): void {
    this.#log('unexpected-request', { message: 'input_audio_buffer.clear is not modelled' });
    this.#send('input_audio_buffer.cleared', {});
  }

  #speechStarted(atMs: number): void {
    this.#log('speech-started');
    if (!this.#detection) return;
    const prefixMs = this.#detection.prefix_padding_ms ?? defaults.prefixMs;
    const itemId = this.#startItem();
    this.#itemId = itemId;
    const audioStartMs = Math.max(0, Math.round(atMs - prefixMs));
    this.#send('input_audio_buffer.speech_started', { audio_start_ms: audioStartMs, item_id: itemId });
  }

  #final(transcript: Transcript, flushed: boolean): void {
    const itemId = this.#itemId;
    this.#itemId = undefined;
    // A sound too short to be speech is no item.
    if (!itemId && !flushed) return;
    if (itemId && !flushed) {
      this.#send('input_audio_buffer.speech_stopped', {
        audio_end_ms: Math.round(this.#listener.positionMs),
        item_id: itemId,
      });
    }
    this.#transcribe(itemId ?? this.#startItem(), transcript, flushed);
  }

  #startItem(): string {
    return `item_${randomUUID()}`;
  }

  #transcribe(
    itemId: string,
    { words, voicedMs, lastVoicedAtMs }: Pick<Transcript, 'words' | 'voicedMs' | 'lastVoicedAtMs'>,
    flushed: boolean,
  ): void {
    this.#committedUntilMs = this.#listener.positionMs;
    this.#send('input_audio_buffer.committed', { item_id: itemId, previous_item_id: this.#previousItemId });
    const item = { id: itemId, type: 'message', role: 'user', content: [{ type: 'input_audio', transcript: null }] };
    this.#send('conversation.item.added', { item, previous_item_id: this.#previousItemId });
    this.#previousItemId = itemId;
    const transcription = { item_id: itemId, content_index: 0 };
    for (const [index, { word }] of words.entries()) {
      this.#log('interim-sent', { words: index + 1 });
      const delta = index === 0 ? word : ` ${word}`;
      this.#send('conversation.item.input_audio_transcription.delta', { ...transcription, delta });
    }
    this.#log('final-sent', { words: words.length, voicedMs, lastVoicedAtMs, fromFinalize: flushed });
    this.#send('conversation.item.input_audio_transcription.completed', {
      ...transcription,
      transcript: words.map(({ word }) => word).join(' '),
      usage: { type: 'tokens', input_tokens: 1, output_tokens: words.length, total_tokens: words.length + 1 },
    });
    this.#send('conversation.item.done', { item, previous_item_id: this.#previousItemId });
  }

  #fault(code: string, param: string | null): void {
    const error = { type: 'invalid_request_error', code, param, message: 'The event was refused', event_id: null };
    this.#send('error', { error });
  }

  #send(type: string, details: object): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(JSON.stringify({ type, event_id: `event_${randomUUID()}`, ...details }));
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
    this.#context.log.add(this.#context.vendor, event, this.#context.connection, details);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
