import { APIConnectionError, type APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { WebSocket } from 'ws';

// Sarvam's npm package names no licence, so its protocol is spoken here directly, over `ws`.

/** Where Sarvam serves (https://docs.sarvam.ai/api-reference-docs/speech-to-text/transcribe/ws). */
const vendorUrl = 'https://api.sarvam.ai';

/** Statuses that the vendor's error codes stand for (https://docs.sarvam.ai/api/errors-troubleshooting). */
const statusOfCode = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 403],
  ['invalid_api_key_error', 403],
  ['not_found_error', 404],
  ['unprocessable_entity_error', 422],
  ['insufficient_quota_error', 429],
  ['rate_limit_exceeded_error', 429],
  ['internal_server_error', 500],
]);

/** One of Sarvam's WebSockets and how to reach it. */
export interface SarvamAddress {
  apiKey: string;
  /** `http`, `https`, `ws` or `wss`, may have a path; Sarvam's own when absent. */
  baseUrl?: string;
  /** Begins with a slash. */
  path: string;
  query: Readonly<Record<string, string>>;
}

/**
 * Opens a WebSocket. An abort breaks it off, as long as it is not open yet.
 * @throws APIStatusError when Sarvam refuses (400 and 403 are final, 429 and 5xx worth a retry), APITimeoutError after
 * `timeoutMs`, APIConnectionError when it can't be reached; the reason of the signal when that was aborted.
 */
export async function openSarvamSocket(
  { apiKey, baseUrl = vendorUrl, path, query }: SarvamAddress,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<WebSocket> {
  signal.throwIfAborted();
  const url = `${baseUrl.replace(/^http/, 'ws').replace(/\/$/, '')}${path}?${new URLSearchParams(query)}`;
  const socket = new WebSocket(url, { headers: { 'api-subscription-key': apiKey }, perMessageDeflate: false });
  let failure: APIError | undefined;
  const giveUp = (error: APIError) => {
    failure ??= error;
    socket.terminate();
  };
  const onAbort = () => socket.terminate();
  const timer = setTimeout(() => giveUp(timedOut(timeoutMs)), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('unexpected-response', (_, response) => giveUp(refused(response.statusCode ?? 0)));
      // Stays for the socket's life: an error without a listener would end the process.
      socket.on('error', (error) => reject(failure ?? unreachable(error)));
    });
    return socket;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The framework's error for an `error` message of Sarvam. The message itself may quote what was said and is left out.
 * @param code The vendor's name for it, or a status.
 */
export function sarvamError(code: unknown): APIError {
  const name = typeof code === 'string' || typeof code === 'number' ? String(code) : '';
  const statusCode = statusOfCode.get(name) ?? (/^[45]\d\d$/.test(name) ? Number(name) : undefined);
  const known = /^[\w-]{1,40}$/.test(name) ? ` (${name})` : '';
  if (statusCode === undefined) return new APIConnectionError({ message: `Sarvam reported an error${known}` });
  const message = `Sarvam refused the request with status ${statusCode}${known}`;
  // Credits that are used up come as 429 too, but don't come back by waiting.
  return new APIStatusError({
    message,
    options: { statusCode, ...(name === 'insufficient_quota_error' && { retryable: false }) },
  });
}

/** A text message of Sarvam as JSON; undefined when it is none. */
export function parseSarvamMessage(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return undefined;
  }
}

function refused(statusCode: number): APIError {
  const message = `Sarvam refused the connection with HTTP ${statusCode}`;
  return new APIStatusError({ message, options: { statusCode } });
}

function timedOut(timeoutMs: number): APIError {
  return new APITimeoutError({ message: `Sarvam did not open a connection in ${timeoutMs} ms` });
}

function unreachable(error: Error): APIError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return new APIConnectionError({ message: `Could not connect to Sarvam: ${code}` });
}
