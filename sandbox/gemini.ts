import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { decideReply } from './anthropic-rules.ts';
import { type Exchange, Exchanges } from './exchange.ts';
import { ImplicitCache } from './gemini-cache.ts';
import {
  type GenerateRequest,
  models,
  namesOf,
  parseRequest,
  RefusedRequest,
  toConversation,
} from './gemini-request.ts';
import { planReply, type TimedPiece } from './gemini-stream.ts';
import { readBody, sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import type { StandIn, StandInContext, StandInFactory } from './stand-in.ts';

/** The vendor's refusals: HTTP status, its name, and the reason where one is told (google.aip.dev/193). */
const refusals = {
  INVALID_ARGUMENT: { code: 400 },
  API_KEY_INVALID: {
    code: 400,
    status: 'INVALID_ARGUMENT',
    message: 'API key not valid. Please pass a valid API key.',
  },
  PERMISSION_DENIED: { code: 403, message: "Method doesn't allow unregistered callers." },
  NOT_FOUND: { code: 404 },
  RESOURCE_EXHAUSTED: { code: 429, message: 'You exceeded your current quota.' },
  UNAVAILABLE: { code: 503, message: 'The model is overloaded. Please try again later.' },
} as const satisfies Record<string, { code: number; status?: string; message?: string }>;

type Refusal = keyof typeof refusals;

const refusalOf: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: 'API_KEY_INVALID',
  'rate-limit': 'RESOURCE_EXHAUSTED',
  overload: 'UNAVAILABLE',
};

/**
 * Google's Gemini API on loopback, below `/gemini`: `POST /v1beta/models/*:streamGenerateContent?alt=sse` and the models' own
 * descriptions. Replies come from the rules that every language model of the sandbox shares, implicit caching is counted for real,
 * thought signatures are checked, and failures of the sandbox hit replies only.
 */
export const geminiStandIn: StandInFactory = (context) => new GeminiStandIn(context);

class GeminiStandIn implements StandIn {
  readonly vendor = 'gemini';
  readonly #context: StandInContext;
  readonly #cache = new ImplicitCache();
  readonly #signatures = new Set<string>();
  readonly #exchanges: Exchanges;

  constructor(context: StandInContext) {
    this.#context = context;
    this.#exchanges = new Exchanges('gemini', context.log);
  }

  owns(path: string): boolean {
    return path.startsWith('/gemini/v1beta/');
  }

  close(): void {
    this.#exchanges.close();
  }

  async http(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#exchanges.serve(request, response, (exchange) => this.#answer(exchange));
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request } = exchange;
    const body = await readBody(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sandbox');
    const [, model, method] = /^\/gemini\/v1beta\/models(?:\/([\w.-]+)(?::(\w+))?)?$/.exec(pathname) ?? [];
    const known = model !== undefined && model in models;
    if (!request.headers['x-goog-api-key'] && !searchParams.get('key')) {
      return this.#refuse(exchange, 'PERMISSION_DENIED');
    }
    if (request.method === 'GET' && pathname === '/gemini/v1beta/models') {
      exchange.log('models-listed');
      return sendJson(exchange.response, 200, { models: Object.keys(models).map(describeModel) });
    }
    if (request.method === 'GET' && known && !method) {
      exchange.log('models-listed');
      return sendJson(exchange.response, 200, describeModel(model));
    }
    if (model && !known) return this.#unexpected(exchange, 'NOT_FOUND', `models/${model} is not found for v1beta`);
    if (
      request.method !== 'POST' ||
      !model ||
      method !== 'streamGenerateContent' ||
      searchParams.get('alt') !== 'sse'
    ) {
      return this.#unexpected(exchange, 'NOT_FOUND', `${request.method} ${pathname} is not modelled`);
    }
    let parsed: GenerateRequest;
    try {
      parsed = parseRequest(model, this.#signatures, JSON.parse(body));
    } catch (error) {
      const reason = error instanceof RefusedRequest ? error.message : 'Invalid JSON payload received.';
      return this.#unexpected(exchange, 'INVALID_ARGUMENT', reason);
    }
    await this.#reply(exchange, model, parsed);
  }

  async #reply(exchange: Exchange, model: string, request: GenerateRequest): Promise<void> {
    const failure = this.#context.settings.takeFailure('gemini');
    const counts = { messages: request.contents.length, tools: namesOf(request.tools ?? []) };
    const refusal = failure && refusalOf[failure.mode];
    if (refusal || failure?.mode === 'hang') {
      exchange.log('request-received', counts);
      if (refusal) return this.#refuse(exchange, refusal);
      await exchange.hang();
    }

    const prompt = this.#cache.count(model, request);
    exchange.log('request-received', { ...counts, cacheReadTokens: prompt.cached });
    const { pieces, finishReason, outputTokens } = planReply(decideReply(toConversation(request.contents, request)), {
      responseId: randomBytes(16).toString('base64url'),
      model,
      maxTokens: request.generationConfig?.maxOutputTokens ?? Number.POSITIVE_INFINITY,
      prompt,
      newCallId: () => randomBytes(6).toString('base64url'),
      ...(models[model]?.signed && { sign: () => this.#newSignature() }),
    });
    for (const piece of pieces) {
      if (!(await this.#waitFor(piece, exchange, failure))) return;
      if (!exchange.response.headersSent) {
        exchange.response.writeHead(200, { 'content-type': 'text/event-stream' });
        exchange.log('first-token-sent');
      }
      exchange.response.write(`data: ${JSON.stringify(piece.data)}\r\n\r\n`);
    }
    exchange.log('request-completed', { stopReason: finishReason, outputTokens });
    exchange.response.end();
  }

  /** Waits until a piece is due. False when the failure `close` cut the connection before that. */
  async #waitFor({ tokens }: TimedPiece, exchange: Exchange, failure: Failure | undefined): Promise<boolean> {
    const { llmFirstTokenMs, llmTokensPerSecond } = this.#context.settings.delays;
    const factor = failure?.mode === 'slow' ? failure.factor : 1;
    const dueMs = factor * (llmFirstTokenMs + (tokens * 1_000) / llmTokensPerSecond);
    const cutMs = failure?.mode === 'close' ? failure.afterMs : Number.POSITIVE_INFINITY;
    const leftMs = exchange.startedAtMs + Math.min(dueMs, cutMs) - performance.now();
    if (leftMs > 0) await wait(leftMs, undefined, { signal: exchange.gone });
    if (dueMs < cutMs) return true;
    exchange.log('request-cut');
    exchange.response.destroy();
    return false;
  }

  #newSignature(): string {
    const signature = randomBytes(48).toString('base64');
    this.#signatures.add(signature);
    return signature;
  }

  /** Refuses what a client of the real API should not have sent, which fails the test that sent it. */
  #unexpected(exchange: Exchange, refusal: Refusal, message: string): void {
    exchange.log('unexpected-request', { message });
    this.#refuse(exchange, refusal, message);
  }

  #refuse(exchange: Exchange, name: Refusal, told?: string): void {
    const refusal: { code: number; status?: string; message?: string } = refusals[name];
    const { code, status = name } = refusal;
    const message = told ?? refusal.message;
    exchange.log('request-refused', { status: code });
    const field = /^(\S+): /.exec(told ?? '')?.[1];
    const details = [
      ...(status === name ? [] : [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: name }]),
      ...(field ? [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field }] }] : []),
    ];
    sendJson(exchange.response, code, { error: { code, message, status, ...(details.length && { details }) } });
  }
}

function describeModel(name: string): object {
  return { name: `models/${name}`, displayName: name, supportedGenerationMethods: ['generateContent', 'countTokens'] };
}
