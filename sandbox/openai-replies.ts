import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { decideReply } from './anthropic-rules.ts';
import type { Conversation } from './anthropic-situation.ts';
import { type Plan, planReply } from './anthropic-stream.ts';
import { type Exchange, Exchanges } from './exchange.ts';
import { AutomaticCache, RefusedReply } from './openai-replies-prompt.ts';
import { readBody, sendJson } from './server.ts';
import type { Failure, Vendor } from './settings.ts';
import type { StandIn, StandInContext, StandInFactory } from './stand-in.ts';

/** One server-sent event; `tokens` of the reply have been spent when it is due. */
export interface ReplyEvent {
  name?: string;
  /** An object goes out as JSON. */
  data: object | string;
  tokens: number;
  /** Sent at once, while the model has not begun to write. */
  ahead?: boolean;
}

/** What a reply is wrapped in. */
export interface ReplyEnvelope {
  plan: Plan;
  model: string;
  usage: { prompt: number; cached: number };
}

/** A request, once it is found to be one that the vendor takes. */
export interface AskedReply {
  model: string;
  maxTokens: number;
  conversation: Conversation;
  /** The prompt in the order in which the vendor caches it, a JSON text each. */
  prompt: string[];
  /** The events of one reply in the vendor's order. */
  toEvents(envelope: ReplyEnvelope): ReplyEvent[];
}

/** A refusal in the manner of OpenAI; others put it into a form of their own. */
export interface Refusal {
  status: number;
  message: string;
  code: string | null;
  param?: string | null;
}

/** What tells one interface from another. */
export interface ReplyInterface {
  vendor: Vendor;
  /** Path below which everything stands, for example `/openai/v1`. */
  prefix: string;
  /** Path of the replies below the prefix. */
  path: string;
  models: readonly string[];
  requestIdHeader: string;
  /** @throws RefusedReply naming what the vendor would refuse. */
  parse(body: unknown): AskedReply;
  toErrorBody(refusal: Refusal): object;
}

const refusals: Partial<Record<Failure['mode'], Refusal>> = {
  refuse: { status: 401, message: 'Incorrect API key provided.', code: 'invalid_api_key' },
  'rate-limit': { status: 429, message: 'Rate limit reached.', code: 'rate_limit_exceeded' },
  overload: { status: 503, message: 'The engine is currently overloaded.', code: null },
};

/**
 * Makes a stand-in for one of the interfaces that stream replies as OpenAI does, with `GET /models` beside it. Replies come from the
 * rules that every language model of the sandbox shares. Failures hit replies, and listings as long as they are not counted.
 */
export function replyStandIn(served: ReplyInterface): StandInFactory {
  return (context) => new ReplyStandIn(served, context);
}

class ReplyStandIn implements StandIn {
  readonly #served: ReplyInterface;
  readonly #context: StandInContext;
  readonly #cache = new AutomaticCache();
  readonly #exchanges: Exchanges;

  constructor(served: ReplyInterface, context: StandInContext) {
    this.#served = served;
    this.#context = context;
    this.#exchanges = new Exchanges(served.vendor, context.log);
  }

  get vendor(): Vendor {
    return this.#served.vendor;
  }

  owns(path: string): boolean {
    const { prefix, path: replies } = this.#served;
    return path === `${prefix}/models` || path === `${prefix}${replies}` || path.startsWith(`${prefix}${replies}/`);
  }

  close(): void {
    this.#exchanges.close();
  }

  async http(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader(this.#served.requestIdHeader, newId('req_'));
    await this.#exchanges.serve(request, response, (exchange) => this.#answer(exchange));
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request } = exchange;
    const body = await readBody(request);
    const { prefix, path, parse } = this.#served;
    const { pathname } = new URL(request.url ?? '/', 'http://sandbox');
    if (!/^Bearer \S+$/.test(request.headers.authorization ?? '')) {
      return this.#unexpected(exchange, { status: 401, message: "You didn't provide an API key.", code: null });
    }
    if (request.method === 'GET' && pathname === `${prefix}/models`) return this.#list(exchange);
    if (request.method !== 'POST' || pathname !== `${prefix}${path}`) {
      const message = `Invalid URL (${request.method} ${pathname})`;
      return this.#unexpected(exchange, { status: 404, message, code: null });
    }
    let asked: AskedReply;
    try {
      asked = parse(JSON.parse(body));
    } catch (error) {
      if (!(error instanceof RefusedReply) && !(error instanceof SyntaxError)) throw error;
      const invalid = { status: 400, message: 'We could not parse the JSON body of your request.', code: null };
      return this.#unexpected(exchange, error instanceof RefusedReply ? error : invalid);
    }
    await this.#reply(exchange, asked);
  }

  async #list(exchange: Exchange): Promise<void> {
    const failure = this.#context.settings.standingFailure(this.vendor);
    if (failure?.mode === 'hang') await exchange.hang();
    const refusal = failure && refusals[failure.mode];
    if (refusal) return this.#refuse(exchange, refusal);
    if (failure?.mode === 'close') return void exchange.response.destroy();
    exchange.log('models-listed');
    const data = this.#served.models.map((id) => ({ id, object: 'model', created: 1_677_610_602, owned_by: 'openai' }));
    sendJson(exchange.response, 200, { object: 'list', data });
  }

  async #reply(exchange: Exchange, asked: AskedReply): Promise<void> {
    const failure = this.#context.settings.takeFailure(this.vendor);
    const { messages, tools = [] } = asked.conversation;
    const counts = { model: asked.model, messages: messages.length, tools: tools.map(({ name }) => name) };
    const refusal = failure && refusals[failure.mode];
    if (refusal || failure?.mode === 'hang') {
      exchange.log('request-received', counts);
      if (refusal) return this.#refuse(exchange, refusal);
      await exchange.hang();
    }

    const usage = this.#cache.count(asked.model, asked.prompt);
    exchange.log('request-received', { ...counts, cacheReadTokens: usage.cached });
    const plan = planReply(decideReply(asked.conversation), {
      messageId: '',
      model: asked.model,
      maxTokens: asked.maxTokens,
      prompt: { input: usage.prompt, cacheRead: usage.cached, cacheCreation: 0 },
      newToolUseId: () => newId('call_'),
    });
    exchange.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const events = asked.toEvents({ plan, model: asked.model, usage });
    const firstToken = events.find(({ ahead }) => !ahead);
    for (const event of events) {
      if (!(await this.#waitFor(event, exchange, failure))) return;
      const data = typeof event.data === 'string' ? event.data : JSON.stringify(event.data);
      exchange.response.write(`${event.name ? `event: ${event.name}\n` : ''}data: ${data}\n\n`);
      if (event === firstToken) exchange.log('first-token-sent');
    }
    exchange.log('request-completed', { stopReason: plan.stopReason, outputTokens: plan.outputTokens });
    exchange.response.end();
  }

  /** Waits until an event is due. False when the failure `close` cut the connection before that. */
  async #waitFor({ ahead, tokens }: ReplyEvent, exchange: Exchange, failure: Failure | undefined): Promise<boolean> {
    const { llmFirstTokenMs, llmTokensPerSecond } = this.#context.settings.delays;
    const factor = failure?.mode === 'slow' ? failure.factor : 1;
    const dueMs = ahead ? 0 : factor * (llmFirstTokenMs + (tokens * 1_000) / llmTokensPerSecond);
    const cutMs = failure?.mode === 'close' ? failure.afterMs : Number.POSITIVE_INFINITY;
    const leftMs = exchange.startedAtMs + Math.min(dueMs, cutMs) - performance.now();
    if (leftMs > 0) await wait(leftMs, undefined, { signal: exchange.gone });
    if (dueMs < cutMs) return true;
    exchange.log('request-cut');
    exchange.response.destroy();
    return false;
  }

  /** Refuses what a client of the real API should not have sent, which fails the test that sent it. */
  #unexpected(exchange: Exchange, refusal: Refusal): void {
    exchange.log('unexpected-request', { message: refusal.message, param: refusal.param ?? null });
    this.#refuse(exchange, refusal);
  }

  #refuse(exchange: Exchange, refusal: Refusal): void {
    const { status } = refusal;
    exchange.log('request-refused', { status });
    sendJson(
      exchange.response,
      status,
      this.#served.toErrorBody(refusal),
      status === 429 ? { 'retry-after': '1' } : {},
    );
  }
}

/** An error body as OpenAI writes it (platform.openai.com/docs/guides/error-codes). */
export function toOpenAIError({ status, message, code, param = null }: Refusal): object {
  const type = status === 429 ? 'requests' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param, code } };
}

/** An id as the vendor makes them: a prefix that tells the kind, and 24 random characters. */
export function newId(prefix: string): string {
  return `${prefix}${randomBytes(12).toString('hex')}`;
}
