import { APIConnectionError, APIError, APIStatusError } from '@livekit/agents';

/** What OpenAI says of a failure, in an `error` event or in a failed response. */
export interface VendorFailure {
  type?: string | null;
  code?: string | null;
}

/** HTTP status of failures that arrive inside a connection (platform.openai.com/docs/guides/error-codes). */
const statuses: Record<string, number> = {
  invalid_api_key: 401,
  authentication_error: 401,
  permission_error: 403,
  model_not_found: 404,
  not_found_error: 404,
  rate_limit_exceeded: 429,
  rate_limit_error: 429,
  insufficient_quota: 429,
  invalid_request_error: 400,
  server_error: 500,
  api_error: 500,
};

/** The name a vendor gave to a failure and nothing else: free text can quote the conversation. */
const name = /^[\w.-]{1,80}$/;

/** Translates a failure that OpenAI told on an open connection; `what` says what it refused. */
export function failureOf(vendor: string, what: string, { type, code }: VendorFailure): APIError {
  const names = [type, code].filter((each): each is string => typeof each === 'string' && name.test(each));
  if (code === 'session_expired')
    return new APIConnectionError({ message: `${vendor} ended the session: its time is up` });
  const statusCode = statuses[code ?? ''] ?? statuses[type ?? ''] ?? 500;
  return new APIStatusError({
    message: `${vendor} refused ${what}: ${statusCode} ${names.join(' ') || 'unknown error'}`,
    options: { statusCode, retryable: isWorthARetry(statusCode) },
  });
}

/** Translates a refused handshake. */
export function refusalOf(vendor: string, statusCode: number, requestId: string | undefined): APIError {
  return new APIStatusError({
    message: `${vendor} refused the connection with HTTP ${statusCode}${requestId ? ` (${requestId})` : ''}`,
    options: { statusCode, requestId: requestId ?? null, retryable: isWorthARetry(statusCode) },
  });
}

/** Whatever was thrown, as the framework's error. */
export function toApiError(vendor: string, error: unknown): APIError {
  if (error instanceof APIError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return new APIConnectionError({ message: `The connection to ${vendor} failed${code}` });
}

function isWorthARetry(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}
