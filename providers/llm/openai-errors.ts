import { APIConnectionError, APIError, APIStatusError, APITimeoutError } from '@livekit/agents';
import { OpenAI } from 'openai';

/** What is known of a failure besides the error itself. */
export interface FailureContext {
  /** Who is asked, as errors call it. */
  vendor: string;
  /** Whether a second attempt would say nothing twice. */
  retryable: boolean;
  /** Id of the request, for errors that arrive after the answer began. */
  requestId?: string | null;
}

/** HTTP status by code or type, for errors inside a stream (platform.openai.com/docs/guides/error-codes). */
const statusOfName: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  invalid_prompt: 400,
  context_length_exceeded: 400,
  invalid_api_key: 401,
  authentication_error: 401,
  model_not_found: 404,
  rate_limit_exceeded: 429,
  rate_limit_error: 429,
  insufficient_quota: 429,
  requests: 429,
  tokens: 429,
  server_error: 500,
};

/** OpenAI's and LiteLLM's names for money that is spent. */
const usedUp = ['insufficient_quota', 'budget_exceeded'];

/**
 * Translates what the SDK threw into what the framework retries by. Refusals that will not go away by themselves are final whatever
 * `retryable` says: 400, 401, 404, ..., and a quota that is used up, which comes as a 429.
 *
 * The vendor's text and body are left out: they can quote the conversation. What is told is the status, the code, the refused
 * parameter and the request id, each only if it looks like one: compatible servers put words there.
 */
export function toFrameworkError(error: unknown, { vendor, retryable, requestId }: FailureContext): APIError {
  if (error instanceof APIError) return error;
  if (error instanceof OpenAI.APIConnectionTimeoutError) {
    return new APITimeoutError({ message: `${vendor} did not begin to answer in time`, options: { retryable } });
  }
  if (error instanceof OpenAI.APIError && !(error instanceof OpenAI.APIConnectionError)) {
    const statusCode = statusOf(error);
    const names = [error.code, error.type].map((name) => word(name));
    const name = names.find((each) => each && !/^\d+$/.test(each)) ?? 'unknown error';
    const field = word(error.param);
    const id = word(error.requestID ?? requestId);
    const message = `${vendor} refused the request: ${statusCode} ${name}${field && ` at ${field}`}${id && ` (${id})`}`;
    const again = retryable && !names.some((each) => usedUp.includes(each));
    return new APIStatusError({ message, options: { statusCode, requestId: id || null, retryable: again } });
  }
  const code = codeOf(error);
  return new APIConnectionError({
    message: `The connection to ${vendor} failed${code && ` (${code})`}`,
    options: { retryable },
  });
}

/** LiteLLM and vLLM send the status as the code, as a number or in words. */
function statusOf({ status, code, type }: InstanceType<typeof OpenAI.APIError>): number {
  if (status !== undefined) return status;
  const number = Number(code ?? Number.NaN);
  if (Number.isInteger(number) && number >= 400 && number < 600) return number;
  return statusOfName[word(code)] ?? statusOfName[word(type)] ?? 500;
}

/** A single short word as names, paths and ids are; empty for anything else, and for the `None` of Python. */
function word(value: unknown): string {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return /^[\w.:[\]-]{1,80}$/.test(text) && text !== 'None' ? text : '';
}

/** The system's name for what happened, for example `ECONNREFUSED`, however deep the SDK wrapped it. */
function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return '';
}
