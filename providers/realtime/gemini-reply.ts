import type { ModalityTokenCount, UsageMetadata } from '@google/genai';
import { type llm, type metrics, shortuuid } from '@livekit/agents';
import { AudioFrame } from '@livekit/rtc-node';
import { Pipe } from './pipe.ts';

/** What the Live API speaks in (ai.google.dev/gemini-api/docs/live-guide): 16-bit samples, one channel. */
const outputSampleRateHz = 24_000;

/** One reply, from its first sign to its end: what the framework reads of it. */
export class LiveReply {
  readonly id = shortuuid('GR_');
  readonly #messages = new Pipe<llm.MessageGeneration>();
  readonly #calls = new Pipe<llm.FunctionCall>();
  readonly #texts = new Pipe<string>();
  readonly #frames = new Pipe<AudioFrame>();
  readonly #userInitiated: boolean;
  readonly #dueSinceMs: number;
  #firstOutputAtMs: number | undefined;
  #endedAtMs: number | undefined;
  #isCut = false;
  #isGenerated = false;
  #text = '';
  #rest: Buffer = Buffer.alloc(0);

  /** `userInitiated`: it was asked for, not begun by the model. `dueSinceMs`: when it could have begun, epoch milliseconds. */
  constructor({ userInitiated, dueSinceMs }: { userInitiated: boolean; dueSinceMs: number }) {
    this.#userInitiated = userInitiated;
    this.#dueSinceMs = dueSinceMs;
  }

  /** Everything said so far. */
  get text(): string {
    return this.#text;
  }

  /** What the framework is told. */
  toEvent(): llm.GenerationCreatedEvent {
    return {
      messageStream: this.#messages.stream,
      functionStream: this.#calls.stream,
      userInitiated: this.#userInitiated,
      responseId: this.id,
    };
  }

  addText(text: string): void {
    if (!text) return;
    this.#announce();
    this.#text += text;
    this.#texts.write(text);
  }

  /** Takes base64 of raw samples; a piece may end in the middle of one. */
  addAudio(base64: string): void {
    const bytes = Buffer.concat([this.#rest, Buffer.from(base64, 'base64')]);
    const length = bytes.length - (bytes.length % 2);
    this.#rest = bytes.subarray(length);
    if (length === 0) return;
    this.#announce();
    // Copied, because a Buffer may start at an odd address and Int16Array may not.
    const samples = new Int16Array(Uint8Array.from(bytes.subarray(0, length)).buffer);
    this.#frames.write(new AudioFrame(samples, outputSampleRateHz, 1, samples.length));
  }

  addCall(call: llm.FunctionCall): void {
    this.#firstOutputAtMs ??= Date.now();
    this.#calls.write(call);
  }

  /** Everything was generated: no more sound comes. Words may lag behind it. */
  generated(): void {
    this.#isGenerated = true;
    this.#frames.close();
  }

  get isGenerated(): boolean {
    return this.#isGenerated;
  }

  /** Ends its streams; `cut` when it was interrupted, or lost. */
  finish({ cut }: { cut: boolean }): void {
    if (this.#endedAtMs !== undefined) return;
    this.#endedAtMs = Date.now();
    this.#isCut = cut;
    for (const pipe of [this.#texts, this.#frames, this.#messages, this.#calls]) pipe.close();
  }

  /** What it cost. The vendor counts the conversation before it as its prompt. */
  toMetrics(usage: UsageMetadata, { label, model }: { label: string; model: string }): metrics.RealtimeModelMetrics {
    const durationMs = (this.#endedAtMs ?? Date.now()) - this.#dueSinceMs;
    const outputTokens = (usage.responseTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0);
    const inputTokens = (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0);
    return {
      type: 'realtime_model_metrics',
      label,
      requestId: this.id,
      timestamp: this.#dueSinceMs,
      durationMs,
      ttftMs: this.#firstOutputAtMs === undefined ? -1 : this.#firstOutputAtMs - this.#dueSinceMs,
      cancelled: this.#isCut,
      inputTokens,
      outputTokens,
      totalTokens: inputTokens + outputTokens,
      tokensPerSecond: durationMs > 0 ? (outputTokens * 1000) / durationMs : 0,
      inputTokenDetails: {
        ...byModality(usage.promptTokensDetails),
        cachedTokens: usage.cachedContentTokenCount ?? 0,
        cachedTokensDetails: byModality(usage.cacheTokensDetails),
      },
      outputTokenDetails: byModality(usage.responseTokensDetails),
      metadata: { modelProvider: 'gemini', modelName: model },
    };
  }

  /** A message is announced with its first words or sound: a reply may be calls alone. */
  #announce(): void {
    if (this.#firstOutputAtMs !== undefined) return;
    this.#firstOutputAtMs = Date.now();
    this.#messages.write({
      messageId: this.id,
      textStream: this.#texts.stream,
      audioStream: this.#frames.stream,
      modalities: Promise.resolve(['audio', 'text']),
    });
  }
}

function byModality(details: readonly ModalityTokenCount[] = []) {
  const count = (modality: string) =>
    details.reduce((sum, each) => sum + (each.modality === modality ? (each.tokenCount ?? 0) : 0), 0);
  return { audioTokens: count('AUDIO'), textTokens: count('TEXT'), imageTokens: count('IMAGE') };
}
