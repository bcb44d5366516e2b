import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { PromptCache } from './anthropic-cache.ts';
import { type MessagesRequest, parseRequest, RefusedRequest } from './anthropic-request.ts';
import { decideReply } from './anthropic-rules.ts';
import { planReply, type TimedEvent, toEvents, toMessage } from './anthropic-stream.ts';
import { type Exchange, Exchanges } from './exchange.ts';
import { readBody, sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import type { StandIn, StandInContext, StandInFactory } from './stand-in.ts';

/** Status and body type of each error the stand-in gives (platform.claude.com/docs/en/api/errors). */
const statusOf = {
  invalid_request_error: 400,
  authentication_error: 401,
  not_found_error: 404,
  rate_limit_error: 429,
  overloaded_error: 529,
} as const;

type ErrorType = keyof typeof statusOf;

const refusals: Partial<
  Record<Failure['mode'], { type: ErrorType; message: string; headers?: Record<string, string> }>
> = {
  refuse: { type: 'authentication_error', message: 'invalid x-api-key' },
  'rate-limit': { type: 'rate_limit_error', message: 'too many requests', headers: { 'retry-after': '1' } },
  overload: { type: 'overloaded_error', message: 'Overloaded' },
};

const requestIdHeader = 'request-id';

/**
 * Anthropic's Messages API on loopback: `POST /v1/messages`, streamed or not, and `GET /v1/models`. Replies come from a few rules
 * (`anthropic-rules.ts`), prompt caching is counted for real, and failures of the sandbox hit `POST /v1/messages` only.
 */
export const anthropicStandIn: StandInFactory = (context) => new AnthropicStandIn(context);

class AnthropicStandIn implements StandIn {
  readonly vendor = 'anthropic';
  readonly #context: StandInContext;
  readonly #cache = new PromptCache();
  readonly #exchanges: Exchanges;

  constructor(context: StandInContext) {
    this.#context = context;
    this.#exchanges = new Exchanges('anthropic', context.log);
  }

  owns(path: string): boolean {
    return /^\/v1\/(?:messages|models)(?:\/|$)/.test(path);
  }

  close(): void {
    this.#exchanges.close();
  }

  async http(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader(requestIdHeader, newId('req'));
    await this.#exchanges.serve(request, response, (exchange) => this.#answer(exchange));
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request } = exchange;
    const body = await readBody(request);
    const { pathname } = new URL(request.url ?? '/', 'http://sandbox');
    if (!request.headers['x-api-key'] && !/^Bearer ./.test(request.headers.authorization ?? '')) {
      return this.#refuse(exchange, 'authentication_error', 'x-api-key header is required');
    }
    if (!request.headers['anthropic-version']) {
      return this.#unexpected(exchange, 'invalid_request_error', 'anthropic-version: header is required');
    }
    if (request.method === 'GET' && pathname === '/v1/models') {
      const failure = this.#context.settings.standingFailure('anthropic');
      const refusal = failure && refusals[failure.mode];
      if (refusal) return this.#refuse(exchange, refusal.type, refusal.message, refusal.headers);
      if (failure?.mode === 'hang') await exchange.hang();
      exchange.log('models-listed');
      return sendJson(exchange.response, 200, modelPage);
    }
    if (request.method !== 'POST' || pathname !== '/v1/messages') {
      return this.#unexpected(exchange, 'not_found_error', `${request.method} ${pathname} is not modelled`);
    }
    let parsed: MessagesRequest;
    try {
      parsed = parseRequest(JSON.parse(body));
    } catch (error) {
      const reason = error instanceof RefusedRequest ? error.message : 'the body is not valid JSON';
      return this.#unexpected(exchange, 'invalid_request_error', reason);
    }
    await this.#reply(exchange, parsed);
  }

  async #reply(exchange: Exchange, request: MessagesRequest): Promise<void> {
    const failure = this.#context.settings.takeFailure('anthropic');
    const counts = { messages: request.messages.length, tools: (request.tools ?? []).map(({ name }) => name) };
    const refusal = failure && refusals[failure.mode];
    if (refusal || failure?.mode === 'hang') {
      exchange.log('request-received', counts);
      if (refusal) return this.#refuse(exchange, refusal.type, refusal.message, refusal.headers);
      await exchange.hang();
    }

    const prompt = this.#cache.count(request);
    const { cacheRead: cacheReadTokens, cacheCreation: cacheCreationTokens } = prompt;
    exchange.log('request-received', { ...counts, cacheReadTokens, cacheCreationTokens });
    const envelope = {
      messageId: newId('msg'),
      model: request.model,
      maxTokens: request.max_tokens,
      prompt,
      newToolUseId: () => newId('toolu'),
    };
    const reply = decideReply(request);
    const plan = planReply(reply, envelope);
    if (request.stream) {
      exchange.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    }
    const events = toEvents(plan, envelope);
    const firstToken = events.find(({ name }) => name === 'content_block_delta');
    for (const event of events) {
      if (!(await this.#waitFor(event, exchange, failure))) return;
      if (request.stream) exchange.response.write(`event: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`);
      if (event === firstToken) exchange.log('first-token-sent');
    }
    const { toolCalls } = reply;
    exchange.log('request-completed', { stopReason: plan.stopReason, outputTokens: plan.outputTokens, toolCalls });
    if (request.stream) exchange.response.end();
    else sendJson(exchange.response, 200, toMessage(plan, envelope));
  }

  /** Waits until an event is due. False when the failure `close` cut the connection before that. */
  async #waitFor({ name, tokens }: TimedEvent, exchange: Exchange, failure: Failure | undefined): Promise<boolean> {
    const { llmFirstTokenMs, llmTokensPerSecond } = this.#context.settings.delays;
    const factor = failure?.mode === 'slow' ? failure.factor : 1;
    const dueMs = name === 'message_start' ? 0 : factor * (llmFirstTokenMs + (tokens * 1_000) / llmTokensPerSecond);
    const cutMs = failure?.mode === 'close' ? failure.afterMs : Number.POSITIVE_INFINITY;
    const leftMs = exchange.startedAtMs + Math.min(dueMs, cutMs) - performance.now();
    if (leftMs > 0) await wait(leftMs, undefined, { signal: exchange.gone });
    if (dueMs < cutMs) return true;
    exchange.log('request-cut');
    exchange.response.destroy();
    return false;
  }

  /** Refuses what a client of the real API should not have sent, which fails the test that sent it. */
  #unexpected(exchange: Exchange, type: ErrorType, message: string): void {
    exchange.log('unexpected-request', { message });
    this.#refuse(exchange, type, message);
  }

  #refuse(exchange: Exchange, type: ErrorType, message: string, headers: Record<string, string> = {}): void {
    exchange.log('request-refused', { status: statusOf[type] });
    const body = { type: 'error', error: { type, message }, request_id: exchange.response.getHeader(requestIdHeader) };
    sendJson(exchange.response, statusOf[type], body, headers);
  }
}

/** What `GET /v1/models` answers: enough for a client that only wants the connection opened. */
const modelPage = {
  data: [
    { type: 'model', id: 'claude-haiku-4-5', display_name: 'Claude Haiku 4.5', lifecycle: 'active', line: 'haiku' },
  ],
  has_more: false,
  first_id: 'claude-haiku-4-5',
  last_id: 'claude-haiku-4-5',
};

/** An id as the vendor makes them: a prefix that tells the kind, and 24 random characters. */
function newId(prefix: 'req' | 'msg' | 'toolu'): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}
