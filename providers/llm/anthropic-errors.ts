import Anthropic from '@anthropic-ai/sdk';
import { APIConnectionError, APIError, APIStatusError, APITimeoutError } from '@livekit/agents';

/** HTTP status of each error type, for errors that arrive inside a stream (platform.claude.com/docs/en/api/errors). */
const statusOfType: Record<string, number> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/**
 * Translates what the SDK threw into what the framework retries by. `retryable` says whether a second attempt would say nothing
 * twice; refusals that will not go away by themselves (400, 401, 404, ...) are final all the same.
 *
 * The vendor's text and body are left out: they can quote the conversation. What is told is the status, the type, the refused
 * field and the request id, under which the vendor's console shows the rest.
 */
export function toFrameworkError(error: unknown, retryable: boolean): APIError {
  if (error instanceof APIError) return error;
  if (error instanceof Anthropic.APIConnectionTimeoutError) {
    return new APITimeoutError({ message: 'Anthropic did not begin to answer in time', options: { retryable } });
  }
  if (error instanceof Anthropic.APIError && !(error instanceof Anthropic.APIConnectionError)) {
    const statusCode = error.status ?? statusOfType[error.type ?? ''] ?? 500;
    const requestId = error.requestID ?? null;
    const field = fieldOf(error);
    const message = `Anthropic refused the request: ${statusCode} ${error.type ?? 'unknown error'}${field && ` at ${field}`}${requestId ? ` (${requestId})` : ''}`;
    return new APIStatusError({ message, options: { statusCode, requestId, retryable } });
  }
  const code = codeOf(error);
  return new APIConnectionError({
    message: `The connection to Anthropic failed${code && ` (${code})`}`,
    options: { retryable },
  });
}

/** A refusal begins with the path of the field, for example `messages.3.content.0.text: ...`. */
function fieldOf(error: { apiMessage: string | null }): string {
  return (
    /^(?:messages|system|tools|tool_choice|thinking|max_tokens|model)(?:\.\w+)*(?=:)/.exec(
      error.apiMessage ?? '',
    )?.[0] ?? ''
  );
}

/** The system's name for what happened, for example `ECONNREFUSED`, however deep the SDK wrapped it. */
function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return '';
}
