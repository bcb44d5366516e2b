import { randomUUID } from 'node:crypto';
import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import type { AzureSpeechContext } from './azure-speech.ts';
import { jsonMessage, jsonObject, parseMessage, type SpeechMessage } from './azure-speech-messages.ts';
import type { SpeechLibrary } from './speech/library.ts';
import { SpeechListener, type Transcript } from './speech/speech-listener.ts';
import type { HeardWord } from './speech/utterance-matcher.ts';

/** Times of the service are in ticks of 100 nanoseconds. */
const ticksPerMs = 10_000;
/** Silence that ends an utterance when the client names none. */
const defaultSilenceMs = 650;
/** Silence at the beginning of a turn after which the service ends it and expects the next one. */
const initialSilenceMs = 15_000;
const confidence = 0.98;

/** `speech.context`, as far as it is read: how to recognise. */
const contextSchema = z.looseObject({
  dgi: z.looseObject({ groups: z.array(z.looseObject({ items: z.array(z.object({ text: z.string() })) })) }).optional(),
  languageId: z.looseObject({ languages: z.array(z.string().min(2)).min(1) }).optional(),
  phraseDetection: z
    .looseObject({
      language: z.string().optional(),
      mode: z.string(),
      conversation: z
        .looseObject({
          segmentation: z.looseObject({ segmentationSilenceTimeoutMs: z.int().min(100).max(5_000).optional() }),
        })
        .optional(),
    })
    .optional(),
  phraseOutput: z.looseObject({ format: z.enum(['Simple', 'Detailed']).optional() }).optional(),
});

type SpeechContext = z.output<typeof contextSchema>;

/** One stretch of audio of a connection, from its `speech.context` to its `turn.end`. */
interface Turn {
  requestId: string;
  context: SpeechContext;
  listener?: SpeechListener;
  speechStarted: boolean;
}

/**
 * One open recognition socket. The connection counts as opened with its first `speech.context`: its phrase list is logged
 * beside the parameters, as `phrase`.
 */
export class RecognitionConnection {
  readonly #socket: WebSocket;
  readonly #library: SpeechLibrary;
  readonly #context: AzureSpeechContext;
  #turn: Turn | undefined;
  #opened = false;
  #voicedMs = 0;

  constructor(socket: WebSocket, library: SpeechLibrary, context: AzureSpeechContext) {
    this.#socket = socket;
    this.#library = library;
    this.#context = context;
    socket.on('message', (data, isBinary) => this.#guarded(() => this.#receive(data, isBinary)));
    socket.on('close', (code) => {
      this.#logOpened([]);
      this.#endListening();
      this.#log('connection-closed', { code, voicedMs: this.#voicedMs });
    });
    socket.on('error', () => socket.terminate());
  }

  #receive(data: RawData, isBinary: boolean): void {
    const message = parseMessage(data, isBinary);
    if (message?.path === 'audio' && isBinary) this.#audio(message);
    else if (message?.path === 'speech.context' && !isBinary) this.#begin(message);
    else if (message?.path === 'speech.config' && jsonObject(message.text)?.context) return;
    else if (message?.path === 'telemetry' && jsonObject(message.text)) return;
    else this.#refuse(message ? `message ${message.path}` : 'not a message');
  }

  #begin({ requestId, text }: SpeechMessage): void {
    const context = contextSchema.safeParse(jsonObject(text));
    if (!context.success) {
      this.#refuse(`speech.context: ${context.error.issues.map(({ path }) => path.join('.')).join(', ')}`);
      return;
    }
    this.#logOpened(context.data.dgi?.groups.flatMap(({ items }) => items.map((item) => item.text)) ?? []);
    this.#endListening();
    this.#turn = { requestId, context: context.data, speechStarted: false };
  }

  #audio({ requestId, bytes }: SpeechMessage): void {
    const turn = this.#turn;
    // What was sent before the client read the end of its turn.
    if (!turn || turn.requestId !== requestId) return;
    if (!turn.listener) this.#startTurn(turn, bytes);
    else if (bytes.length === 0) this.#endTurn(turn);
    else {
      turn.listener.push(bytes);
      const { failure } = this.#context;
      if (failure?.mode === 'close' && turn.listener.positionMs >= failure.afterMs) {
        this.#socket.close(1011, 'Internal server error');
      } else if (!turn.speechStarted && turn.listener.positionMs >= initialSilenceMs) {
        this.#send(turn, 'speech.phrase', {
          RecognitionStatus: 'InitialSilenceTimeout',
          ...ticksOf(0, turn.listener.positionMs),
        });
        this.#endTurn(turn);
      }
    }
  }

  #startTurn(turn: Turn, header: Buffer): void {
    const format = pcmFormatOf(header);
    if (!format) {
      this.#refuse('audio without the header of 16-bit mono PCM');
      return;
    }
    const slowness = this.#context.failure?.mode === 'slow' ? this.#context.failure.factor : 1;
    const asked = turn.context.phraseDetection?.conversation?.segmentation.segmentationSilenceTimeoutMs;
    const silenceMs = asked ?? defaultSilenceMs;
    turn.listener = new SpeechListener(
      this.#library,
      format.sampleRateHz,
      () => ({ silenceMs, finalMs: Math.max(this.#context.settings.delays.sttFinalMs * slowness, silenceMs) }),
      {
        speechStarted: (atMs) => this.#speechStarted(turn, atMs),
        interim: (transcript) => this.#interim(turn, transcript),
        final: (transcript) => this.#final(turn, transcript),
      },
    );
    this.#send(turn, 'turn.start', { context: { serviceTag: randomUUID().replaceAll('-', '') } });
  }

  #endTurn(turn: Turn): void {
    if (turn.listener?.isHearing) turn.listener.flush();
    const offset = Math.round((turn.listener?.positionMs ?? 0) * ticksPerMs);
    this.#send(turn, 'speech.endDetected', { Offset: offset });
    this.#send(turn, 'speech.phrase', { RecognitionStatus: 'EndOfDictation', Offset: offset, Duration: 0 });
    this.#send(turn, 'turn.end', {});
    this.#endListening();
  }

  #speechStarted(turn: Turn, atMs: number): void {
    this.#log('speech-started');
    // The service tells it once a turn, however many utterances there are.
    if (!turn.speechStarted) this.#send(turn, 'speech.startDetected', { Offset: Math.round(atMs * ticksPerMs) });
    turn.speechStarted = true;
  }

  #interim(turn: Turn, { words }: Transcript): void {
    if (words.length === 0) return;
    this.#log('interim-sent', { words: words.length });
    this.#send(turn, 'speech.hypothesis', { Id: id(), Text: textOf(words), ...this.#spanOf(turn, words) });
  }

  #final(turn: Turn, { words, startMs, endMs, voicedMs, lastVoicedAtMs }: Transcript): void {
    this.#log('final-sent', { words: words.length, voicedMs, lastVoicedAtMs });
    if (words.length === 0) {
      const span = { Offset: Math.round(startMs * ticksPerMs), Duration: Math.round((endMs - startMs) * ticksPerMs) };
      this.#send(turn, 'speech.phrase', { Id: id(), RecognitionStatus: 'NoMatch', ...span });
      return;
    }
    const text = textOf(words);
    const isDetailed = turn.context.phraseOutput?.format === 'Detailed';
    const best = {
      Confidence: confidence,
      ...{ Lexical: text, ITN: text, MaskedITN: text, Display: text },
      Words: words.map((word) => ({ Word: word.word, ...ticksOf(word.startMs, word.endMs) })),
    };
    this.#send(turn, 'speech.phrase', {
      Id: id(),
      RecognitionStatus: 'Success',
      ...this.#spanOf(turn, words),
      ...(isDetailed ? { NBest: [best] } : { DisplayText: text }),
    });
  }

  /** When words were spoken, and in which of the languages that are expected. */
  #spanOf({ context }: Turn, words: readonly HeardWord[]): object {
    const expected = context.languageId?.languages;
    const spoken = words[0]?.language ?? '';
    const language = expected?.find((tag) => tag.split('-')[0] === spoken) ?? expected?.[0];
    return {
      ...ticksOf(words[0]?.startMs ?? 0, words.at(-1)?.endMs ?? 0),
      ...(language && { PrimaryLanguage: { Language: language, Confidence: 'Unknown' } }),
    };
  }

  #endListening(): void {
    this.#voicedMs += this.#turn?.listener?.voicedMs ?? 0;
    this.#turn?.listener?.close();
    this.#turn = undefined;
  }

  #send({ requestId }: Turn, path: string, body: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(jsonMessage(path, requestId, body));
  }

  #refuse(what: string): void {
    this.#log('unexpected-request', { message: what });
    this.#socket.close(1007, 'The message is not valid');
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#log('stand-in-failed', { message: String(error) });
      this.#socket.close(1011, 'Internal server error');
    }
  }

  #logOpened(phrases: readonly string[]): void {
    if (this.#opened) return;
    this.#opened = true;
    const query = new URLSearchParams([...this.#context.query].filter(([name]) => !isSecret(name)));
    for (const phrase of phrases) query.append('phrase', phrase);
    this.#log('connection-opened', { query: query.toString() });
  }

  #log(event: string, details: Record<string, unknown> = {}): void {
    this.#context.log.add('azure-speech', event, this.#context.connection, details);
  }
}

function isSecret(parameter: string): boolean {
  return parameter === 'Ocp-Apim-Subscription-Key' || parameter === 'Authorization';
}

/** What a RIFF header says of the audio behind it; undefined unless that is 16-bit mono PCM. */
function pcmFormatOf(header: Buffer): { sampleRateHz: number } | undefined {
  if (header.length < 44 || header.toString('latin1', 0, 4) !== 'RIFF') return undefined;
  const [format, channels, bits] = [header.readUInt16LE(20), header.readUInt16LE(22), header.readUInt16LE(34)];
  return format === 1 && channels === 1 && bits === 16 ? { sampleRateHz: header.readUInt32LE(24) } : undefined;
}

function ticksOf(startMs: number, endMs: number): { Offset: number; Duration: number } {
  return { Offset: Math.round(startMs * ticksPerMs), Duration: Math.round((endMs - startMs) * ticksPerMs) };
}

function textOf(words: readonly HeardWord[]): string {
  return words.map(({ word }) => word).join(' ');
}

function id(): string {
  return randomUUID().replaceAll('-', '');
}
