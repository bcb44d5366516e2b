import type { RawData, WebSocket } from 'ws';
import { estimateTokens } from './anthropic-cache.ts';
import { decideReply } from './anthropic-rules.ts';
import {
  type ClientMessage,
  clientMessageSchema,
  type LiveFunctionResponse,
  type LiveSetup,
} from './gemini-live-messages.ts';
import { LiveReply, type MadeCall } from './gemini-live-reply.ts';
import { withJsonNames } from './gemini-names.ts';
import { type Content, namesOf, toConversation } from './gemini-request.ts';
import type { SandboxLog } from './log.ts';
import type { Failure, SandboxSettings } from './settings.ts';
import type { SpeechLibrary } from './speech/library.ts';
import { SpeechListener, type SpeechTiming, type Transcript } from './speech/speech-listener.ts';

/** What one accepted connection works with. */
export interface LiveContext {
  connection: number;
  failure: Failure | undefined;
  library: SpeechLibrary;
  log: SandboxLog;
  settings: SandboxSettings;
}

const sampleRateHz = 16_000;
/** Silence that ends a turn unless the setup names another. */
const defaultSilenceMs = 500;
/** Longer than any test: without detection only the client ends a turn. */
const neverMs = 2_000_000_000;
/** Models that `bidiGenerateContent` knows (ai.google.dev/gemini-api/docs/models). */
const liveModels = ['gemini-3.8-live', 'gemini-2.5-flash-native-audio-preview-12-2025'];

/** One open Live API socket: setup, audio, content and results of tools in; words, sound and calls out. */
export class LiveSocket {
  readonly #socket: WebSocket;
  readonly #context: LiveContext;
  readonly #listener: SpeechListener;
  readonly #factor: number;
  readonly #contents: Content[] = [];
  readonly #calls = new Map<string, string>();
  #responses: LiveFunctionResponse[] = [];
  #setup: LiveSetup | undefined;
  #reply: LiveReply | undefined;
  #isActive = false;
  #cut: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, context: LiveContext) {
    this.#socket = socket;
    this.#context = context;
    this.#factor = context.failure?.mode === 'slow' ? context.failure.factor : 1;
    this.#listener = new SpeechListener(context.library, sampleRateHz, () => this.#timing(), {
      speechStarted: () => this.#speechStarted(),
      interim: (transcript) => this.#guess(transcript),
      final: (transcript) => this.#heard(transcript),
    });
    socket.on('message', (data) => this.#guarded(() => this.#receive(data)));
    socket.on('error', () => socket.terminate());
    socket.on('close', (code) => {
      clearTimeout(this.#cut);
      this.#listener.close();
      this.#reply?.stop();
      this.#log('connection-closed', { code, voicedMs: this.#listener.voicedMs });
    });
  }

  /** Tells that the vendor is going to close the connection. */
  goAway(): void {
    this.#send({ goAway: { timeLeft: '10s' } });
  }

  #receive(data: RawData): void {
    const parsed = clientMessageSchema.safeParse(withJsonNames(parseJson(String(data))));
    if (parsed.success) this.#handle(parsed.data);
    else this.#refuse('Invalid JSON payload received.', parsed.error.issues[0]?.path.join('.'));
  }

  #handle(message: ClientMessage): void {
    if ('setup' in message) this.#begin(message.setup);
    else if (!this.#setup) this.#refuse('The first message must be a setup.');
    else if ('clientContent' in message) {
      this.#interrupt();
      this.#contents.push(...(message.clientContent.turns ?? []));
      if (message.clientContent.turnComplete) this.#answer();
    } else if ('toolResponse' in message) this.#take(message.toolResponse.functionResponses);
    else if ('audio' in message.realtimeInput) this.#hear(Buffer.from(message.realtimeInput.audio.data, 'base64'));
    else this.#activity('activityStart' in message.realtimeInput);
  }

  #begin(setup: LiveSetup): void {
    const model = setup.model.replace('models/', '');
    if (this.#setup) {
      this.#refuse('A setup was sent already.');
      return;
    }
    if (!liveModels.includes(model)) {
      this.#log('unexpected-request', { message: `unknown model ${model}` });
      this.#socket.close(1008, `models/${model} is not found for API version v1beta, or is not supported`);
      return;
    }
    this.#setup = setup;
    const instructions = setup.systemInstruction?.parts.map(({ text }) => text).join('\n') ?? '';
    this.#log('setup-taken', { tools: namesOf(setup.tools ?? []), instructionCharacters: instructions.length });
    this.#send({ setupComplete: {} });
  }

  #hear(audio: Buffer): void {
    if (this.#detection?.disabled && !this.#isActive) return;
    this.#listener.push(audio);
    const { failure } = this.#context;
    if (failure?.mode === 'close' && this.#listener.positionMs >= failure.afterMs) this.#break();
  }

  #activity(begins: boolean): void {
    this.#isActive = begins;
    if (!this.#detection?.disabled) this.#refuse('Explicit activity control is not supported here.');
    else if (begins) this.#interrupt();
    else this.#listener.flush();
  }

  #speechStarted(): void {
    this.#log('speech-started');
    if (!this.#detection?.disabled) this.#interrupt();
  }

  #guess({ words }: Transcript): void {
    if (!this.#setup?.inputAudioTranscription) return;
    this.#log('interim-sent', { words: words.length });
    this.#send({ serverContent: { interimInputTranscription: { text: textOf(words) } } });
  }

  #heard({ words, voicedMs, lastVoicedAtMs }: Transcript): void {
    if (words.length === 0) return;
    const text = textOf(words);
    this.#log('final-sent', { words: words.length, voicedMs, lastVoicedAtMs });
    if (this.#setup?.inputAudioTranscription) this.#send({ serverContent: { inputTranscription: { text } } });
    this.#contents.push({ role: 'user', parts: [{ text }] });
    this.#answer();
  }

  /** All calls of a turn are answered before the model goes on. */
  #take(responses: readonly LiveFunctionResponse[]): void {
    if (responses.some(({ id, name }) => this.#calls.get(id) !== name)) {
      this.#refuse('A function response has no function call.');
      return;
    }
    for (const { id } of responses) this.#calls.delete(id);
    this.#responses.push(...responses);
    if (this.#calls.size) return;
    this.#contents.push({ role: 'user', parts: this.#responses.map((functionResponse) => ({ functionResponse })) });
    this.#responses = [];
    this.#answer();
  }

  #answer(): void {
    const { settings, failure } = this.#context;
    this.#reply?.stop();
    const reply = new LiveReply(
      {
        send: (message) => this.#send(message),
        log: (event, details) => this.#log(event, details),
        said: (text, calls) => this.#said(text, calls),
      },
      {
        firstTokenMs: settings.delays.llmFirstTokenMs,
        firstAudioMs: settings.delays.ttsFirstAudioMs,
        factor: this.#factor,
        promptTokens: estimateTokens(
          JSON.stringify([this.#setup?.systemInstruction, this.#setup?.tools, this.#contents]),
        ),
        decide: () => decideReply(toConversation(this.#contents, { tools: this.#setup?.tools })),
      },
    );
    this.#reply = reply;
    if (failure?.mode === 'close') this.#cut = setTimeout(() => this.#break(), failure.afterMs);
    reply
      .run()
      .catch((error: unknown) => this.#broken(error))
      .finally(() => {
        if (this.#reply === reply) this.#reply = undefined;
      });
  }

  #said(text: string, calls: readonly MadeCall[]): void {
    for (const { id, name } of calls) this.#calls.set(id, name);
    const parts = [...(text ? [{ text }] : []), ...calls.map((functionCall) => ({ functionCall }))];
    if (parts.length) this.#contents.push({ role: 'model', parts });
  }

  #interrupt(): void {
    const reply = this.#reply;
    this.#reply = undefined;
    reply?.interrupt();
  }

  get #detection() {
    return this.#setup?.realtimeInputConfig?.automaticActivityDetection;
  }

  #timing(): SpeechTiming {
    if (this.#detection?.disabled) return { silenceMs: neverMs, finalMs: neverMs };
    const silenceMs = this.#detection?.silenceDurationMs ?? defaultSilenceMs;
    return { silenceMs, finalMs: this.#context.settings.delays.sttFinalMs * this.#factor };
  }

  /** Refuses what a client of the real API should not have sent, which fails the test that sent it. */
  #refuse(reason: string, path = ''): void {
    this.#log('unexpected-request', { message: reason, path });
    this.#socket.close(1007, reason);
  }

  #break(): void {
    this.#socket.close(1011, 'Internal error encountered.');
  }

  /** The vendor sends its JSON in binary messages. */
  #send(message: Record<string, unknown>): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(Buffer.from(JSON.stringify(message)));
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#broken(error);
    }
  }

  #broken(error: unknown): void {
    this.#log('stand-in-failed', { message: String(error) });
    this.#break();
  }

  #log(event: string, details: Record<string, unknown> = {}): void {
    this.#context.log.add('gemini', event, this.#context.connection, details);
  }
}

function textOf(words: readonly { word: string }[]): string {
  return words.map(({ word }) => word).join(' ');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
