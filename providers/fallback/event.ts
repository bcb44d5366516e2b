import { APIConnectionError, APIError, APIStatusError, APITimeoutError } from '@livekit/agents';

/** Why a vendor was left for another: it was late, fell silent in the middle, failed, or refused us. */
export type FallbackReason = 'timeout' | 'stall' | 'error' | 'refused';

/** One vendor was given up. */
export interface FallbackEvent {
  port: 'stt' | 'llm' | 'tts';
  /** Key of the member that was given up. */
  from: string;
  /** Key of the member that goes on; null when nobody is left. */
  to: string | null;
  reason: FallbackReason;
  /** How long the member was listened to, in milliseconds. */
  afterMs: number;
}

/** Statuses that come back however often the same key asks for the same thing. */
const refusals = [401, 402, 403, 404];
/** Statuses that blame what was asked; the vendor may be well all the same. */
const ownFaults = [400, 413, 422];

/** What a member's error comes to. */
export function reasonOf(error: Error): FallbackReason {
  if (error instanceof APITimeoutError) return 'timeout';
  return error instanceof APIStatusError && refusals.includes(error.statusCode) ? 'refused' : 'error';
}

/** Whether an error says something about the vendor, and not only about what was asked of it. */
export function isVendorsFault(error: Error): boolean {
  if (error instanceof APIStatusError) return !ownFaults.includes(error.statusCode);
  return error instanceof APIConnectionError || !(error instanceof APIError);
}

/**
 * What is thrown once every member has failed: the first error that a retry may mend, else the first of all.
 * @param isFinal nothing may be retried: something of the answer was given out, or it took too long
 */
export function failureOf(errors: readonly Error[], isFinal: boolean): Error {
  const mendable = errors.find((error) => error instanceof APIError && error.retryable);
  const error = mendable ?? errors[0] ?? new APIConnectionError({ message: 'No vendor gave an answer' });
  return isFinal && error === mendable ? asFinal(error) : error;
}

/** What was thrown, as an error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('Something was thrown that is no error');
}

/** The same error, not retryable. */
function asFinal(error: Error): Error {
  const { message } = error;
  const options = { retryable: false };
  if (error instanceof APIStatusError) {
    const { statusCode, requestId } = error;
    return new APIStatusError({ message, options: { ...options, statusCode, requestId } });
  }
  if (error instanceof APITimeoutError) return new APITimeoutError({ message, options });
  if (error instanceof APIConnectionError) return new APIConnectionError({ message, options });
  return new APIError(message, options);
}
