import { connect } from 'node:net';
import { APIConnectionError, type APIError, APITimeoutError } from '@livekit/agents';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { RealtimeClientEvent, RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { failureOf, refusalOf, toApiError } from './openai-errors.ts';

/** Where a realtime model is found. */
export interface RealtimeEndpoint {
  /** How errors name the vendor. */
  vendor: string;
  apiKey: string;
  /** As the SDK wants it, with `/v1`: `https`, or `http` on loopback. */
  baseUrl: string;
  /** Name of the model; at Azure of the deployment. */
  model: string;
  /** Azure takes the key in a header of its own. */
  azure: boolean;
}

/** How often a quiet connection is asked whether it is still there. */
const pingEveryMs = 10_000;
/** A closing handshake is given this long. */
const closeWithinMs = 150;

/**
 * One WebSocket to a realtime model, through the SDK's own class. The SDK neither tells the status of a refused handshake nor
 * notices a peer that went away in silence; here every end is one `APIError`.
 */
export class RealtimeConnection {
  /** Resolves when the connection is gone: without an error when we closed it. */
  readonly ended: Promise<APIError | undefined>;
  readonly #realtime: OpenAIRealtimeWS;
  readonly #endpoint: RealtimeEndpoint;
  readonly #pings: NodeJS.Timeout;
  #settle: ((error: APIError | undefined) => void) | undefined;
  #isAnswering = true;
  #isClosing = false;

  private constructor(endpoint: RealtimeEndpoint, onEvent: (event: RealtimeServerEvent) => void) {
    this.#endpoint = endpoint;
    this.#realtime = new OpenAIRealtimeWS(
      { model: endpoint.model, options: socketOptions(endpoint) },
      { apiKey: endpoint.apiKey, baseURL: endpoint.baseUrl },
    );
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { socket } = this.#realtime;
    this.#realtime.on('event', (event) => {
      this.#isAnswering = true;
      if (!this.#isClosing) onEvent(event);
    });
    // What the vendor told in an `error` event went to `onEvent` already.
    this.#realtime.on('error', ({ error, cause }) => {
      if (!error) this.fail(toApiError(endpoint.vendor, cause));
    });
    socket.on('unexpected-response', (_request, response) => {
      const requestId = response.headers['x-request-id'];
      this.fail(refusalOf(endpoint.vendor, response.statusCode ?? 500, [requestId].flat()[0]));
    });
    socket.on('pong', () => {
      this.#isAnswering = true;
    });
    socket.on('close', (code) => {
      clearInterval(this.#pings);
      this.#end(new APIConnectionError({ message: `${endpoint.vendor} closed the connection (${code})` }));
    });
    this.#pings = setInterval(() => this.#ping(), pingEveryMs);
  }

  /**
   * Connects, and waits until the model is there. An abort closes the connection, also later on.
   * @throws APIStatusError when it is refused (401, 400 and 404 are final, 429 and 5xx worth a retry), APITimeoutError after
   * `timeoutMs`, APIConnectionError when it can't be reached.
   */
  static async open(
    endpoint: RealtimeEndpoint,
    options: { timeoutMs: number; signal: AbortSignal; onEvent: (event: RealtimeServerEvent) => void },
  ): Promise<RealtimeConnection> {
    let isReady = false;
    let tellReady = () => {};
    const ready = new Promise<undefined>((resolve) => {
      tellReady = () => resolve(undefined);
    });
    const connection = new RealtimeConnection(endpoint, (event) => {
      if (isReady) return options.onEvent(event);
      if (event.type === 'error') connection.fail(failureOf(endpoint.vendor, 'the session', event.error));
      if (event.type !== 'session.created') return;
      isReady = true;
      tellReady();
    });
    const timer = setTimeout(() => {
      connection.fail(new APITimeoutError({ message: `${endpoint.vendor} did not answer the connection in time` }));
    }, options.timeoutMs);
    const close = () => connection.close();
    options.signal.addEventListener('abort', close, { once: true });
    void connection.ended.then(() => options.signal.removeEventListener('abort', close));
    if (options.signal.aborted) close();
    const error = await Promise.race([ready, connection.ended]).finally(() => clearTimeout(timer));
    if (error) throw error;
    if (!isReady)
      throw new APIConnectionError({ message: 'The connection was given up', options: { retryable: false } });
    return connection;
  }

  /** Sends an event; dropped while the connection is going down. */
  send(event: RealtimeClientEvent): void {
    if (!this.#isClosing && this.#realtime.socket.readyState === this.#realtime.socket.OPEN) this.#realtime.send(event);
  }

  /** Closes; events that are still on their way are dropped. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const { socket } = this.#realtime;
    if (socket.readyState !== socket.OPEN) socket.terminate();
    else {
      const timer = setTimeout(() => socket.terminate(), closeWithinMs);
      socket.once('close', () => clearTimeout(timer));
      this.#realtime.close();
    }
    this.#end(undefined);
  }

  /** Cuts the connection, as lost for this reason. */
  fail(error: APIError): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#end(error);
    this.#realtime.socket.terminate();
  }

  #ping(): void {
    const { socket } = this.#realtime;
    if (socket.readyState !== socket.OPEN) return;
    if (!this.#isAnswering) {
      this.fail(new APITimeoutError({ message: `${this.#endpoint.vendor} no longer answers on the connection` }));
      return;
    }
    this.#isAnswering = false;
    socket.ping();
  }

  #end(error: APIError | undefined): void {
    this.#settle?.(error);
    this.#settle = undefined;
  }
}

type SocketOptions = NonNullable<ConstructorParameters<typeof OpenAIRealtimeWS>[0]['options']>;

/** The SDK always asks for `wss:` and always sends a bearer token; both are put right where they are wrong. */
function socketOptions({ baseUrl, apiKey, azure }: RealtimeEndpoint): SocketOptions {
  const { protocol, hostname, port } = new URL(baseUrl);
  const isPlain = protocol === 'http:' || protocol === 'ws:';
  return {
    perMessageDeflate: false,
    ...(isPlain && { createConnection: () => connect({ host: hostname, port: Number(port) || 80 }) }),
    ...(azure && {
      headers: { 'api-key': apiKey },
      finishRequest: (request) => {
        request.removeHeader('authorization');
        request.end();
      },
    }),
  };
}
