import { randomUUID } from 'node:crypto';
import { llm, type metrics } from '@livekit/agents';
import type { AudioFrame } from '@livekit/rtc-node';
import type { RealtimeResponse } from 'openai/resources/realtime/realtime';
import { OutputAudio } from './openai-audio.ts';
import { Pipe } from './pipe.ts';

/** Whoever asked for a reply and waits for it to begin. */
export interface ReplyWaiter {
  resolve(event: llm.GenerationCreatedEvent): void;
  reject(error: Error): void;
}

interface SpokenMessage {
  text: string;
  audio: OutputAudio;
  texts: Pipe<string>;
  frames: Pipe<AudioFrame>;
}

/** What a reply was asked for with; absent in one that the model began by itself. */
export interface ReplyRequest {
  instructions: string | undefined;
}

/**
 * One reply, from the wish for it to its end. It outlives the response that was to bring it: as long as nothing of it was
 * delivered it can be asked for again, on another connection too, and its reader doesn't notice.
 */
export class Reply {
  /** By which a response is recognised as this reply. */
  readonly key = `reply_${randomUUID()}`;
  readonly request: ReplyRequest | undefined;
  /** Of the response that brings it at present. */
  responseId: string | undefined;
  /** Whether it was interrupted, or is not wanted any more. */
  isCancelled = false;
  attempts = 0;
  /** Of everything that the server is making for it, begun or not. */
  readonly itemIds = new Set<string>();
  readonly #messages = new Map<string, SpokenMessage>();
  readonly #output = new Pipe<llm.MessageGeneration>();
  readonly #calls = new Pipe<llm.FunctionCall>();
  #createdAtMs = Date.now();
  #firstOutputAtMs: number | undefined;
  #isAnnounced = false;
  #isDelivered = false;
  #isFinished = false;

  readonly #waiter: ReplyWaiter | undefined;

  constructor(request?: ReplyRequest, waiter?: ReplyWaiter) {
    this.request = request;
    this.#waiter = waiter;
  }

  /** Whether anything of it left us; it must not be asked for again then. */
  get isDelivered(): boolean {
    return this.#isDelivered;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Ids of its messages, and the words of each. */
  get texts(): [id: string, text: string][] {
    return [...this.#messages].map(([id, { text }]) => [id, text]);
  }

  /** A response was begun for it. */
  begin(responseId: string | undefined): void {
    this.responseId = responseId;
    this.#createdAtMs = Date.now();
  }

  /** Tells whoever asked for it that it began. Only once: the streams are the same on a second attempt. */
  announce(): llm.GenerationCreatedEvent | undefined {
    if (this.#isAnnounced) return undefined;
    this.#isAnnounced = true;
    const event = this.#toEvent();
    this.#waiter?.resolve(event);
    return event;
  }

  /** Tells whoever asked for it that it won't come. */
  refuse(error: Error): void {
    this.#waiter?.reject(error);
  }

  #toEvent(): llm.GenerationCreatedEvent {
    return {
      messageStream: this.#output.stream,
      functionStream: this.#calls.stream,
      userInitiated: this.request !== undefined,
      responseId: this.responseId,
    };
  }

  /** How much audio of a message came, in milliseconds; undefined for a message without. */
  audioMsOf(id: string): number | undefined {
    return this.#messages.get(id)?.audio.durationMs || undefined;
  }

  addText(id: string, text: string, modality: 'audio' | 'text'): void {
    if (this.#isFinished || !text) return;
    const message = this.#message(id, modality);
    message.text += text;
    message.texts.write(text);
  }

  addAudio(id: string, base64: string): void {
    if (this.#isFinished) return;
    const message = this.#message(id, 'audio');
    const frame = message.audio.frame(base64);
    if (frame) message.frames.write(frame);
  }

  addCall(call: llm.FunctionCall): void {
    if (this.#isFinished) return;
    this.#deliver();
    this.#calls.write(call);
  }

  endMessage(id: string): void {
    const message = this.#messages.get(id);
    message?.texts.close();
    message?.frames.close();
  }

  /** Ends its streams; nothing is written to them any more. */
  finish(): void {
    this.#isFinished = true;
    this.refuse(new llm.RealtimeError('the reply was given up before it began'));
    for (const id of this.#messages.keys()) this.endMessage(id);
    this.#output.close();
    this.#calls.close();
  }

  /** What it cost. */
  toMetrics(response: RealtimeResponse, labels: { label: string; provider: string; model: string }) {
    const { usage } = response;
    const { input_token_details: input, output_token_details: output } = usage ?? {};
    const durationMs = Date.now() - this.#createdAtMs;
    const outputTokens = usage?.output_tokens ?? 0;
    return {
      type: 'realtime_model_metrics',
      label: labels.label,
      requestId: response.id ?? '',
      timestamp: this.#createdAtMs,
      durationMs,
      ttftMs: this.#firstOutputAtMs === undefined ? -1 : this.#firstOutputAtMs - this.#createdAtMs,
      cancelled: response.status === 'cancelled',
      inputTokens: usage?.input_tokens ?? 0,
      outputTokens,
      totalTokens: usage?.total_tokens ?? 0,
      tokensPerSecond: durationMs > 0 ? (outputTokens * 1000) / durationMs : 0,
      inputTokenDetails: {
        audioTokens: input?.audio_tokens ?? 0,
        textTokens: input?.text_tokens ?? 0,
        imageTokens: input?.image_tokens ?? 0,
        cachedTokens: input?.cached_tokens ?? 0,
        cachedTokensDetails: {
          audioTokens: input?.cached_tokens_details?.audio_tokens ?? 0,
          textTokens: input?.cached_tokens_details?.text_tokens ?? 0,
          imageTokens: input?.cached_tokens_details?.image_tokens ?? 0,
        },
      },
      outputTokenDetails: {
        textTokens: output?.text_tokens ?? 0,
        audioTokens: output?.audio_tokens ?? 0,
        imageTokens: 0,
      },
      metadata: { modelProvider: labels.provider, modelName: labels.model },
    } satisfies metrics.RealtimeModelMetrics;
  }

  #deliver(): void {
    this.#isDelivered = true;
    this.#firstOutputAtMs ??= Date.now();
  }

  /** A message is announced with its first words or sound: before that it could still be another one. */
  #message(id: string, modality: 'audio' | 'text'): SpokenMessage {
    this.#deliver();
    const known = this.#messages.get(id);
    if (known) return known;
    const message = { text: '', audio: new OutputAudio(), texts: new Pipe<string>(), frames: new Pipe<AudioFrame>() };
    this.#messages.set(id, message);
    this.#output.write({
      messageId: id,
      textStream: message.texts.stream,
      audioStream: message.frames.stream,
      modalities: Promise.resolve(modality === 'audio' ? ['audio', 'text'] : ['text']),
    });
    return message;
  }
}
