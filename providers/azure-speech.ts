import { APIConnectionError, type APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { CancellationErrorCode, SpeechConfig } from 'microsoft-cognitiveservices-speech-sdk';
import type {
  ConnectionClosedEvent,
  ConnectionErrorEvent,
  ConnectionMessageReceivedEvent,
  ConnectionMessageSentEvent,
} from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common/ConnectionEvents.js';
import type { IConnection } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common/IConnection.js';
import { WebsocketMessageAdapter } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.browser/WebsocketMessageAdapter.js';
import type { AuthInfo } from 'microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.speech/IAuthentication.js';

// Where Node has a WebSocket of its own (22 and later) the SDK would use it, which hides why a handshake was refused.
WebsocketMessageAdapter.forceNpmWebSocket = true;

/** Where Azure's speech service is, and the key to it. */
export interface AzureSpeechAccess {
  /** Key of the Speech resource. */
  apiKey: string;
  /** Region of the resource, for example `westeurope`; needed unless there is a `baseUrl`. */
  region?: string;
  /** `http`, `https`, `ws` or `wss` of a server in the region's place; may have a path before the service's own. */
  baseUrl?: string;
}

/** Times of the service are in ticks of 100 nanoseconds. */
export const ticksPerSecond = 10_000_000;

/** What the service closes a connection with when it takes a message for malformed (RFC 6455, 7.4.1). */
const invalidMessageCode = 1007;

/**
 * Settings of the SDK for one of the service's WebSocket paths.
 * @throws Error when neither `region` nor `baseUrl` says where the service is.
 */
export function speechConfigOf({ apiKey, region, baseUrl }: AzureSpeechAccess, path: string): SpeechConfig {
  if (baseUrl === undefined) {
    if (!region) throw new Error('Azure Speech: set region, or baseUrl for a server in its place');
    return SpeechConfig.fromSubscription(apiKey, region);
  }
  const endpoint = new URL(baseUrl);
  const prefix = endpoint.pathname.replace(/\/$/, '');
  endpoint.protocol = endpoint.protocol.replace('http', 'ws');
  // For an endpoint without a path of its own the SDK first asks an `https:` server where to go.
  if (prefix === '' && path.startsWith('/tts/')) return SpeechConfig.fromHost(endpoint, apiKey);
  endpoint.pathname = prefix + path;
  return SpeechConfig.fromEndpoint(endpoint, apiKey);
}

/** The error of the framework for an error code of the SDK. */
export function failureOf(code: CancellationErrorCode): APIError {
  const refusals: Partial<Record<CancellationErrorCode, number>> = {
    [CancellationErrorCode.BadRequestParameters]: 400,
    [CancellationErrorCode.AuthenticationFailure]: 401,
    [CancellationErrorCode.Forbidden]: 403,
    [CancellationErrorCode.TooManyRequests]: 429,
    [CancellationErrorCode.ServiceError]: 500,
  };
  const message = `Azure Speech failed: ${CancellationErrorCode[code]}`;
  const statusCode = refusals[code];
  if (statusCode !== undefined) return new APIStatusError({ message, options: { statusCode } });
  if (code === CancellationErrorCode.ServiceTimeout) return new APITimeoutError({ message });
  return new APIConnectionError({ message });
}

/** Makes connections, for a recogniser or a synthesiser of the SDK. */
interface ConnectionFactory<Config> {
  create(config: Config, access: AuthInfo, connectionId?: string): Promise<IConnection>;
}

/**
 * The one connection of a recogniser or synthesiser of the SDK. The SDK connects again by itself, can't be stopped while
 * it connects and tells of failures in prose: here it is given a single connection, which is watched and closed from below.
 */
export class SpeechSocket {
  /** Resolves when the service took the connection; rejects with an `APIError` when it didn't. */
  readonly opened: Promise<void>;
  /** Resolves when the connection is over: with an error, or with nothing when we closed it. */
  readonly ended: Promise<APIError | undefined>;
  /** Told of every message that is sent: its path, and the length of its body if it is binary. */
  onSent: (path: string, bytes: number) => void = () => {};
  /** Told the path of every message that came, before the SDK takes it in. */
  onReceived: (path: string) => void = () => {};
  #connection: IConnection | undefined;
  #resolveOpened = () => {};
  #rejectOpened: (error: APIError) => void = () => {};
  #resolveEnded: (error: APIError | undefined) => void = () => {};
  #hungUp: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #state: 'connecting' | 'open' | 'ended' = 'connecting';

  /** @param timeoutMs Longest time until the service takes the connection. */
  constructor(timeoutMs: number) {
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    this.opened.catch(() => {});
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#timer = setTimeout(() => {
      this.fail(new APITimeoutError({ message: 'Azure Speech did not answer the connection in time' }));
    }, timeoutMs);
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** A factory for the SDK that makes one connection, which is ours from then on. */
  oneOf<Config>(factory: ConnectionFactory<Config>): ConnectionFactory<Config> {
    return {
      create: async (config, access, connectionId) => {
        if (this.#connection || this.#state !== 'connecting') throw new Error('Azure Speech: no connection any more');
        const connection = await factory.create(config, access, connectionId);
        this.#connection = connection;
        connection.events.attach((event) => {
          if (event.name === 'ConnectionStartEvent') this.#hangUpWhenOver();
          if (event.name === 'ConnectionEstablishedEvent') this.#open();
          if (event.name === 'ConnectionErrorEvent') this.fail(refusalOf((event as ConnectionErrorEvent).message));
          if (event.name === 'ConnectionClosedEvent') this.fail(lossOf((event as ConnectionClosedEvent).statusCode));
          if (event.name === 'ConnectionMessageReceivedEvent') {
            this.onReceived(String((event as ConnectionMessageReceivedEvent).message.headers.path));
          }
          if (event.name === 'ConnectionMessageSentEvent') {
            const { message } = event as ConnectionMessageSentEvent;
            this.onSent(
              String(message.headers.Path),
              message.body instanceof ArrayBuffer ? message.body.byteLength : 0,
            );
          }
        });
        return connection;
      },
    };
  }

  /** Ends the connection for a reason; the first one counts. */
  fail(error: APIError): void {
    this.#end(error);
  }

  /** Closes the connection at once, also while it is being made; resolves when the service has let go of it too. */
  close(): Promise<void> {
    this.#end(undefined);
    return this.#hungUp;
  }

  #open(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    clearTimeout(this.#timer);
    this.#resolveOpened();
  }

  #end(error: APIError | undefined): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    clearTimeout(this.#timer);
    this.#rejectOpened(error ?? new APIConnectionError({ message: 'The connection to Azure Speech was given up' }));
    this.#hangUpWhenOver();
    this.#resolveEnded(error);
  }

  #hangUpWhenOver(): void {
    if (this.#state === 'ended' && this.#connection) this.#hungUp = this.#connection.dispose().catch(() => {});
  }
}

/** The SDK passes on nothing of a failed handshake but the text of the `ws` library. */
function refusalOf(message: string): APIError {
  const statusCode = Number(/^Unexpected server response: (\d{3})$/.exec(message)?.[1]);
  if (statusCode) {
    const refusal = `Azure Speech refused the connection with HTTP ${statusCode}`;
    return new APIStatusError({ message: refusal, options: { statusCode } });
  }
  const code = /\b(E[A-Z]{4,}|CERT_[A-Z_]+)\b/.exec(message)?.[1];
  return new APIConnectionError({ message: `Could not connect to Azure Speech${code ? ` (${code})` : ''}` });
}

function lossOf(closeCode: number): APIError {
  const message = `Azure Speech closed the connection (${closeCode})`;
  if (closeCode === invalidMessageCode) return new APIStatusError({ message, options: { statusCode: 400 } });
  return new APIConnectionError({ message });
}
