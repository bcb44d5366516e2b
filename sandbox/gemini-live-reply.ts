import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { estimateTokens } from './anthropic-cache.ts';
import type { Reply } from './anthropic-situation.ts';
import { speak, voicedMs } from './voice.ts';

/** What the Live API speaks in (ai.google.dev/gemini-api/docs/live-guide). */
const sampleRateHz = 24_000;
/** How much faster than it plays audio is sent. */
const speedOverRealTime = 4;
const chunkMs = 100;
/** The vendor ends a turn when its sound has been heard; a moment stands for that. */
const heardAfterMs = 100;

/** A call that the client has to answer. */
export interface MadeCall {
  id: string;
  name: string;
  args: Record<string, unknown>;
}

/** What a reply needs of its connection. */
export interface ReplyHost {
  send(message: Record<string, unknown>): void;
  log(event: string, details?: Record<string, unknown>): void;
  /** What was said, as far as it was; and what was called. */
  said(text: string, calls: readonly MadeCall[]): void;
}

/** How long things take, and what the reply is. */
export interface ReplyPlan {
  firstTokenMs: number;
  firstAudioMs: number;
  factor: number;
  /** Tokens of the conversation before it. */
  promptTokens: number;
  decide(): Reply;
}

/** One turn of the model. */
export class LiveReply {
  readonly #host: ReplyHost;
  readonly #plan: ReplyPlan;
  readonly #stopped = new AbortController();
  #text = '';
  #audioMs = 0;
  #isOver = false;

  constructor(host: ReplyHost, plan: ReplyPlan) {
    this.#host = host;
    this.#plan = plan;
  }

  /** Speaks, or calls tools. */
  async run(): Promise<void> {
    const { firstTokenMs, factor, decide } = this.#plan;
    const { signal } = this.#stopped;
    this.#host.log('request-received');
    try {
      await delay(factor * firstTokenMs, undefined, { signal });
      const { text, toolCalls } = decide();
      this.#host.log('first-token-sent');
      if (text) await this.#speak(text);
      const calls = toolCalls.map(({ name, input }) => ({ id: randomBytes(8).toString('hex'), name, args: input }));
      this.#isOver = true;
      this.#host.said(this.#text, calls);
      this.#host.log('request-completed', { audioMs: this.#audioMs });
      if (calls.length) {
        this.#host.send({ toolCall: { functionCalls: calls } });
        return;
      }
      this.#host.send({ serverContent: { generationComplete: true } });
      await delay(heardAfterMs, undefined, { signal });
      this.#host.send({ serverContent: { turnComplete: true }, usageMetadata: this.#usage() });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Stops, and says so as the vendor does: also when nothing had begun, or everything was sent but not heard yet. */
  interrupt(): void {
    this.stop();
    this.#host.send({ serverContent: { interrupted: true } });
    this.#host.send({ serverContent: { turnComplete: true } });
  }

  /** Stops without a word. */
  stop(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    if (this.#isOver) return;
    this.#host.said(this.#text, []);
    this.#host.log('request-closed', { audioMs: this.#audioMs });
  }

  /** Sentence by sentence; the words come a little ahead of their sound. */
  async #speak(text: string): Promise<void> {
    const { factor, firstAudioMs } = this.#plan;
    const { signal } = this.#stopped;
    for (const sentence of text.match(/[^.!?]+[.!?]*\s*/g) ?? []) {
      const samples = await speak(sentence, { sampleRateHz });
      const words = sentence.match(/\s*\S+|\s+$/g) ?? [];
      const chunkLength = (sampleRateHz * chunkMs) / 1000;
      const chunks = Math.ceil(samples.length / chunkLength);
      const wordsPerChunk = Math.ceil(words.length / Math.max(1, chunks));
      for (let index = 0; index < Math.max(chunks, 1); index += 1) {
        const waitMs = this.#audioMs === 0 ? firstAudioMs : chunkMs / speedOverRealTime;
        await delay(factor * waitMs, undefined, { signal });
        const isLast = index === Math.max(chunks, 1) - 1;
        this.#tell(words.splice(0, isLast ? words.length : wordsPerChunk).join(''));
        this.#play(samples.subarray(index * chunkLength, (index + 1) * chunkLength));
      }
    }
  }

  #tell(text: string): void {
    this.#text += text;
    if (text) this.#host.send({ serverContent: { outputTranscription: { text } } });
  }

  #play(samples: Int16Array): void {
    if (samples.length === 0) return;
    const data = Buffer.from(Int16Array.from(samples).buffer).toString('base64');
    const inlineData = { mimeType: `audio/pcm;rate=${sampleRateHz}`, data };
    this.#host.send({ serverContent: { modelTurn: { role: 'model', parts: [{ inlineData }] } } });
    if (this.#audioMs === 0) this.#host.log('first-audio-sent', { voicedMs: voicedMs(samples, sampleRateHz) });
    this.#audioMs += (samples.length * 1000) / sampleRateHz;
  }

  /** The vendor counts 25 tokens for a second of sound (ai.google.dev/gemini-api/docs/tokens). */
  #usage(): object {
    const { promptTokens } = this.#plan;
    const audioTokens = Math.ceil(this.#audioMs / 40);
    const textTokens = estimateTokens(this.#text);
    return {
      promptTokenCount: promptTokens,
      responseTokenCount: audioTokens + textTokens,
      totalTokenCount: promptTokens + audioTokens + textTokens,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptTokens }],
      responseTokensDetails: [
        { modality: 'AUDIO', tokenCount: audioTokens },
        { modality: 'TEXT', tokenCount: textTokens },
      ],
    };
  }
}
