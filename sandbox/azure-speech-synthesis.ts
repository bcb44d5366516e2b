import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import type { AzureSpeechContext } from './azure-speech.ts';
import { audioMessage, jsonMessage, jsonObject, parseMessage, type SpeechMessage } from './azure-speech-messages.ts';
import { parseSsml, type SpokenText } from './azure-speech-ssml.ts';
import type { Failure } from './settings.ts';
import { speak, voicedMs } from './voice.ts';

/** How much faster than it plays audio is sent. */
const speedOverRealTime = 4;
const chunkMs = 100;
/** Times of the service are in ticks of 100 nanoseconds. */
const ticksPerMs = 10_000;

/** The SDK writes some of its booleans as text. */
const flag = z.union([z.boolean(), z.stringbool()]);

/** `synthesis.context`: how a text is to be answered. */
const contextSchema = z.strictObject({
  synthesis: z.strictObject({
    audio: z.strictObject({
      outputFormat: z.string().regex(/^raw-(8khz|16khz|22050hz|24khz|44100hz|48khz)-16bit-mono-pcm$/),
      metadataOptions: z.strictObject({
        bookmarkEnabled: flag,
        punctuationBoundaryEnabled: flag,
        sentenceBoundaryEnabled: flag,
        sessionEndEnabled: flag,
        visemeEnabled: flag,
        wordBoundaryEnabled: flag,
      }),
    }),
    language: z.strictObject({ autoDetection: z.boolean().optional() }),
  }),
});

/** A text that is being spoken. */
interface Turn extends SpokenText {
  requestId: string;
  streamId: string;
  sampleRateHz: number;
  sendsWords: boolean;
  factor: number;
  sentMs: number;
  /** It gives no sign of life, not even when it is told to stop. */
  hangs: boolean;
  stopped: AbortController;
}

/** One open synthesis socket: documents of SSML in, one after another; audio and the words in it out. */
export class SynthesisConnection {
  readonly #socket: WebSocket;
  readonly #context: AzureSpeechContext;
  readonly #closed = new AbortController();
  #failure: Failure | undefined;
  #format: { sampleRateHz: number; sendsWords: boolean } | undefined;
  #turn: Turn | undefined;

  constructor(socket: WebSocket, context: AzureSpeechContext) {
    this.#socket = socket;
    this.#context = context;
    this.#failure = context.failure;
    this.#log('connection-opened', {});
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('close', (code) => {
      this.#closed.abort();
      this.#cancel();
      this.#log('connection-closed', { code });
    });
    socket.on('error', () => socket.terminate());
  }

  #receive(data: RawData, isBinary: boolean): void {
    const message = parseMessage(data, isBinary);
    if (message?.path === 'synthesis.context') this.#prepare(message);
    else if (message?.path === 'ssml') this.#start(message);
    else if (message?.path === 'synthesis.control') this.#control(message);
    else if (message?.path === 'speech.config' && jsonObject(message.text)?.context) return;
    else this.#refuse(message ? `message ${message.path}` : 'not a message');
  }

  #prepare({ text }: SpeechMessage): void {
    const context = contextSchema.safeParse(jsonObject(text));
    if (!context.success) {
      this.#refuse(`synthesis.context: ${context.error.issues.map(({ path }) => path.join('.')).join(', ')}`);
      return;
    }
    const { outputFormat, metadataOptions } = context.data.synthesis.audio;
    const [, rate, unit] = /^raw-(\d+)(k?hz)/.exec(outputFormat) ?? [];
    const sampleRateHz = Number(rate) * (unit === 'khz' ? 1_000 : 1);
    this.#format = { sampleRateHz, sendsWords: metadataOptions.wordBoundaryEnabled };
  }

  #start({ requestId, text, headers }: SpeechMessage): void {
    const spoken = headers['content-type'] === 'application/ssml+xml' ? parseSsml(text) : undefined;
    if (!this.#format || !spoken || this.#turn) {
      this.#refuse(
        this.#turn ? 'a text before the end of the one before' : 'a text that is not valid SSML, or no context',
      );
      return;
    }
    const failure = this.#failure ?? this.#context.settings.takeFailure('azure-speech');
    this.#failure = undefined;
    if (failure && ['refuse', 'rate-limit', 'overload'].includes(failure.mode)) {
      this.#log('request-refused', { requestId });
      this.#socket.close(1011, 'Connection closed by the service');
      return;
    }
    const factor = failure?.mode === 'slow' ? failure.factor : 1;
    const hangs = failure?.mode === 'hang';
    const turn = { ...spoken, ...this.#format, requestId, streamId: id(), factor, sentMs: 0, hangs };
    this.#turn = { ...turn, stopped: new AbortController() };
    this.#log('context-started', { contextId: requestId, voice: spoken.voice, rate: spoken.rate });
    if (failure?.mode === 'close') this.#cutAfter(failure.afterMs);
    if (!hangs) void this.#speak(this.#turn);
  }

  #control({ requestId, text }: SpeechMessage): void {
    const turn = this.#turn;
    if (jsonObject(text)?.action !== 'stop') this.#refuse('a control message other than stop');
    // What ended meanwhile has nothing to stop.
    else if (turn?.requestId === requestId && !turn.hangs) {
      this.#cancel();
      this.#sendJson(turn, 'turn.end', {});
    }
  }

  async #speak(turn: Turn): Promise<void> {
    try {
      const firstAudioAtMs = performance.now() + turn.factor * this.#context.settings.delays.ttsFirstAudioMs;
      this.#sendJson(turn, 'turn.start', { context: { serviceTag: id() } });
      this.#sendJson(turn, 'response', {
        context: { serviceTag: id() },
        audio: { type: 'inline', streamId: turn.streamId },
      });
      const { text, language, sampleRateHz } = turn;
      const audio = await speak(text, { language, sampleRateHz });
      const audioMs = (audio.length / sampleRateHz) * 1000;
      await delay(Math.max(0, firstAudioAtMs - performance.now()), undefined, { signal: turn.stopped.signal });
      if (turn.sendsWords) this.#sendWords(turn, audioMs);
      await this.#sendAudio(turn, audio);
      this.#sendJson(turn, 'audio.metadata', {
        Metadata: [{ Type: 'SessionEnd', Data: { Offset: Math.round(audioMs * ticksPerMs) } }],
      });
      const details = { audioMs: Math.round(audioMs), voicedMs: voicedMs(audio, sampleRateHz) };
      this.#log('context-completed', {
        contextId: turn.requestId,
        ...details,
        characters: text.length,
        transcript: text,
      });
      this.#turn = undefined;
      this.#sendJson(turn, 'turn.end', {});
    } catch (error) {
      if (turn.stopped.signal.aborted) return;
      this.#log('stand-in-failed', { message: String(error) });
      this.#socket.close(1011, 'Internal server error');
    }
  }

  async #sendAudio(turn: Turn, audio: Int16Array): Promise<void> {
    const chunkLength = Math.round((turn.sampleRateHz * chunkMs) / 1000);
    for (let start = 0; start < audio.length; start += chunkLength) {
      if (start > 0) {
        await delay((turn.factor * chunkMs) / speedOverRealTime, undefined, { signal: turn.stopped.signal });
      }
      turn.stopped.signal.throwIfAborted();
      const chunk = audio.subarray(start, start + chunkLength);
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      this.#socket.send(audioMessage(turn.requestId, turn.streamId, bytes));
      turn.sentMs += (chunk.length / turn.sampleRateHz) * 1000;
      if (start === 0) this.#log('first-audio-sent', { contextId: turn.requestId });
    }
  }

  /** Words get time in proportion to their length; punctuation is no word. */
  #sendWords(turn: Turn, audioMs: number): void {
    const words = turn.text.match(/[\p{L}\p{N}]+/gu) ?? [];
    const characters = words.reduce((sum, word) => sum + word.length, 0);
    let atMs = 0;
    for (const word of words) {
      const durationMs = (word.length / characters) * audioMs;
      const data = {
        Offset: Math.round(atMs * ticksPerMs),
        Duration: Math.round(durationMs * ticksPerMs),
        text: { Text: word, Length: word.length, BoundaryType: 'WordBoundary' },
      };
      this.#sendJson(turn, 'audio.metadata', { Metadata: [{ Type: 'WordBoundary', Data: data }] });
      atMs += durationMs;
    }
  }

  #cancel(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (!turn) return;
    turn.stopped.abort();
    this.#log('context-cancelled', { contextId: turn.requestId, audioMs: Math.round(turn.sentMs) });
  }

  #cutAfter(afterMs: number): void {
    delay(afterMs, undefined, { signal: this.#closed.signal }).then(
      () => this.#socket.terminate(),
      () => {},
    );
  }

  #refuse(what: string): void {
    this.#log('unexpected-request', { message: what });
    this.#socket.close(1007, 'The message is not valid');
  }

  #sendJson({ requestId }: Turn, path: string, body: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(jsonMessage(path, requestId, body));
  }

  #log(event: string, details: Record<string, unknown>): void {
    this.#context.log.add('azure-speech', event, this.#context.connection, details);
  }
}

function id(): string {
  return randomUUID().replaceAll('-', '');
}
