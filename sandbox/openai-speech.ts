import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { readBody, sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import type { StandIn, StandInContext, StandInFactory } from './stand-in.ts';
import { speak, voicedMs } from './voice.ts';

const path = '/openai/v1/audio/speech';
/** Rate of the vendor's `pcm` format (https://platform.openai.com/docs/guides/text-to-speech). */
const sampleRateHz = 24_000;
/** How much faster than it plays audio is sent. */
const speedOverRealTime = 4;
const chunkMs = 100;
const longestTimerMs = 2 ** 31 - 1;

const voices = 'alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar'.split(' ');

/** What the endpoint takes (https://platform.openai.com/docs/api-reference/audio/createSpeech). */
const requestSchema = z.strictObject({
  model: z.string().min(1),
  input: z.string().min(1).max(4_096),
  voice: z.union([z.enum(voices), z.strictObject({ id: z.string().min(1) })]),
  response_format: z.enum(['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']).optional(),
  stream_format: z.enum(['audio', 'sse']).optional(),
  // Accepted without effect: they change how the vendor's voices sound, not how they are asked.
  instructions: z.string().max(4_096).optional(),
  speed: z.number().min(0.25).max(4).optional(),
});

const models = ['tts-1', 'tts-1-hd', 'gpt-4o-mini-tts', 'gpt-4o-mini-tts-2025-12-15'];

interface Refusal {
  status: number;
  message: string;
  code: string | null;
  param?: string | null;
}

const refusals: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: { status: 401, message: 'Incorrect API key provided.', code: 'invalid_api_key' },
  'rate-limit': { status: 429, message: 'Rate limit reached.', code: 'rate_limit_exceeded' },
  overload: { status: 503, message: 'The engine is currently overloaded.', code: null },
};

/**
 * OpenAI's `POST /v1/audio/speech` on loopback, in raw PCM or in events that carry it. Every request is a context of its
 * own; its audio is sent at four times real time. Failure `hang` answers nothing; `close` cuts the answer `afterMs` after the text was ready to be
 * spoken, whatever was sent by then; with `ttsFirstAudioMs` above that, nothing was.
 */
export const openaiSpeechStandIn: StandInFactory = (context): StandIn => {
  const stopped = new AbortController();
  let count = 0;
  return {
    vendor: 'openai',
    owns: (requested) => requested === path,
    async http(request, response) {
      const speech = new Speech(request, response, ++count, context);
      const closed = new AbortController();
      response.once('close', () => closed.abort());
      await speech.answer(AbortSignal.any([closed.signal, stopped.signal]));
    },
    close: () => stopped.abort(),
  };
};

/** One request. */
class Speech {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #number: number;
  readonly #context: StandInContext;
  #sentMs = 0;
  #isCut = false;

  constructor(request: IncomingMessage, response: ServerResponse, number: number, context: StandInContext) {
    this.#request = request;
    this.#response = response;
    this.#number = number;
    this.#context = context;
  }

  /** Answers; `gone` when nobody waits for it any more. */
  async answer(gone: AbortSignal): Promise<void> {
    const failure = this.#context.settings.takeFailure('openai');
    const body = await readBody(this.#request);
    const refusal = (failure && refusals[failure.mode]) ?? this.#faultOf(body);
    if (refusal) return this.#refuse(refusal);
    const { input, stream_format: format } = requestSchema.parse(JSON.parse(body));
    this.#log('context-started', { transcript: input });
    const waiting = performance.now();
    try {
      if (failure?.mode === 'hang') await delay(longestTimerMs, undefined, { signal: gone });
      const samples = await speak(input, { sampleRateHz });
      if (failure?.mode === 'close') this.#cutAfter(failure.afterMs, gone);
      const factor = failure?.mode === 'slow' ? failure.factor : 1;
      const firstAudioMs = factor * this.#context.settings.delays.ttsFirstAudioMs;
      await delay(Math.max(0, waiting + firstAudioMs - performance.now()), undefined, { signal: gone });
      await this.#send(samples, factor, { gone, inEvents: format === 'sse' });
      const audioMs = Math.round(this.#sentMs);
      const details = { audioMs, voicedMs: voicedMs(samples, sampleRateHz), characters: input.length };
      this.#log('context-completed', { ...details, transcript: input });
    } catch (error) {
      if (!gone.aborted) throw error;
      if (!this.#isCut) this.#log('context-cancelled', { audioMs: this.#sentMs });
    }
  }

  async #send(
    samples: Int16Array,
    factor: number,
    { gone, inEvents }: { gone: AbortSignal; inEvents: boolean },
  ): Promise<void> {
    const response = this.#response;
    const contentType = inEvents ? 'text/event-stream; charset=utf-8' : 'audio/pcm';
    response.writeHead(200, { 'content-type': contentType, 'x-request-id': `req_${randomUUID()}` });
    const sendEvent = (type: string, more: object) =>
      response.write(`data: ${JSON.stringify({ type: `speech.audio.${type}`, ...more })}\n\n`);
    const chunkLength = (sampleRateHz * chunkMs) / 1000;
    for (let start = 0; start < samples.length; start += chunkLength) {
      if (start > 0) await delay((factor * chunkMs) / speedOverRealTime, undefined, { signal: gone });
      const chunk = samples.subarray(start, start + chunkLength);
      const bytes = Buffer.from(Int16Array.from(chunk).buffer);
      if (inEvents) sendEvent('delta', { audio: bytes.toString('base64') });
      else response.write(bytes);
      if (start === 0) this.#log('first-audio-sent');
      this.#sentMs += (chunk.length / sampleRateHz) * 1000;
    }
    if (inEvents) sendEvent('done', { usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } });
    response.end();
  }

  #cutAfter(afterMs: number, gone: AbortSignal): void {
    delay(afterMs, undefined, { signal: gone }).then(
      () => {
        this.#isCut = true;
        this.#response.destroy();
      },
      () => {},
    );
  }

  /** What the real endpoint would refuse, all of it unexpected here. */
  #faultOf(body: string): Refusal | undefined {
    const fault = this.#faultOfRequest(body);
    if (fault) this.#log('unexpected-request', { message: fault.message, param: fault.param });
    return fault;
  }

  #faultOfRequest(body: string): Refusal | undefined {
    const { method, headers } = this.#request;
    if (method !== 'POST') return { status: 405, message: `Not allowed to ${method}`, code: 'method_not_supported' };
    if (!/^Bearer \S+$/.test(headers.authorization ?? '')) return refusals.refuse;
    const parsed = requestSchema.safeParse(parseJson(body));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const param = issue?.code === 'unrecognized_keys' ? issue.keys.join() : (issue?.path.join('.') ?? null);
      return { status: 400, message: `Invalid request: ${param} ${issue?.code}`, code: 'invalid_request', param };
    }
    const { model, response_format: format, stream_format: stream } = parsed.data;
    if (!models.includes(model)) {
      const message = `The model '${model}' does not exist or you do not have access to it.`;
      return { status: 404, message, code: 'model_not_found' };
    }
    if (format !== 'pcm') return { status: 400, message: 'Only pcm is modelled', code: null, param: 'response_format' };
    if (stream === 'sse' && model.startsWith('tts-')) {
      const message = `stream_format 'sse' is not supported with model '${model}'.`;
      return { status: 400, message, code: 'unsupported_value', param: 'stream_format' };
    }
    return undefined;
  }

  #refuse({ status, message, code, param = null }: Refusal): void {
    this.#log('request-refused', { status });
    const type = status === 429 ? 'requests' : status >= 500 ? 'server_error' : 'invalid_request_error';
    const headers = { 'x-request-id': `req_${randomUUID()}` };
    sendJson(this.#response, status, { error: { message, type, param, code } }, headers);
  }

  #log(event: string, details?: Record<string, unknown>): void {
    this.#context.log.add('openai', event, this.#number, details);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
