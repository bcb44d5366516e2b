import { setTimeout as wait } from 'node:timers/promises';
import type { Reply } from './anthropic-situation.ts';
import { type Item, type Items, newId, toWireItem } from './openai-conversation-items.ts';
import { speak, voicedMs } from './voice.ts';

/** How much faster than it plays audio is sent. */
const speedOverRealTime = 4;
const chunkMs = 100;
const sampleRateHz = 24_000;

/** What a response needs of its connection. */
export interface ResponseHost {
  items: Items;
  send(event: { type: string } & Record<string, unknown>): void;
  log(event: string, details?: Record<string, unknown>): void;
}

/** How a response is made. Times in milliseconds. */
export interface ResponsePlan {
  modality: 'audio' | 'text';
  metadata: Record<string, string> | null;
  firstTokenMs: number;
  firstAudioMs: number;
  tokensPerSecond: number;
  /** Everything takes this much longer. */
  factor: number;
  /** Decides when the first token is due. */
  decide(): Reply;
}

/** One response: it is created, spoken and done, or cancelled on the way. */
export class Response {
  readonly id = newId('resp');
  readonly #host: ResponseHost;
  readonly #plan: ResponsePlan;
  readonly #stopped = new AbortController();
  readonly #output: Item[] = [];
  #audioMs = 0;
  #voicedMs = 0;
  #tokens = 0;

  constructor(host: ResponseHost, plan: ResponsePlan) {
    this.#host = host;
    this.#plan = plan;
  }

  /** Runs to its end. Resolves as well when it was cancelled. */
  async run(): Promise<void> {
    this.#host.log('request-received', { responseId: this.id });
    this.#host.send({ type: 'response.created', response: this.#wire('in_progress') });
    try {
      await this.#pause(this.#plan.firstTokenMs);
      const { text, toolCalls } = this.#plan.decide();
      this.#host.log('first-token-sent', { responseId: this.id });
      if (text) await this.#say(text);
      for (const { name, input } of toolCalls) await this.#call(name, JSON.stringify(input));
      this.#host.log('request-completed', { responseId: this.id, audioMs: this.#audioMs, voicedMs: this.#voicedMs });
      this.#host.send({ type: 'response.done', response: this.#wire('completed') });
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    }
  }

  /** Ends it without a word, because its connection is gone. */
  stop(): void {
    this.#stopped.abort();
  }

  cancel(reason: 'turn_detected' | 'client_cancelled'): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#host.log('request-closed', { responseId: this.id, reason, audioMs: this.#audioMs });
    for (const item of this.#output.slice(-1)) this.#host.send(this.#itemEvent('done', item, 'incomplete'));
    this.#host.send({ type: 'response.done', response: this.#wire('cancelled', { type: 'cancelled', reason }) });
  }

  async #say(text: string): Promise<void> {
    const { modality } = this.#plan;
    const item: Item = { id: newId('item'), type: 'message', role: 'assistant', text: '' };
    if (modality === 'audio') item.audioMs = 0;
    this.#begin(item);
    const part = modality === 'audio' ? { type: 'audio', transcript: '' } : { type: 'text', text: '' };
    this.#part('response.content_part.added', item, { part });
    for (const piece of text.match(/[^.!?]+[.!?]*\s*/g) ?? [text]) {
      const samples = modality === 'audio' ? await speak(piece, { sampleRateHz }) : new Int16Array(0);
      for (const word of piece.match(/\s*\S+\s*$|\s*\S+/g) ?? []) await this.#write(item, word);
      await this.#play(item, samples);
    }
    if (modality === 'audio') {
      this.#part('response.output_audio.done', item);
      this.#part('response.output_audio_transcript.done', item, { transcript: item.text });
    } else this.#part('response.output_text.done', item, { text: item.text });
    this.#part('response.content_part.done', item, { part: { ...part, transcript: item.text } });
    this.#end(item);
  }

  async #write(item: Extract<Item, { type: 'message' }>, word: string): Promise<void> {
    await this.#pause(1000 / this.#plan.tokensPerSecond);
    item.text += word;
    this.#tokens += 1;
    const type =
      this.#plan.modality === 'audio' ? 'response.output_audio_transcript.delta' : 'response.output_text.delta';
    this.#part(type, item, { delta: word });
  }

  async #play(item: Extract<Item, { type: 'message' }>, samples: Int16Array): Promise<void> {
    const length = (sampleRateHz * chunkMs) / 1000;
    this.#voicedMs += voicedMs(samples, sampleRateHz);
    for (let start = 0; start < samples.length; start += length) {
      const isFirst = this.#audioMs === 0;
      await this.#pause(isFirst ? this.#plan.firstAudioMs : chunkMs / speedOverRealTime);
      const chunk = samples.slice(start, start + length);
      this.#audioMs += (chunk.length * 1000) / sampleRateHz;
      item.audioMs = this.#audioMs;
      this.#part('response.output_audio.delta', item, { delta: Buffer.from(chunk.buffer).toString('base64') });
      if (isFirst) this.#host.log('first-audio-sent', { responseId: this.id });
    }
  }

  async #call(name: string, input: string): Promise<void> {
    const item: Item = { id: newId('item'), type: 'function_call', call_id: newId('call'), name, arguments: '' };
    const details = { call_id: item.call_id };
    this.#begin(item);
    for (const delta of input.match(/.{1,4}/gsu) ?? []) {
      await this.#pause(1000 / this.#plan.tokensPerSecond);
      item.arguments += delta;
      this.#tokens += 1;
      this.#part('response.function_call_arguments.delta', item, { ...details, delta });
    }
    this.#part('response.function_call_arguments.done', item, { ...details, name, arguments: input });
    this.#end(item);
  }

  #begin(item: Item): void {
    const previous = this.#host.items.lastId;
    this.#host.items.list.push(item);
    this.#output.push(item);
    this.#host.send(this.#itemEvent('added', item, 'in_progress'));
    const wire = toWireItem(item, 'in_progress');
    this.#host.send({ type: 'conversation.item.added', previous_item_id: previous, item: wire });
  }

  #end(item: Item): void {
    this.#host.send(this.#itemEvent('done', item, 'completed'));
    const previous = this.#host.items.before(item.id);
    this.#host.send({ type: 'conversation.item.done', previous_item_id: previous, item: toWireItem(item) });
  }

  #itemEvent(step: 'added' | 'done', item: Item, status: 'completed' | 'in_progress' | 'incomplete') {
    const output_index = this.#output.indexOf(item);
    return { type: `response.output_item.${step}`, response_id: this.id, output_index, item: toWireItem(item, status) };
  }

  #part(type: string, item: Item, details: object = {}): void {
    const output_index = this.#output.indexOf(item);
    this.#host.send({ type, response_id: this.id, item_id: item.id, output_index, content_index: 0, ...details });
  }

  async #pause(ms: number): Promise<void> {
    await wait(ms * this.#plan.factor, undefined, { signal: this.#stopped.signal });
  }

  #wire(status: string, details: object | null = null): object {
    const [text, audio] = [this.#tokens, Math.round(this.#audioMs / 50)];
    const input = this.#host.items.list.length * 10;
    return {
      id: this.id,
      object: 'realtime.response',
      status,
      status_details: details,
      output: this.#output.map((item) => toWireItem(item)),
      output_modalities: [this.#plan.modality],
      metadata: this.#plan.metadata,
      usage:
        status === 'in_progress'
          ? null
          : {
              total_tokens: input + text + audio,
              input_tokens: input,
              output_tokens: text + audio,
              input_token_details: { text_tokens: input, audio_tokens: 0, cached_tokens: 0 },
              output_token_details: { text_tokens: text, audio_tokens: audio },
            },
    };
  }
}
