import { randomUUID } from 'node:crypto';
import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import { type ListenContext, languagesOf, seconds } from './deepgram-listen.ts';
import { thresholdFault } from './deepgram-queries.ts';
import { SpeechListener, type Transcript } from './speech/speech-listener.ts';
import type { HeardWord } from './speech/utterance-matcher.ts';

/** What one accepted connection works with. */
export interface FluxContext extends ListenContext {
  /** Whether `ForceEndTurn` is known. */
  forcedEnds: boolean;
}

/** Flux closes a connection that has received no frame, not even a ping, for this long. */
const idleMs = 60_000;
/** How much audio there is to an `Update` (developers.deepgram.com/docs/flux/state). */
const updateEveryMs = 250;
const defaults = { eotThreshold: '0.7', eotTimeoutMs: '5000' };
const confidence = 0.99;

const thresholdSchema = z.number().transform(String);
const messageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('CloseStream') }),
  z.strictObject({ type: z.literal('ForceEndTurn') }),
  z.strictObject({
    type: z.literal('Configure'),
    thresholds: z
      .strictObject({
        eot_threshold: thresholdSchema.optional(),
        eager_eot_threshold: thresholdSchema.optional(),
        eot_timeout_ms: thresholdSchema.optional(),
      })
      .optional(),
    keyterms: z.union([z.string().transform((term) => [term]), z.array(z.string())]).optional(),
    language_hints: z.array(z.string()).optional(),
    numerals: z.boolean().optional(),
  }),
]);

type Configuration = Extract<z.output<typeof messageSchema>, { type: 'Configure' }>;
type TurnEvent = 'Update' | 'StartOfTurn' | 'EagerEndOfTurn' | 'TurnResumed' | 'EndOfTurn';

/** One open `/v2/listen` socket: audio and control messages in, turns out (developers.deepgram.com/docs/flux/state). */
export class FluxConnection {
  readonly #socket: WebSocket;
  readonly #context: FluxContext;
  readonly #listener: SpeechListener;
  readonly #requestId = randomUUID();
  readonly #isMultilingual: boolean;
  readonly #settings: { eotThreshold: string; eagerEotThreshold: string | null; eotTimeoutMs: string };
  #keyTerms: string[];
  #hints: string[];
  #idle: NodeJS.Timeout | undefined;
  #sequence = 0;
  #turn = 0;
  #state: 'initial' | 'ongoing' | 'awaiting-end' = 'initial';
  #words: readonly HeardWord[] = [];
  #turnFromMs = 0;
  #updatedAtMs = 0;
  #isClosing = false;

  constructor(socket: WebSocket, context: FluxContext) {
    const { query } = context;
    this.#socket = socket;
    this.#context = context;
    this.#isMultilingual = query.get('model') === 'flux-general-multi';
    this.#keyTerms = query.getAll('keyterm');
    this.#hints = query.getAll('language_hint');
    this.#settings = {
      eotThreshold: query.get('eot_threshold') ?? defaults.eotThreshold,
      eagerEotThreshold: query.get('eager_eot_threshold'),
      eotTimeoutMs: query.get('eot_timeout_ms') ?? defaults.eotTimeoutMs,
    };
    this.#listener = new SpeechListener(context.library, Number(query.get('sample_rate')), () => this.#timing(), {
      speechStarted: () => this.#log('speech-started'),
      interim: ({ words }) => this.#hear(words),
      paused: ({ words }) => this.#pause(words),
      resumed: () => this.#resume(),
      final: (transcript, flushed) => this.#final(transcript, flushed),
    });
    socket.on('message', (data, isBinary) => this.#guarded(() => this.#receive(data, isBinary)));
    socket.on('ping', () => {
      this.#log('ping-received');
      this.#waitForInput();
    });
    socket.on('close', (code) => {
      clearTimeout(this.#idle);
      this.#listener.close();
      this.#log('connection-closed', { code, voicedMs: this.#listener.voicedMs });
    });
    socket.on('error', () => socket.terminate());
    this.#send({ type: 'Connected' });
    this.#waitForInput();
  }

  /** Half of the silence that ends a turn makes an eager end of it; a threshold of 1 leaves all to the time-out. */
  #timing() {
    const { failure, settings } = this.#context;
    const slowness = failure?.mode === 'slow' ? failure.factor : 1;
    const timeoutMs = Number(this.#settings.eotTimeoutMs);
    const modelMs = Number(this.#settings.eotThreshold) >= 1 ? timeoutMs : settings.delays.sttFinalMs * slowness;
    const finalMs = Math.min(modelMs, timeoutMs);
    return { silenceMs: 0, finalMs, ...(this.#settings.eagerEotThreshold && { pauseMs: finalMs / 2 }) };
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#waitForInput();
    const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]);
    if (!isBinary) {
      this.#control(bytes.toString('utf8'));
      return;
    }
    this.#listener.push(bytes);
    const { positionMs } = this.#listener;
    const { failure } = this.#context;
    if (failure?.mode === 'close' && positionMs >= failure.afterMs) this.#fail('INTERNAL_SERVER_ERROR');
    else if (positionMs - this.#updatedAtMs >= updateEveryMs) this.#tell('Update');
  }

  #control(text: string): void {
    const message = messageSchema.safeParse(parseJson(text));
    if (message.data?.type === 'ForceEndTurn' && this.#context.forcedEnds) {
      if (this.#listener.isHearing) this.#listener.flush();
    } else if (message.data?.type === 'Configure') this.#configure(message.data);
    else if (message.data?.type === 'CloseStream') this.#closeStream();
    else {
      // Where it is not known a client can't find out but by asking.
      const event = message.data?.type === 'ForceEndTurn' ? 'forced-end-refused' : 'unexpected-request';
      this.#log(event, message.error && { message: message.error.issues.map(({ path }) => path.join('.')).join(', ') });
      this.#fail('UNPARSABLE_CLIENT_MESSAGE');
    }
  }

  #configure({ thresholds, keyterms, language_hints: hints }: Configuration): void {
    const settings = {
      eotThreshold: thresholds?.eot_threshold ?? this.#settings.eotThreshold,
      eagerEotThreshold: thresholds?.eager_eot_threshold ?? this.#settings.eagerEotThreshold,
      eotTimeoutMs: thresholds?.eot_timeout_ms ?? this.#settings.eotTimeoutMs,
    };
    if (thresholdFault(settings) || (hints && !this.#isMultilingual)) {
      this.#log('configuration-refused');
      this.#send({ type: 'ConfigureFailure' });
      return;
    }
    Object.assign(this.#settings, settings);
    this.#keyTerms = keyterms ?? this.#keyTerms;
    this.#hints = hints ?? this.#hints;
    this.#log('configured', { keyTerms: this.#keyTerms });
    this.#send({
      type: 'ConfigureSuccess',
      thresholds: {
        eot_threshold: Number(settings.eotThreshold),
        ...(settings.eagerEotThreshold && { eager_eot_threshold: Number(settings.eagerEotThreshold) }),
        eot_timeout_ms: Number(settings.eotTimeoutMs),
      },
      keyterms: this.#keyTerms,
      ...(this.#isMultilingual && { language_hints: this.#hints }),
    });
  }

  /** The open turn is not ended: its last `Update` is all there will be, and the close has no code. */
  #closeStream(): void {
    this.#isClosing = true;
    if (this.#listener.isHearing) this.#listener.flush();
    this.#socket.close();
  }

  #waitForInput(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#fail('NET-0001'), idleMs);
  }

  #hear(words: readonly HeardWord[]): void {
    if (words.length === 0) return;
    this.#words = words;
    if (this.#state === 'initial') this.#move('StartOfTurn');
  }

  #pause(words: readonly HeardWord[]): void {
    this.#hear(words);
    if (words.length > 0) this.#move('EagerEndOfTurn');
  }

  #resume(): void {
    if (this.#state === 'awaiting-end') this.#move('TurnResumed');
  }

  #final({ words, voicedMs, lastVoicedAtMs }: Transcript, forced: boolean): void {
    this.#hear(words);
    if (this.#isClosing) {
      this.#tell('Update');
      return;
    }
    if (this.#state === 'ongoing' && this.#settings.eagerEotThreshold && !forced) this.#move('EagerEndOfTurn');
    this.#log('final-sent', { words: words.length, voicedMs, lastVoicedAtMs, fromFinalize: forced });
    const ending = this.#timing().finalMs === Number(this.#settings.eotTimeoutMs) ? 'timeout' : 'model';
    // A noise is no turn.
    if (this.#state !== 'initial') this.#move('EndOfTurn', forced ? 'manual' : ending);
    this.#words = [];
    this.#turnFromMs = this.#listener.positionMs;
  }

  #move(event: Exclude<TurnEvent, 'Update'>, trigger?: string): void {
    this.#tell(event, trigger);
    const states = { StartOfTurn: 'ongoing', TurnResumed: 'ongoing', EagerEndOfTurn: 'awaiting-end' } as const;
    this.#state = event === 'EndOfTurn' ? 'initial' : states[event];
    if (event === 'EndOfTurn') this.#turn += 1;
  }

  #tell(event: TurnEvent, trigger?: string): void {
    this.#updatedAtMs = this.#listener.positionMs;
    if (this.#words.length > 0 && event !== 'EndOfTurn') this.#log('interim-sent', { words: this.#words.length });
    this.#send({
      type: 'TurnInfo',
      event,
      turn_index: this.#turn,
      audio_window_start: seconds(this.#turnFromMs),
      audio_window_end: seconds(this.#listener.positionMs),
      transcript: this.#words.map(({ word }) => word).join(' '),
      words: this.#words.map(({ word, startMs, endMs }) => ({
        word,
        confidence,
        start: seconds(startMs),
        end: seconds(endMs),
      })),
      end_of_turn_confidence: event === 'EndOfTurn' ? confidence : event === 'EagerEndOfTurn' ? 0.5 : 0.1,
      ...(trigger && { trigger }),
      ...(this.#isMultilingual && this.#words.length > 0 && { languages: languagesOf(this.#words) }),
      ...(this.#hints.length > 0 && { languages_hinted: this.#hints }),
    });
  }

  #fail(code: string): void {
    this.#send({ type: 'Error', code, description: 'The stand-in can not go on.' });
    this.#socket.close(1011, code);
  }

  #send(message: object): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(JSON.stringify({ request_id: this.#requestId, sequence_id: this.#sequence++, ...message }));
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
