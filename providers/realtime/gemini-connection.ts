import { GoogleGenAI, Live, type LiveConnectConfig, type LiveServerMessage, type Session } from '@google/genai';
import { APIConnectionError, type APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { type RawData, WebSocket } from 'ws';
import { type GeminiEndpoint, geminiClientOptions } from '../llm/gemini-client.ts';

/** Where a model is found. */
export interface LiveEndpoint extends GeminiEndpoint {
  /** For example `gemini-3.8-live`. */
  model: string;
}

/** How often a quiet connection is asked whether it is still there. */
const pingEveryMs = 10_000;
/** A closing handshake is given this long. */
const closeWithinMs = 150;

type SocketFactory = ConstructorParameters<typeof Live>[2];
type SocketCallbacks = Parameters<SocketFactory['create']>[2];

/** The SDK's client with a socket of ours under its Live API: the SDK's own cannot be given up before it is open. */
class LiveClient extends GoogleGenAI {
  /** The key goes into the URL, so there is no header to add. */
  over(factory: SocketFactory): Live {
    return new Live(this.apiClient, { addAuthHeaders: async () => {} }, factory);
  }
}

/**
 * One WebSocket to the Live API, through the SDK (ai.google.dev/api/live). The SDK waits forever for a connection that is refused,
 * tells nothing of the reason and throws what is not JSON into the process; here every end is one `APIError`.
 */
export class LiveConnection {
  /** Resolves when the connection is gone: without an error when we closed it. */
  readonly ended: Promise<APIError | undefined>;
  #settle: ((error: APIError | undefined) => void) | undefined;
  #socket: WebSocket | undefined;
  #session: Session | undefined;
  #pings: NodeJS.Timeout | undefined;
  #isAnswering = true;
  #isClosing = false;

  private constructor() {
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /**
   * Connects, sends the setup and waits until the model is there. An abort closes the connection, also later on.
   * @throws APIStatusError when it is refused (a wrong key, model or setup is final), APITimeoutError after `timeoutMs`,
   * APIConnectionError when it can't be reached.
   */
  static async open(
    endpoint: LiveEndpoint,
    config: LiveConnectConfig,
    options: { timeoutMs: number; signal: AbortSignal; onMessage: (message: LiveServerMessage) => void },
  ): Promise<LiveConnection> {
    const connection = new LiveConnection();
    const live = new LiveClient(geminiClientOptions(endpoint)).over({
      create: (url, headers, callbacks) => connection.#createSocket(url, headers, callbacks),
    });
    const timer = setTimeout(() => {
      connection.fail(new APITimeoutError({ message: 'Gemini did not answer the connection in time' }));
    }, options.timeoutMs);
    const close = () => connection.close();
    options.signal.addEventListener('abort', close, { once: true });
    void connection.ended.then(() => options.signal.removeEventListener('abort', close));
    if (options.signal.aborted) close();
    const opening = live.connect({
      model: endpoint.model,
      config,
      callbacks: {
        onmessage: (message) => {
          if (!connection.#isClosing) options.onMessage(message);
        },
      },
    });
    // A setup that the SDK refuses to send; it cannot be told from a bug, and is as final as one.
    opening.catch(() => connection.fail(refusal(400)));
    const outcome = await Promise.race([opening, connection.ended]).finally(() => clearTimeout(timer));
    if (!outcome)
      throw new APIConnectionError({ message: 'The connection was given up', options: { retryable: false } });
    if (outcome instanceof Error) throw outcome;
    connection.#session = outcome;
    return connection;
  }

  /** What to send with; undefined while the connection is going down. */
  get session(): Session | undefined {
    return !this.#isClosing && this.#socket?.readyState === WebSocket.OPEN ? this.#session : undefined;
  }

  /** Closes; messages that are still on their way are dropped. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) socket?.terminate();
    else {
      const timer = setTimeout(() => socket.terminate(), closeWithinMs);
      socket.once('close', () => clearTimeout(timer));
      socket.close(1000);
    }
    this.#end(undefined);
  }

  /** Cuts the connection, as lost for this reason. */
  fail(error: APIError): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#end(error);
    this.#socket?.terminate();
  }

  #createSocket(url: string, headers: Record<string, string>, { onopen, onmessage }: SocketCallbacks) {
    return {
      connect: () => {
        // It may have been given up before the SDK came to it.
        if (this.#isClosing) return;
        const socket = new WebSocket(url, { headers, perMessageDeflate: false });
        this.#socket = socket;
        socket.on('open', onopen);
        socket.on('message', (data) => {
          this.#isAnswering = true;
          const text = textOf(data);
          if (isJson(text)) onmessage({ data: text });
          else this.fail(new APIConnectionError({ message: 'Gemini sent a message that is not JSON' }));
        });
        socket.on('pong', () => {
          this.#isAnswering = true;
        });
        socket.on('unexpected-response', (_request, { statusCode = 500 }) => this.fail(refusal(statusCode)));
        // Its URL, which holds the key, must not get into an error.
        socket.on('error', (error) => this.fail(connectionLost('code' in error ? error.code : undefined)));
        socket.on('close', (code, reason) => this.#closed(code, reason.toString('utf8')));
        this.#pings = setInterval(() => this.#ping(), pingEveryMs);
      },
      send: (message: string) => this.#socket?.send(message),
      close: () => this.close(),
    };
  }

  #closed(code: number, reason: string): void {
    clearInterval(this.#pings);
    this.#end(errorOfClose(code, reason));
    this.#isClosing = true;
  }

  #ping(): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (!this.#isAnswering) {
      this.fail(new APITimeoutError({ message: 'Gemini no longer answers on the connection' }));
      return;
    }
    this.#isAnswering = false;
    this.#socket.ping();
  }

  #end(error: APIError | undefined): void {
    this.#settle?.(error);
    this.#settle = undefined;
  }
}

/**
 * Translates a close by the vendor, who refuses keys, models and quotas on an open WebSocket. The reason is read for its kind only:
 * it is the vendor's text.
 */
function errorOfClose(code: number, reason: string): APIError {
  if (/api key/i.test(reason)) return refusal(401);
  if (/quota|rate limit|exhausted/i.test(reason)) return refusal(429);
  if (code === 1007) return refusal(400);
  if (code === 1008) return refusal(/not found|not supported/i.test(reason) ? 404 : 403);
  if (/unavailable|overloaded/i.test(reason)) return refusal(503);
  return connectionLost(code);
}

function refusal(statusCode: number): APIError {
  const retryable = statusCode === 408 || statusCode === 429 || statusCode >= 500;
  const message = `Gemini refused the conversation: ${statusCode}`;
  return new APIStatusError({ message, options: { statusCode, retryable } });
}

function connectionLost(code: unknown): APIError {
  return new APIConnectionError({ message: `The connection to Gemini was lost${code ? ` (${code})` : ''}` });
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)).toString('utf8');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
