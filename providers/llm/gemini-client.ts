import { ApiError, GoogleGenAI, type GoogleGenAIOptions } from '@google/genai';
import { APIConnectionError, APIError, APIStatusError } from '@livekit/agents';

/** Where the Gemini Developer API is (ai.google.dev/api). */
const vendorUrl = 'https://generativelanguage.googleapis.com';

/** How a model is reached. */
export interface GeminiEndpoint {
  apiKey: string;
  /** Without `/v1beta`; the vendor's own when absent. */
  baseUrl?: string;
}

/** Options of the vendor's client that leave it nothing to look for in the environment; it retries nothing with them. */
export function geminiClientOptions({ apiKey, baseUrl }: GeminiEndpoint): GoogleGenAIOptions {
  return { apiKey, vertexai: false, apiVersion: 'v1beta', httpOptions: { baseUrl: baseUrl ?? vendorUrl } };
}

/** Makes the vendor's client. */
export function createGeminiClient(endpoint: GeminiEndpoint): GoogleGenAI {
  return new GoogleGenAI(geminiClientOptions(endpoint));
}

/**
 * Translates what the SDK threw into what the framework retries by. `retryable` says whether a second attempt would say nothing
 * twice; refusals that will not go away by themselves (400, 403, 404, ...) are final all the same.
 *
 * The SDK makes the vendor's whole answer its message, which can quote the conversation. What is told of it is the status, its
 * name, and the reason and fields that the vendor names (google.aip.dev/193).
 */
export function toFrameworkError(error: unknown, retryable: boolean): APIError {
  if (error instanceof APIError) return error;
  if (error instanceof ApiError) {
    const details = detailsOf(error.message);
    const message = `Gemini refused the request: ${error.status}${details && ` ${details}`}`;
    return new APIStatusError({ message, options: { statusCode: error.status, retryable } });
  }
  const code = codeOf(error);
  return new APIConnectionError({
    message: `The connection to Gemini failed${code && ` (${code})`}`,
    options: { retryable },
  });
}

/** For example `INVALID_ARGUMENT API_KEY_INVALID`, or `INVALID_ARGUMENT at contents[2].parts[0]`. */
function detailsOf(message: string): string {
  try {
    const { error } = JSON.parse(message.slice(message.indexOf('{')));
    const details: { reason?: unknown; fieldViolations?: { field?: unknown }[] }[] = error.details ?? [];
    const names = [error.status, ...details.map(({ reason }) => reason)].filter(isName);
    const fields = details.flatMap(({ fieldViolations = [] }) => fieldViolations.map(({ field }) => field));
    const field = fields.find((path) => typeof path === 'string' && /^[\w.[\]]+$/.test(path));
    return [...names, ...(field ? [`at ${field}`] : [])].join(' ');
  } catch {
    return '';
  }
}

/** Whether the vendor put a constant there, like `RESOURCE_EXHAUSTED`, and no sentence. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z][A-Z_]*$/.test(value);
}

/** The system's name for what happened, for example `ECONNREFUSED`, however deep the SDK wrapped it. */
function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return '';
}
