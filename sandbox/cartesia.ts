import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { type Generation, generationSchema, olderModels, Speech, type SpeechConnection } from './cartesia-speech.ts';
import { sendJson } from './server.ts';
import type { Failure } from './settings.ts';
import type { StandInContext, StandInFactory } from './stand-in.ts';
import { StandInSockets } from './stand-in-sockets.ts';

/** The vendor closes a connection without messages after this (docs.cartesia.ai, "Concurrency limits and timeouts"). */
const idleTimeoutMs = 5 * 60_000;

const cancelSchema = z.strictObject({ context_id: z.string().min(1), cancel: z.literal(true) });

/**
 * Cartesia's text-to-speech WebSocket, `GET /tts/websocket` (docs.cartesia.ai/api-reference/tts/websocket, API version
 * 2026-08-14). Audio is made as text comes and sent at four times real time.
 *
 * A failure is taken when a connection opens and when a context starts on an open one. `refuse`, `rate-limit` and
 * `overload` answer the opening with an HTTP status, the context with an error event; `hang` leaves either without an
 * answer. `slow` and `close` have no meaning for an opening and wait for the connection's first context: `close` cuts
 * the connection `afterMs` after that context's first text, whether or not it is still being spoken.
 */
export const cartesiaStandIn: StandInFactory = (context) => {
  const sockets = new StandInSockets('cartesia', context.log);

  return {
    vendor: 'cartesia',
    owns: (path) => path.startsWith('/tts/'),
    http(request, response) {
      context.log.add('cartesia', 'unexpected-request', 0, { message: `${request.method} over HTTP` });
      sendJson(response, 404, { error_code: null, title: 'Not found', message: 'Only the WebSocket is served' });
    },
    upgrade(request, socket, head) {
      const connection = sockets.number();
      const failure = context.settings.takeFailure('cartesia');
      const status = hasCredentials(request) ? refusalStatus(failure) : 401;
      if (status) {
        context.log.add('cartesia', 'connection-refused', connection, { status });
        const body = { error_code: null, title: 'Refused', message: 'Refused', request_id: randomUUID() };
        sockets.refuse(socket, { status, body });
      } else if (failure?.mode === 'hang') sockets.hang(socket, connection);
      else {
        sockets.accept(request, socket, head, (accepted) => {
          new Connection(accepted, connection, context, failure).open();
        });
      }
    },
    dropConnections: () => sockets.drop(),
    close: () => sockets.close(),
  };
};

function hasCredentials(request: IncomingMessage): boolean {
  const query = new URL(request.url ?? '/', 'http://cartesia').searchParams;
  const bearer = /^Bearer \S+$/.test(request.headers.authorization ?? '');
  const key = bearer || request.headers['x-api-key'] || query.get('api_key') || query.get('access_token');
  const version = query.get('cartesia_version') ?? request.headers['cartesia-version'];
  return Boolean(key) && typeof version === 'string' && /^\d{4}-\d\d-\d\d$/.test(version);
}

function refusalStatus(failure: Failure | undefined): number | undefined {
  const statuses: Partial<Record<Failure['mode'], number>> = { refuse: 401, 'rate-limit': 429, overload: 503 };
  return failure && statuses[failure.mode];
}

class Connection implements SpeechConnection {
  readonly #socket: WebSocket;
  readonly #number: number;
  readonly #context: StandInContext;
  readonly #speeches = new Map<string, Speech>();
  readonly #closed = new AbortController();
  #failure: Failure | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, number: number, context: StandInContext, failure: Failure | undefined) {
    this.#socket = socket;
    this.#number = number;
    this.#context = context;
    this.#failure = failure;
  }

  open(): void {
    this.log('connection-opened');
    this.#touch();
    this.#socket.on('message', (data) => this.#receive(String(data)));
    this.#socket.on('error', () => {});
    this.#socket.once('close', (code) => {
      clearTimeout(this.#idleTimer);
      this.#closed.abort();
      for (const speech of this.#speeches.values()) speech.stop();
      this.log('connection-closed', { code });
    });
  }

  log(event: string, details?: Record<string, unknown>): void {
    this.#context.log.add('cartesia', event, this.#number, details);
  }

  /** Sends a message of a context. */
  send(contextId: string, message: Record<string, unknown>): void {
    this.#touch();
    this.#socket.send(JSON.stringify({ context_id: contextId, ...message }));
  }

  /** Refuses an input as the vendor does. */
  refuse(contextId: string | undefined, status: number, code: string | null, title: string): void {
    this.log('request-refused', { contextId, status });
    this.#socket.send(
      JSON.stringify({
        ...(contextId && { context_id: contextId }),
        ...{ type: 'error', done: true, status_code: status, error_code: code, title, message: title },
        request_id: randomUUID(),
      }),
    );
  }

  #touch(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#socket.close(1000, 'connection idle timeout'), idleTimeoutMs);
  }

  #receive(text: string): void {
    this.#touch();
    const message = parseJson(text);
    const cancel = cancelSchema.safeParse(message);
    const generation = generationSchema.safeParse(message);
    if (cancel.success) this.#speeches.get(cancel.data.context_id)?.cancel();
    else if (generation.success) this.#generate(generation.data);
    else {
      const fields = generation.error.issues.map((issue) => `${issue.path.join('.')} ${issue.code}`).join(', ');
      this.log('unexpected-request', { message: `neither a generation nor a cancel request: ${fields}` });
      const named = z.looseObject({ context_id: z.string() }).safeParse(message);
      this.refuse(named.data?.context_id, 400, 'invalid_request', 'The request is not valid');
    }
  }

  #generate(request: Generation): void {
    const contextId = request.context_id;
    const known = this.#speeches.get(contextId);
    if (!known) this.#start(request);
    else if (!known.isSame(request)) {
      this.log('unexpected-request', { message: 'an input changed more than the text of its context' });
      this.refuse(contextId, 400, 'invalid_request', 'Inputs of a context may differ in their transcript only');
    } else if (known.end) {
      // What the vendor ended, its client couldn't know yet.
      if (known.end === 'finished' || known.end === 'cancelled') {
        this.log('unexpected-request', { message: `an input for a context that was ${known.end}` });
      }
      this.refuse(contextId, 400, 'context_closed', 'Context has closed');
    } else known.add(request);
  }

  #start(request: Generation): void {
    const contextId = request.context_id;
    const failure = this.#failure ?? this.#context.settings.takeFailure('cartesia');
    this.#failure = undefined;
    const factor = failure?.mode === 'slow' ? failure.factor : 1;
    const speech = new Speech(this, request, { firstAudioMs: this.#context.settings.delays.ttsFirstAudioMs, factor });
    this.#speeches.set(contextId, speech);
    if (request.pronunciation_dict_id && olderModels.test(request.model_id)) {
      speech.end = 'refused';
      this.refuse(contextId, 400, 'invalid_request', 'This model takes no pronunciation dictionary');
      return;
    }
    const status = refusalStatus(failure);
    if (status) {
      speech.end = 'refused';
      this.refuse(contextId, status, status === 429 ? 'concurrency_limited' : null, 'Refused');
      return;
    }
    const { language, generation_config: config, pronunciation_dict_id: dictionaryId } = request;
    this.log('context-started', { contextId, language, speed: config?.speed, dictionaryId });
    if (failure?.mode === 'close') this.#cutAfter(failure.afterMs);
    if (failure?.mode === 'hang') speech.stop();
    else speech.add(request);
  }

  #cutAfter(afterMs: number): void {
    delay(afterMs, undefined, { signal: this.#closed.signal }).then(
      () => this.#socket.terminate(),
      () => {},
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
